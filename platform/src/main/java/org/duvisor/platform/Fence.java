package org.duvisor.platform;

/** The kinds of remote fence a VM needs (SBI RFENCE). */
public enum Fence {
  /** fence.i. */
  FENCE_I,
  /** hfence.vvma, all address spaces. */
  VVMA,
  /** hfence.vvma, one address space. */
  VVMA_ASID,
  /** hfence.gvma. */
  GVMA
}
