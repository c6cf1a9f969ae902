package org.duvisor.machine.fp;

import static org.duvisor.machine.fp.Fp.bits;
import static org.duvisor.machine.fp.Fp.fd;
import static org.duvisor.machine.fp.Fp.fs;

/**
 * The first path of the instructions that can take a long one: plain host arithmetic, for rounding
 * to nearest even (or the static mode that is passed) when NX is set already, as in programs that
 * never clear it. The value is {@link #UNSURE} when another flag may be due, or the host cannot
 * tell; then {@link Fp} has to be asked. Nothing here is called but what HotSpot has as
 * instructions, so that translated code may keep registers of this computer across them.
 */
@SuppressWarnings("MemberName") // named as in Fp
public final class FastFloat {
  /**
   * No result: as a double it is a NaN that is not canonical, and as an integer it needs more
   * digits than a double has.
   */
  public static final long UNSURE = 0x7ff8_0000_0000_0001L;

  private FastFloat() {}

  private static long sum(float result) {
    return Math.abs(result) < Float.POSITIVE_INFINITY ? bits(result) : UNSURE;
  }

  private static long sum(double result) {
    return Math.abs(result) < Double.POSITIVE_INFINITY ? bits(result) : UNSURE;
  }

  private static long product(float result) {
    return Fp.isSafe(result) ? bits(result) : UNSURE;
  }

  private static long product(double result) {
    return Fp.isSafe(result) ? bits(result) : UNSURE;
  }

  /** a + b. */
  public static long fadd_s(long a, long b) {
    return sum(fs(a) + fs(b));
  }

  /** a - b. */
  public static long fsub_s(long a, long b) {
    return sum(fs(a) - fs(b));
  }

  /** a / b. */
  public static long fdiv_s(long a, long b) {
    return product(fs(a) / fs(b));
  }

  /** The square root of a. */
  public static long fsqrt_s(long a) {
    float result = (float) Math.sqrt(fs(a));
    return result < Float.POSITIVE_INFINITY ? bits(result) : UNSURE;
  }

  /** a + b. */
  public static long fadd_d(long a, long b) {
    return sum(fd(a) + fd(b));
  }

  /** a - b. */
  public static long fsub_d(long a, long b) {
    return sum(fd(a) - fd(b));
  }

  /** a / b. */
  public static long fdiv_d(long a, long b) {
    return product(fd(a) / fd(b));
  }

  /** The square root of a. */
  public static long fsqrt_d(long a) {
    double result = Math.sqrt(fd(a));
    return result < Double.POSITIVE_INFINITY ? bits(result) : UNSURE;
  }

  /** a * b. */
  public static long fmul_s(long a, long b) {
    return product(fs(a) * fs(b));
  }

  /** a * b + x. */
  public static long fmadd_s(long a, long b, long x) {
    return product(Math.fma(fs(a), fs(b), fs(x)));
  }

  /** a * b - x. */
  public static long fmsub_s(long a, long b, long x) {
    return product(Math.fma(fs(a), fs(b), -fs(x)));
  }

  /** -(a * b) + x. */
  public static long fnmsub_s(long a, long b, long x) {
    return product(Math.fma(-fs(a), fs(b), fs(x)));
  }

  /** -(a * b) - x. */
  public static long fnmadd_s(long a, long b, long x) {
    return product(Math.fma(-fs(a), fs(b), -fs(x)));
  }

  /** a * b. */
  public static long fmul_d(long a, long b) {
    return product(fd(a) * fd(b));
  }

  /** a * b + x. */
  public static long fmadd_d(long a, long b, long x) {
    return product(Math.fma(fd(a), fd(b), fd(x)));
  }

  /** a * b - x. */
  public static long fmsub_d(long a, long b, long x) {
    return product(Math.fma(fd(a), fd(b), -fd(x)));
  }

  /** -(a * b) + x. */
  public static long fnmsub_d(long a, long b, long x) {
    return product(Math.fma(-fd(a), fd(b), fd(x)));
  }

  /** -(a * b) - x. */
  public static long fnmadd_d(long a, long b, long x) {
    return product(Math.fma(-fd(a), fd(b), -fd(x)));
  }

  // Conversions to integers; the mode is a constant of the instruction.

  /** To signed 32 bits, sign-extended. */
  public static long fcvt_w_d(long a, int rm) {
    double rounded = Fp.integral(fd(a), rm);
    return rounded > -0x1p31 - 1 && rounded < 0x1p31 ? (int) rounded : UNSURE;
  }

  /** To unsigned 32 bits, sign-extended from bit 31. */
  public static long fcvt_wu_d(long a, int rm) {
    double rounded = Fp.integral(fd(a), rm);
    return rounded > -1 && rounded < 0x1p32 ? (int) (long) rounded : UNSURE;
  }

  /** To signed 64 bits. */
  public static long fcvt_l_d(long a, int rm) {
    double rounded = Fp.integral(fd(a), rm);
    return rounded > -0x1p63 && rounded < 0x1p63 ? (long) rounded : UNSURE;
  }

  /** To unsigned 64 bits. */
  public static long fcvt_lu_d(long a, int rm) {
    double rounded = Fp.integral(fd(a), rm);
    return rounded > -1 && rounded < 0x1p63 ? (long) rounded : UNSURE;
  }

  /** To signed 32 bits, sign-extended. */
  public static long fcvt_w_s(long a, int rm) {
    return fcvt_w_d(Fp.widened(a), rm);
  }

  /** To unsigned 32 bits, sign-extended from bit 31. */
  public static long fcvt_wu_s(long a, int rm) {
    return fcvt_wu_d(Fp.widened(a), rm);
  }

  /** To signed 64 bits. */
  public static long fcvt_l_s(long a, int rm) {
    return fcvt_l_d(Fp.widened(a), rm);
  }

  /** To unsigned 64 bits. */
  public static long fcvt_lu_s(long a, int rm) {
    return fcvt_lu_d(Fp.widened(a), rm);
  }

  // Conversions to and between formats, to nearest even.

  /** From the signed low 32 bits of x. */
  public static long fcvt_s_w(long x) {
    return bits((float) (int) x);
  }

  /** From the unsigned low 32 bits of x. */
  public static long fcvt_s_wu(long x) {
    return bits((float) (x & 0xffff_ffffL));
  }

  /** From signed 64 bits. */
  public static long fcvt_s_l(long x) {
    return bits((float) x);
  }

  /** From unsigned 64 bits. */
  public static long fcvt_s_lu(long x) {
    return x >= 0 ? bits((float) x) : UNSURE;
  }

  /** From signed 64 bits. */
  public static long fcvt_d_l(long x) {
    return bits((double) x);
  }

  /** From unsigned 64 bits. */
  public static long fcvt_d_lu(long x) {
    return x >= 0 ? bits((double) x) : UNSURE;
  }

  /** Double to single. */
  public static long fcvt_s_d(long a) {
    double x = fd(a);
    float result = (float) x;
    return result == x || Fp.isSafe(result) ? bits(result) : UNSURE;
  }

  /** Single to double. */
  public static long fcvt_d_s(long a) {
    double x = fs(a);
    return !Double.isNaN(x) ? bits(x) : UNSURE;
  }

  // Minimum and maximum of numbers.

  /** The smaller of both. */
  public static long fmin_s(long a, long b) {
    float min = Math.min(fs(a), fs(b));
    return !Float.isNaN(min) ? bits(min) : UNSURE;
  }

  /** The larger of both. */
  public static long fmax_s(long a, long b) {
    float max = Math.max(fs(a), fs(b));
    return !Float.isNaN(max) ? bits(max) : UNSURE;
  }

  /** The smaller of both. */
  public static long fmin_d(long a, long b) {
    double min = Math.min(fd(a), fd(b));
    return !Double.isNaN(min) ? bits(min) : UNSURE;
  }

  /** The larger of both. */
  public static long fmax_d(long a, long b) {
    double max = Math.max(fd(a), fd(b));
    return !Double.isNaN(max) ? bits(max) : UNSURE;
  }
}
