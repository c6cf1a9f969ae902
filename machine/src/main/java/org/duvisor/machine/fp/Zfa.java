package org.duvisor.machine.fp;

import static org.duvisor.machine.fp.Format.DOUBLE;
import static org.duvisor.machine.fp.Format.HALF;
import static org.duvisor.machine.fp.Format.SINGLE;

import org.duvisor.isa.FloatConstant;

/** The instructions of Zfa for the three formats, as those of F and D are in {@link Fp}. */
@SuppressWarnings("MemberName") // the specification's names
public final class Zfa {
  private Zfa() {}

  // ---- Constants.

  private static final long[] HALVES = constants(HALF);
  private static final long[] SINGLES = constants(SINGLE);
  private static final long[] DOUBLES = constants(DOUBLE);

  /** Rounded to nearest even: for halves the largest becomes infinity. */
  private static long[] constants(Format f) {
    long[] all = new long[FloatConstant.NAN + 1];
    for (int i = 0; i < all.length; i++) {
      all[i] =
          f.box(
              switch (i) {
                case FloatConstant.MIN -> f.minNormal();
                case FloatConstant.NAN -> f.canonicalNan();
                default -> nearest(f, FloatConstant.value(i));
              });
    }
    return all;
  }

  private static long nearest(Format f, double value) {
    return SoftFloat.convert(new Fcsr(), DOUBLE, f, Fp.bits(value), Fp.RNE);
  }

  /** The constant of a number from 0 to 31. */
  public static long fli_h(long index) {
    return HALVES[(int) index];
  }

  /** The constant of a number from 0 to 31. */
  public static long fli_s(long index) {
    return SINGLES[(int) index];
  }

  /** The constant of a number from 0 to 31. */
  public static long fli_d(long index) {
    return DOUBLES[(int) index];
  }

  // ---- Minimum and maximum; any NaN makes the canonical one.

  /** The smaller of both; the canonical NaN if one is a NaN. */
  public static long fminm_h(Fcsr c, long a, long b) {
    return extreme(c, HALF, a, b, false);
  }

  /** The smaller of both; the canonical NaN if one is a NaN. */
  public static long fminm_s(Fcsr c, long a, long b) {
    return extreme(c, SINGLE, a, b, false);
  }

  /** The smaller of both; the canonical NaN if one is a NaN. */
  public static long fminm_d(Fcsr c, long a, long b) {
    return extreme(c, DOUBLE, a, b, false);
  }

  /** The larger of both; the canonical NaN if one is a NaN. */
  public static long fmaxm_h(Fcsr c, long a, long b) {
    return extreme(c, HALF, a, b, true);
  }

  /** The larger of both; the canonical NaN if one is a NaN. */
  public static long fmaxm_s(Fcsr c, long a, long b) {
    return extreme(c, SINGLE, a, b, true);
  }

  /** The larger of both; the canonical NaN if one is a NaN. */
  public static long fmaxm_d(Fcsr c, long a, long b) {
    return extreme(c, DOUBLE, a, b, true);
  }

  // ---- Rounding to an integer.

  /** Rounded to an integer; NX is not raised. */
  public static long fround_h(Fcsr c, long a, int rm) {
    return rounded(c, HALF, a, rm, false);
  }

  /** Rounded to an integer; NX is not raised. */
  public static long fround_s(Fcsr c, long a, int rm) {
    return rounded(c, SINGLE, a, rm, false);
  }

  /** Rounded to an integer; NX is not raised. */
  public static long fround_d(Fcsr c, long a, int rm) {
    return rounded(c, DOUBLE, a, rm, false);
  }

  /** Rounded to an integer; NX is raised when a was none. */
  public static long froundnx_h(Fcsr c, long a, int rm) {
    return rounded(c, HALF, a, rm, true);
  }

  /** Rounded to an integer; NX is raised when a was none. */
  public static long froundnx_s(Fcsr c, long a, int rm) {
    return rounded(c, SINGLE, a, rm, true);
  }

  /** Rounded to an integer; NX is raised when a was none. */
  public static long froundnx_d(Fcsr c, long a, int rm) {
    return rounded(c, DOUBLE, a, rm, true);
  }

  // ---- Quiet comparisons: only a signalling NaN raises NV.

  /** 1 if a is below b, else 0. */
  public static long fltq_h(Fcsr c, long a, long b) {
    return SoftFloat.less(c, HALF, HALF.unbox(a), HALF.unbox(b), true);
  }

  /** 1 if a is below b, else 0. */
  public static long fltq_s(Fcsr c, long a, long b) {
    return SoftFloat.less(c, SINGLE, SINGLE.unbox(a), SINGLE.unbox(b), true);
  }

  /** 1 if a is below b, else 0. */
  public static long fltq_d(Fcsr c, long a, long b) {
    return SoftFloat.less(c, DOUBLE, DOUBLE.unbox(a), DOUBLE.unbox(b), true);
  }

  /** 1 if a is below or equal to b, else 0. */
  public static long fleq_h(Fcsr c, long a, long b) {
    return SoftFloat.lessOrEqual(c, HALF, HALF.unbox(a), HALF.unbox(b), true);
  }

  /** 1 if a is below or equal to b, else 0. */
  public static long fleq_s(Fcsr c, long a, long b) {
    return SoftFloat.lessOrEqual(c, SINGLE, SINGLE.unbox(a), SINGLE.unbox(b), true);
  }

  /** 1 if a is below or equal to b, else 0. */
  public static long fleq_d(Fcsr c, long a, long b) {
    return SoftFloat.lessOrEqual(c, DOUBLE, DOUBLE.unbox(a), DOUBLE.unbox(b), true);
  }

  /**
   * The low 32 bits of a rounded towards zero, sign-extended; 0 for infinities and NaNs. The flags
   * are those of fcvt.w.d.
   */
  public static long fcvtmod_w_d(Fcsr c, long a) {
    Fp.fcvt_w_d(c, a, Fp.RTZ);
    return (int) (long) (Fp.fd(a) % 0x1p32); // the remainder is exact
  }

  private static long extreme(Fcsr c, Format f, long a, long b, boolean larger) {
    return f.box(SoftFloat.extreme(c, f, f.unbox(a), f.unbox(b), larger, false));
  }

  private static long rounded(Fcsr c, Format f, long a, int rm, boolean tells) {
    return f.box(SoftFloat.toIntegral(c, f, f.unbox(a), rm, tells));
  }
}
