package org.duvisor.hypervisor.sbi;

import org.duvisor.hypervisor.stage2.GuestRam;
import org.duvisor.hypervisor.vcpu.Hsm;
import org.duvisor.hypervisor.vcpu.Power;
import org.duvisor.hypervisor.vcpu.Vcpu;
import org.duvisor.hypervisor.vcpu.Vcpus;

/** Hart State Management (SBI 3.0, chapter 9). */
final class HsmExtension implements Extension {
  /** EID. */
  private static final int ID = 0x48534D;

  private static final long RETENTIVE = 0x00000000;
  private static final long NON_RETENTIVE = 0x80000000L;

  private final Vcpu vcpu;
  private final Vcpus vcpus;
  private final GuestRam ram;
  private final Power power;

  HsmExtension(Vcpu vcpu, Vcpus vcpus, GuestRam ram, Power power) {
    this.vcpu = vcpu;
    this.vcpus = vcpus;
    this.ram = ram;
    this.power = power;
  }

  @Override
  public int id() {
    return ID;
  }

  @Override
  public long call(long function, SbiCall call) {
    if (function < 0 || function > 3) {
      return SbiError.NOT_SUPPORTED;
    }
    return switch ((int) function) {
      case 0 -> start(call.argument(0), call.argument(1), call.argument(2));
      case 1 -> stop();
      case 2 -> status(call, call.argument(0));
      default -> suspend(call.argument(0), call.argument(1), call.argument(2));
    };
  }

  private long start(long hart, long address, long opaque) {
    if (!vcpus.has(hart)) {
      return SbiError.INVALID_PARAM;
    }
    if (!ram.isCode(address)) {
      return SbiError.INVALID_ADDRESS;
    }
    Vcpu target = vcpus.get((int) hart);
    if (!target.hsm().start(address, opaque)) {
      return SbiError.ALREADY_AVAILABLE;
    }
    target.kick();
    return SbiError.SUCCESS;
  }

  private long stop() {
    vcpu.halt();
    for (Vcpu v : vcpus.all()) {
      if (v.hsm().state() != Hsm.State.STOPPED) {
        return SbiError.NO_RETURN;
      }
    }
    power.crash("all vCPUs have stopped, and nobody is left to start one");
    return SbiError.NO_RETURN;
  }

  private long status(SbiCall call, long hart) {
    if (!vcpus.has(hart)) {
      return SbiError.INVALID_PARAM;
    }
    return call.succeed(vcpus.get((int) hart).hsm().state().number());
  }

  private long suspend(long type, long address, long opaque) {
    boolean forget = (int) type == (int) NON_RETENTIVE;
    if (!forget && (int) type != RETENTIVE) {
      return SbiError.INVALID_PARAM;
    }
    if (forget && !ram.isCode(address)) {
      return SbiError.INVALID_ADDRESS;
    }
    vcpu.hsm().suspended(true);
    vcpu.waitForInterrupt();
    vcpu.hsm().suspended(false);
    if (!forget) {
      return SbiError.SUCCESS;
    }
    vcpu.resume(address, opaque);
    return SbiError.NO_RETURN;
  }
}
