package org.duvisor.hypervisor.sbi;

import org.duvisor.hypervisor.vcpu.Vcpus;

/**
 * Hart masks: a bit vector and the hart that its bit 0 stands for; base -1 is everybody (SBI 3.0,
 * chapter 3).
 */
final class HartMask {
  private final Vcpus vcpus;

  HartMask(Vcpus vcpus) {
    this.vcpus = vcpus;
  }

  /** Whether all harts of a mask exist. */
  boolean isValid(long mask, long base) {
    if (base == -1 || mask == 0) {
      return true;
    }
    return vcpus.has(base)
        && (mask << base) >>> base == mask
        && (mask << base & ~vcpus.mask()) == 0;
  }

  /** The vCPUs of a valid mask, one bit each. */
  long vcpus(long mask, long base) {
    if (base == -1) {
      return vcpus.mask();
    }
    return mask == 0 ? 0 : mask << base;
  }
}
