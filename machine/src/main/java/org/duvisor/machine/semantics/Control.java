package org.duvisor.machine.semantics;

/**
 * Targets of unconditional jumps (unprivileged specification, RV32I). With 2-byte alignment of code
 * none traps.
 */
public final class Control {
  private Control() {}

  /** jal: relative to pc. */
  public static long jal(long pc, long imm) {
    return pc + imm;
  }

  /** jalr: base plus offset, bit 0 cleared. */
  public static long jalr(long base, long imm) {
    return base + imm & ~1L;
  }
}
