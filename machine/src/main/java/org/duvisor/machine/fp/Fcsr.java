package org.duvisor.machine.fp;

/**
 * The floating-point control and status register of one hart (unprivileged specification, F
 * extension, "Floating-Point Control and Status Register"). Plain mutable state: the engines read
 * and write the fields on their hot paths.
 */
public final class Fcsr {
  /** Inexact. */
  public static final int NX = 1;

  /** Underflow; RISC-V detects tininess after rounding. */
  public static final int UF = 2;

  /** Overflow. */
  public static final int OF = 4;

  /** Divide by zero. */
  public static final int DZ = 8;

  /** Invalid operation. */
  public static final int NV = 16;

  private static final int FLAGS = 0x1f;
  private static final int FRM_SHIFT = 5;
  private static final int FRM = 7;

  /** The accrued exceptions, an or of {@link #NX} to {@link #NV}; never other bits. */
  public int flags;

  /**
   * The dynamic rounding mode, 0 to 7; 5 to 7 are reserved and legal to hold, but not to round
   * with.
   */
  public int frm;

  /**
   * Returns the {@code fcsr} CSR: flags in bits 4:0, rounding mode in bits 7:5, the others zero.
   */
  public long fcsr() {
    return (long) frm << FRM_SHIFT | flags;
  }

  /** Writes the {@code fcsr} CSR; bits above 7 are ignored. */
  public void fcsr(long value) {
    fflags(value);
    frm(value >>> FRM_SHIFT);
  }

  /** Returns the {@code fflags} CSR. */
  public long fflags() {
    return flags;
  }

  /** Writes the {@code fflags} CSR; bits above 4 are ignored. */
  public void fflags(long value) {
    flags = (int) value & FLAGS;
  }

  /** Returns the {@code frm} CSR. */
  public long frm() {
    return frm;
  }

  /** Writes the {@code frm} CSR; bits above 2 are ignored. */
  public void frm(long value) {
    frm = (int) value & FRM;
  }
}
