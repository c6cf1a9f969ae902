package org.duvisor.hypervisor.sbi;

import org.duvisor.hypervisor.interrupts.Ipi;
import org.duvisor.platform.FastExits;

/** IPI extension (SBI 3.0, chapter 7). */
final class IpiExtension implements Extension {
  /** EID. */
  private static final int ID = 0x735049;

  private final Ipi ipi;
  private final HartMask harts;
  private final FastExits fastExits;

  IpiExtension(Ipi ipi, HartMask harts, FastExits fastExits) {
    this.ipi = ipi;
    this.harts = harts;
    this.fastExits = fastExits;
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
    long mask = call.argument(0);
    long base = call.argument(1);
    if (!harts.isValid(mask, base)) {
      return SbiError.INVALID_PARAM;
    }
    ipi.send(harts.vcpus(mask, base), fastExits.takePosted());
    return SbiError.SUCCESS;
  }
}
