package org.duvisor.hypervisor.sbi;

import org.duvisor.hypervisor.vcpu.FirmwareEvent;
import org.duvisor.isa.Csr;

/** Timer extension (SBI 3.0, chapter 6), for guests that do not use stimecmp themselves. */
final class TimeExtension implements Extension {
  /** EID. */
  private static final int ID = 0x54494D45;

  @Override
  public int id() {
    return ID;
  }

  @Override
  public long call(long function, SbiCall call) {
    if (function != 0) {
      return SbiError.NOT_SUPPORTED;
    }
    call.vcpu().count(FirmwareEvent.SET_TIMER, 1);
    call.vcpu().hart().csr(Csr.HUVSTIMECMP, call.argument(0));
    return SbiError.SUCCESS;
  }
}
