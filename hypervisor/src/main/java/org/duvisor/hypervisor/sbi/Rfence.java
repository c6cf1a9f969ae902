package org.duvisor.hypervisor.sbi;

import org.duvisor.hypervisor.vcpu.Vcpu;
import org.duvisor.platform.DvDriver;
import org.duvisor.platform.Fence;
import org.duvisor.platform.HuHart;

/**
 * RFENCE extension (SBI 2.0, chapter 8) without its hypervisor part. The own hart is fenced here,
 * the others by the driver, which knows where they run.
 */
final class Rfence implements Extension {
  /** EID. */
  static final int ID = 0x52464E43;

  /** A longer range is fenced as a whole. */
  private static final long MANY_PAGES = 64;

  private static final long PAGE = 4096;

  private final Vcpu vcpu;
  private final DvDriver driver;
  private final HartMask harts;

  Rfence(Vcpu vcpu, DvDriver driver, HartMask harts) {
    this.vcpu = vcpu;
    this.driver = driver;
    this.harts = harts;
  }

  @Override
  public long call(long function, SbiCall call) {
    if (function < 0 || function > 2) {
      return SbiError.NOT_SUPPORTED;
    }
    long mask = call.argument(0);
    long base = call.argument(1);
    if (!harts.isValid(mask, base)) {
      return SbiError.INVALID_PARAM;
    }
    Fence kind =
        switch ((int) function) {
          case 0 -> Fence.FENCE_I;
          case 1 -> Fence.VVMA;
          default -> Fence.VVMA_ASID;
        };
    boolean ranged = kind != Fence.FENCE_I;
    int asid = kind == Fence.VVMA_ASID ? (int) call.argument(4) & 0xFFFF : 0;
    fence(
        kind,
        harts.vcpus(mask, base),
        ranged ? call.argument(2) : 0,
        ranged ? call.argument(3) : 0,
        asid);
    return SbiError.SUCCESS;
  }

  private void fence(Fence kind, long targets, long start, long size, int asid) {
    long self = 1L << vcpu.index();
    if ((targets & self) != 0) {
      fenceSelf(kind, start, size, asid);
    }
    if ((targets & ~self) != 0) {
      driver.fence(kind, targets & ~self, start, size, asid);
    }
  }

  private void fenceSelf(Fence kind, long start, long size, int asid) {
    HuHart h = vcpu.hart();
    if (kind == Fence.FENCE_I) {
      h.fenceI();
      return;
    }
    long space = kind == Fence.VVMA_ASID ? asid : -1;
    long first = start & -PAGE;
    long last = start + size - 1;
    boolean all = size == 0 || Long.compareUnsigned(last, start) < 0;
    if (all || Long.compareUnsigned(last - first, MANY_PAGES * PAGE) >= 0) {
      h.fenceVvma(-1, space);
      return;
    }
    for (long page = first; page - first <= last - first; page += PAGE) {
      h.fenceVvma(page, space);
    }
  }
}
