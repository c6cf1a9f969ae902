package org.duvisor.machine.fp;

import static org.duvisor.machine.fp.Format.DOUBLE;
import static org.duvisor.machine.fp.Format.HALF;
import static org.duvisor.machine.fp.Format.SINGLE;

/**
 * The instructions of Zfhmin and Zfh, as those of F and D are in {@link Fp}: whole registers, in
 * which a half has ones above its 16 bits. All of it is {@link SoftFloat}: scalar programs keep
 * halves in memory and calculate with singles.
 */
@SuppressWarnings("MemberName") // the specification's names
public final class Half {
  private Half() {}

  // ---- Arithmetic. Signs of operands change before rounding.

  /** a + b. */
  public static long fadd_h(Fcsr c, long a, long b, int rm) {
    return HALF.box(SoftFloat.add(c, HALF, h(a), h(b), rm));
  }

  /** a - b. */
  public static long fsub_h(Fcsr c, long a, long b, int rm) {
    return HALF.box(SoftFloat.add(c, HALF, h(a), negated(b), rm));
  }

  /** a * b. */
  public static long fmul_h(Fcsr c, long a, long b, int rm) {
    return HALF.box(SoftFloat.mul(c, HALF, h(a), h(b), rm));
  }

  /** a / b. */
  public static long fdiv_h(Fcsr c, long a, long b, int rm) {
    return HALF.box(SoftFloat.div(c, HALF, h(a), h(b), rm));
  }

  /** The square root of a. */
  public static long fsqrt_h(Fcsr c, long a, int rm) {
    return HALF.box(SoftFloat.sqrt(c, HALF, h(a), rm));
  }

  /** a * b + x. */
  public static long fmadd_h(Fcsr c, long a, long b, long x, int rm) {
    return HALF.box(SoftFloat.fma(c, HALF, h(a), h(b), h(x), rm));
  }

  /** a * b - x. */
  public static long fmsub_h(Fcsr c, long a, long b, long x, int rm) {
    return HALF.box(SoftFloat.fma(c, HALF, h(a), h(b), negated(x), rm));
  }

  /** -(a * b) + x. */
  public static long fnmsub_h(Fcsr c, long a, long b, long x, int rm) {
    return HALF.box(SoftFloat.fma(c, HALF, negated(a), h(b), h(x), rm));
  }

  /** -(a * b) - x. */
  public static long fnmadd_h(Fcsr c, long a, long b, long x, int rm) {
    return HALF.box(SoftFloat.fma(c, HALF, negated(a), h(b), negated(x), rm));
  }

  // ---- Sign injection, minimum, maximum, comparison, classification.

  /** The magnitude of a with the sign of b. */
  public static long fsgnj_h(long a, long b) {
    return HALF.box((h(a) & ~HALF.sign()) | (h(b) & HALF.sign()));
  }

  /** The magnitude of a with the opposite of the sign of b. */
  public static long fsgnjn_h(long a, long b) {
    return fsgnj_h(a, HALF.box(negated(b)));
  }

  /** The magnitude of a with the product of both signs. */
  public static long fsgnjx_h(long a, long b) {
    return HALF.box(h(a) ^ (h(b) & HALF.sign()));
  }

  /** The smaller of both; a number wins over a NaN. */
  public static long fmin_h(Fcsr c, long a, long b) {
    return HALF.box(SoftFloat.extreme(c, HALF, h(a), h(b), false, true));
  }

  /** The larger of both; a number wins over a NaN. */
  public static long fmax_h(Fcsr c, long a, long b) {
    return HALF.box(SoftFloat.extreme(c, HALF, h(a), h(b), true, true));
  }

  /** 1 if a equals b, else 0; quiet. */
  public static long feq_h(Fcsr c, long a, long b) {
    return SoftFloat.equal(c, HALF, h(a), h(b));
  }

  /** 1 if a is below b, else 0; any NaN raises NV. */
  public static long flt_h(Fcsr c, long a, long b) {
    return SoftFloat.less(c, HALF, h(a), h(b), false);
  }

  /** 1 if a is below or equal to b, else 0; any NaN raises NV. */
  public static long fle_h(Fcsr c, long a, long b) {
    return SoftFloat.lessOrEqual(c, HALF, h(a), h(b), false);
  }

  /** The class of a as one bit of 0 to 9. */
  public static long fclass_h(long a) {
    return HALF.classMask(h(a));
  }

  // ---- To and from integers, as in Fp.

  /** To signed 32 bits, sign-extended. */
  public static long fcvt_w_h(Fcsr c, long a, int rm) {
    return SoftFloat.toInteger(c, HALF, h(a), rm, true, 32);
  }

  /** To unsigned 32 bits, sign-extended from bit 31. */
  public static long fcvt_wu_h(Fcsr c, long a, int rm) {
    return SoftFloat.toInteger(c, HALF, h(a), rm, false, 32);
  }

  /** To signed 64 bits. */
  public static long fcvt_l_h(Fcsr c, long a, int rm) {
    return SoftFloat.toInteger(c, HALF, h(a), rm, true, 64);
  }

  /** To unsigned 64 bits. */
  public static long fcvt_lu_h(Fcsr c, long a, int rm) {
    return SoftFloat.toInteger(c, HALF, h(a), rm, false, 64);
  }

  /** From the signed low 32 bits of x. */
  public static long fcvt_h_w(Fcsr c, long x, int rm) {
    return fcvt_h_l(c, (int) x, rm);
  }

  /** From the unsigned low 32 bits of x. */
  public static long fcvt_h_wu(Fcsr c, long x, int rm) {
    return fcvt_h_l(c, x & 0xffff_ffffL, rm);
  }

  /** From signed 64 bits. */
  public static long fcvt_h_l(Fcsr c, long x, int rm) {
    return HALF.box(SoftFloat.fromInteger(c, HALF, x < 0, Math.abs(x), rm));
  }

  /** From unsigned 64 bits. */
  public static long fcvt_h_lu(Fcsr c, long x, int rm) {
    return HALF.box(SoftFloat.fromInteger(c, HALF, false, x, rm));
  }

  // ---- Between formats, and moves of bits.

  /** Half to single; always exact. */
  public static long fcvt_s_h(Fcsr c, long a, int rm) {
    return SINGLE.box(SoftFloat.convert(c, HALF, SINGLE, h(a), rm));
  }

  /** Single to half. */
  public static long fcvt_h_s(Fcsr c, long a, int rm) {
    return HALF.box(SoftFloat.convert(c, SINGLE, HALF, SINGLE.unbox(a), rm));
  }

  /** Half to double; always exact. */
  public static long fcvt_d_h(Fcsr c, long a, int rm) {
    return SoftFloat.convert(c, HALF, DOUBLE, h(a), rm);
  }

  /** Double to half. */
  public static long fcvt_h_d(Fcsr c, long a, int rm) {
    return HALF.box(SoftFloat.convert(c, DOUBLE, HALF, a, rm));
  }

  /** The low 16 bits of a, boxed or not, sign-extended. */
  public static long fmv_x_h(long a) {
    return (short) a;
  }

  /** The low 16 bits of x, boxed. */
  public static long fmv_h_x(long x) {
    return HALF.box(x);
  }

  private static long h(long a) {
    return HALF.unbox(a);
  }

  private static long negated(long a) {
    return h(a) ^ HALF.sign();
  }
}
