package org.duvisor.hypervisor.exit;

import org.duvisor.hypervisor.vcpu.Power;
import org.duvisor.hypervisor.vcpu.Vcpu;

/** What handlers do when the guest did something wrong, or when nothing can be done any more. */
final class Trouble {
  private final Vcpu vcpu;
  private final Power power;
  private final ExitStats stats;

  Trouble(Vcpu vcpu, Power power, ExitStats stats) {
    this.vcpu = vcpu;
    this.power = power;
    this.stats = stats;
  }

  /** The guest gets an exception. */
  ExitKind inject(int cause, long tval) {
    if (!vcpu.inject(cause, tval)) {
      crash("the guest's trap vector cannot be fetched");
    }
    return ExitKind.INJECTED;
  }

  /** The VM stops. */
  void crash(String why) {
    power.crash(CrashReport.of(vcpu, stats, why));
  }
}
