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
  private static final int ID = 0x52464E43;

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
  public int id() {
    return ID;
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
    int asid = kind == Fence.VVMA_ASID ? (int) call.argument(4) & 0xFFFF : 0;
    int pages =
        kind == Fence.FENCE_I ? Fence.EVERYTHING : Fence.pages(call.argument(2), call.argument(3));
    boolean all = pages == Fence.EVERYTHING;
    long targets = harts.vcpus(mask, base);
    long self = 1L << vcpu.index();
    if ((targets & self) != 0) {
      fenceSelf(kind, call.argument(2), pages, asid);
    }
    if ((targets & ~self) != 0) {
      driver.fence(
          kind, targets & ~self, all ? 0 : call.argument(2), all ? 0 : call.argument(3), asid);
    }
    return SbiError.SUCCESS;
  }

  private void fenceSelf(Fence kind, long start, int pages, int asid) {
    HuHart h = vcpu.hart();
    if (kind == Fence.FENCE_I) {
      h.fenceI();
      return;
    }
    long space = kind == Fence.VVMA_ASID ? asid : -1;
    if (pages == Fence.EVERYTHING) {
      h.fenceVvma(-1, space);
    }
    for (int i = 0; i < pages; i++) {
      h.fenceVvma((start & -PAGE) + i * PAGE, space);
    }
  }
}
