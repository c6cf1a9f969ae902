package org.duvisor.hypervisor.sbi;

import org.duvisor.hypervisor.interrupts.Ipi;
import org.duvisor.hypervisor.stage2.GuestRam;
import org.duvisor.hypervisor.vcpu.Hsm;
import org.duvisor.hypervisor.vcpu.Vcpu;
import org.duvisor.hypervisor.vcpu.Vcpus;

/** System Suspend (SBI 3.0, chapter 13): suspend to RAM, which any enabled interrupt ends. */
final class SystemSuspend implements Extension {
  /** EID. */
  private static final int ID = 0x53555350;

  private static final int TO_RAM = 0;

  private final Vcpu vcpu;
  private final Vcpus vcpus;
  private final GuestRam ram;
  private final Ipi ipi;

  SystemSuspend(Vcpu vcpu, Vcpus vcpus, GuestRam ram, Ipi ipi) {
    this.vcpu = vcpu;
    this.vcpus = vcpus;
    this.ram = ram;
    this.ipi = ipi;
  }

  @Override
  public int id() {
    return ID;
  }

  @Override
  public long call(long function, SbiCall call) {
    if (function != 0) {
      return SbiError.NOT_SUPPORTED;
    }
    if ((int) call.argument(0) != TO_RAM) {
      return SbiError.INVALID_PARAM;
    }
    long address = call.argument(1);
    long opaque = call.argument(2);
    if (!ram.isCode(address)) {
      return SbiError.INVALID_ADDRESS;
    }
    if (!isAlone()) {
      return SbiError.DENIED;
    }
    vcpu.hsm().suspended(true);
    sleep();
    vcpu.hsm().suspended(false);
    vcpu.resume(address, opaque);
    return SbiError.NO_RETURN;
  }

  /** Whether all other harts are stopped; nobody is left to start one then. */
  private boolean isAlone() {
    for (Vcpu v : vcpus.all()) {
      if (v != vcpu && v.hsm().state() != Hsm.State.STOPPED) {
        return false;
      }
    }
    return true;
  }

  /** Until there is an interrupt for the guest, or the VM ends: kicks and pauses do not wake it. */
  private void sleep() {
    while (vcpu.ready() && !vcpu.isInterrupted()) {
      if (vcpu.hasPost()) {
        ipi.receive();
      } else {
        vcpu.waitForInterrupt();
      }
    }
  }
}
