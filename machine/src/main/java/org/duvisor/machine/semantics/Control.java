package org.duvisor.machine.semantics;

/** Targets of unconditional jumps. */
public final class Control {
  private Control() {}

  /** JAL. */
  public static long jal(long pc, long imm) {
    return pc + imm;
  }

  /** JALR. */
  public static long jalr(long base, long imm) {
    return base + imm & ~1L;
  }
}
