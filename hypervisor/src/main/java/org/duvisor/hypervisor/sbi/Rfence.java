package org.duvisor.hypervisor.sbi;

import org.duvisor.hypervisor.vcpu.FirmwareEvent;
import org.duvisor.hypervisor.vcpu.Vcpu;
import org.duvisor.hypervisor.vcpu.Vcpus;
import org.duvisor.platform.DvDriver;
import org.duvisor.platform.Fence;
import org.duvisor.platform.HuHart;

/**
 * RFENCE extension (SBI 3.0, chapter 8) without its hypervisor part. The own hart is fenced here,
 * the others by the driver, which knows where they run.
 */
final class Rfence implements Extension {
  /** EID. */
  private static final int ID = 0x52464E43;

  private static final long PAGE = 4096;

  /** By function. */
  private static final FirmwareEvent[] SENT = {
    FirmwareEvent.FENCE_I_SENT, FirmwareEvent.SFENCE_VMA_SENT, FirmwareEvent.SFENCE_VMA_ASID_SENT
  };

  private static final FirmwareEvent[] RECEIVED = {
    FirmwareEvent.FENCE_I_RECEIVED,
    FirmwareEvent.SFENCE_VMA_RECEIVED,
    FirmwareEvent.SFENCE_VMA_ASID_RECEIVED
  };

  private final Vcpu vcpu;
  private final Vcpus vcpus;
  private final DvDriver driver;
  private final HartMask harts;

  Rfence(Vcpu vcpu, Vcpus vcpus, DvDriver driver, HartMask harts) {
    this.vcpu = vcpu;
    this.vcpus = vcpus;
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
    long others = targets & ~self;
    if (others != 0) {
      driver.fence(kind, others, all ? 0 : call.argument(2), all ? 0 : call.argument(3), asid);
      count((int) function, others);
    }
    return SbiError.SUCCESS;
  }

  /** The driver has done it on the other harts, whose hypervisor did not see it. */
  private void count(int function, long others) {
    vcpu.count(SENT[function], Long.bitCount(others));
    for (long left = others; left != 0; left &= left - 1) {
      vcpus.get(Long.numberOfTrailingZeros(left)).count(RECEIVED[function], 1);
    }
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
