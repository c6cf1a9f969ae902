package org.duvisor.machine.fp;

import static org.duvisor.machine.fp.Fcsr.NV;
import static org.duvisor.machine.fp.Fcsr.NX;
import static org.duvisor.machine.fp.Format.DOUBLE;
import static org.duvisor.machine.fp.Format.SINGLE;

/**
 * The instructions of the F and D extensions, one static method each, named as in the specification
 * with {@code _} for the dot. Operands and results are whole 64-bit registers, x or f as the
 * instruction has it. Single-precision operands that are not NaN-boxed count as the canonical NaN,
 * single-precision results are boxed (D extension, "NaN Boxing of Narrower Values"). {@code rm} is
 * a resolved and valid rounding mode, 0 to 4; exceptions accrue in {@code c.flags}. No method
 * throws.
 *
 * <p>There are three paths. The one here is plain host arithmetic, for rounding to nearest even
 * with NX set already, as in programs that never clear it, and a result where no other flag can be
 * due. {@link HostFloat} is the next: host arithmetic that finds out by residuals whether NX is
 * due. {@link SoftFloat} does everything else. Keep methods here under 100 bytes of bytecode:
 * HotSpot inlines them into translated code, up to 8,000 bytes in all.
 */
@SuppressWarnings(
    "MemberName") // the specification's names, so that instruction tables can refer to them
public final class Fp {
  /** Round to nearest, ties to even. */
  public static final int RNE = 0;

  /** Round towards zero. */
  public static final int RTZ = 1;

  /** Round down, towards negative infinity. */
  public static final int RDN = 2;

  /** Round up, towards positive infinity. */
  public static final int RUP = 3;

  /** Round to nearest, ties away from zero. */
  public static final int RMM = 4;

  private static final long SIGN_D = 1L << 63;
  private static final long SIGN_S = 1L << 31;
  private static final long BOX = -1L << 32;
  private static final long MASK = 0xffff_ffffL;
  private static final int NAN_S = 0x7fc0_0000;

  private Fp() {}

  // ---- Arithmetic. A finite sum is subnormal or zero only when it is exact, and roots are never
  // tiny. Signs of
  // ---- operands change before rounding, as the specification has it for the fused ones.

  /** a + b. */
  public static long fadd_s(Fcsr c, long a, long b, int rm) {
    long result = FastFloat.fadd_s(a, b);
    return isPlain(c, rm) && result != FastFloat.UNSURE ? result : HostFloat.addS(c, a, b, rm);
  }

  /** a - b. */
  public static long fsub_s(Fcsr c, long a, long b, int rm) {
    long result = FastFloat.fsub_s(a, b);
    return isPlain(c, rm) && result != FastFloat.UNSURE
        ? result
        : HostFloat.addS(c, a, b ^ SIGN_S, rm);
  }

  /** a * b. */
  public static long fmul_s(Fcsr c, long a, long b, int rm) {
    long result = FastFloat.fmul_s(a, b);
    return isPlain(c, rm) && result != FastFloat.UNSURE ? result : HostFloat.mulS(c, a, b, rm);
  }

  /** a / b. */
  public static long fdiv_s(Fcsr c, long a, long b, int rm) {
    long result = FastFloat.fdiv_s(a, b);
    return isPlain(c, rm) && result != FastFloat.UNSURE ? result : HostFloat.divS(c, a, b, rm);
  }

  /** The square root of a. */
  public static long fsqrt_s(Fcsr c, long a, int rm) {
    long result = FastFloat.fsqrt_s(a);
    return isPlain(c, rm) && result != FastFloat.UNSURE ? result : HostFloat.sqrtS(c, a, rm);
  }

  /** a * b + x. */
  public static long fmadd_s(Fcsr c, long a, long b, long x, int rm) {
    long result = FastFloat.fmadd_s(a, b, x);
    return isPlain(c, rm) && result != FastFloat.UNSURE ? result : HostFloat.fmaS(c, a, b, x, rm);
  }

  /** a * b - x. */
  public static long fmsub_s(Fcsr c, long a, long b, long x, int rm) {
    long result = FastFloat.fmsub_s(a, b, x);
    return isPlain(c, rm) && result != FastFloat.UNSURE
        ? result
        : HostFloat.fmaS(c, a, b, x ^ SIGN_S, rm);
  }

  /** -(a * b) + x. */
  public static long fnmsub_s(Fcsr c, long a, long b, long x, int rm) {
    long result = FastFloat.fnmsub_s(a, b, x);
    return isPlain(c, rm) && result != FastFloat.UNSURE
        ? result
        : HostFloat.fmaS(c, a ^ SIGN_S, b, x, rm);
  }

  /** -(a * b) - x. */
  public static long fnmadd_s(Fcsr c, long a, long b, long x, int rm) {
    long result = FastFloat.fnmadd_s(a, b, x);
    return isPlain(c, rm) && result != FastFloat.UNSURE
        ? result
        : HostFloat.fmaS(c, a ^ SIGN_S, b, x ^ SIGN_S, rm);
  }

  /** a + b. */
  public static long fadd_d(Fcsr c, long a, long b, int rm) {
    long result = FastFloat.fadd_d(a, b);
    return isPlain(c, rm) && result != FastFloat.UNSURE ? result : HostFloat.addD(c, a, b, rm);
  }

  /** a - b. */
  public static long fsub_d(Fcsr c, long a, long b, int rm) {
    long result = FastFloat.fsub_d(a, b);
    return isPlain(c, rm) && result != FastFloat.UNSURE
        ? result
        : HostFloat.addD(c, a, b ^ SIGN_D, rm);
  }

  /** a * b. */
  public static long fmul_d(Fcsr c, long a, long b, int rm) {
    long result = FastFloat.fmul_d(a, b);
    return isPlain(c, rm) && result != FastFloat.UNSURE ? result : HostFloat.mulD(c, a, b, rm);
  }

  /** a / b. */
  public static long fdiv_d(Fcsr c, long a, long b, int rm) {
    long result = FastFloat.fdiv_d(a, b);
    return isPlain(c, rm) && result != FastFloat.UNSURE ? result : HostFloat.divD(c, a, b, rm);
  }

  /** The square root of a. */
  public static long fsqrt_d(Fcsr c, long a, int rm) {
    long result = FastFloat.fsqrt_d(a);
    return isPlain(c, rm) && result != FastFloat.UNSURE ? result : HostFloat.sqrtD(c, a, rm);
  }

  /** a * b + x. */
  public static long fmadd_d(Fcsr c, long a, long b, long x, int rm) {
    long result = FastFloat.fmadd_d(a, b, x);
    return isPlain(c, rm) && result != FastFloat.UNSURE ? result : HostFloat.fmaD(c, a, b, x, rm);
  }

  /** a * b - x. */
  public static long fmsub_d(Fcsr c, long a, long b, long x, int rm) {
    long result = FastFloat.fmsub_d(a, b, x);
    return isPlain(c, rm) && result != FastFloat.UNSURE
        ? result
        : HostFloat.fmaD(c, a, b, x ^ SIGN_D, rm);
  }

  /** -(a * b) + x. */
  public static long fnmsub_d(Fcsr c, long a, long b, long x, int rm) {
    long result = FastFloat.fnmsub_d(a, b, x);
    return isPlain(c, rm) && result != FastFloat.UNSURE
        ? result
        : HostFloat.fmaD(c, a ^ SIGN_D, b, x, rm);
  }

  /** -(a * b) - x. */
  public static long fnmadd_d(Fcsr c, long a, long b, long x, int rm) {
    long result = FastFloat.fnmadd_d(a, b, x);
    return isPlain(c, rm) && result != FastFloat.UNSURE
        ? result
        : HostFloat.fmaD(c, a ^ SIGN_D, b, x ^ SIGN_D, rm);
  }

  /** Whether results of {@link FastFloat} count. */
  private static boolean isPlain(Fcsr c, int rm) {
    return rm == RNE && (c.flags & NX) != 0;
  }

  /**
   * Whether a result in RNE can raise nothing but NX: it is finite and above the smallest normal
   * number, to which a tiny result may have been rounded up.
   */
  static boolean isSafe(double result) {
    double size = Math.abs(result);
    return size > Double.MIN_NORMAL && size < Double.POSITIVE_INFINITY;
  }

  /** As for doubles. */
  static boolean isSafe(float result) {
    float size = Math.abs(result);
    return size > Float.MIN_NORMAL && size < Float.POSITIVE_INFINITY;
  }

  // ---- Sign injection, minimum, maximum, comparison, classification.

  /** The magnitude of a with the sign of b. */
  public static long fsgnj_s(long a, long b) {
    return box((unbox(a) & ~SIGN_S) | (unbox(b) & SIGN_S));
  }

  /** The magnitude of a with the opposite of the sign of b. */
  public static long fsgnjn_s(long a, long b) {
    return box((unbox(a) & ~SIGN_S) | (~unbox(b) & SIGN_S));
  }

  /** The magnitude of a with the product of both signs. */
  public static long fsgnjx_s(long a, long b) {
    return box(unbox(a) ^ (unbox(b) & SIGN_S));
  }

  /**
   * The smaller of both (minimumNumber of IEEE 754-2019): -0 is below +0, a number wins over a NaN.
   */
  public static long fmin_s(Fcsr c, long a, long b) {
    float min = Math.min(fs(a), fs(b));
    return !Float.isNaN(min)
        ? bits(min)
        : box(SoftFloat.extreme(c, SINGLE, unbox(a), unbox(b), false, true));
  }

  /**
   * The larger of both (maximumNumber of IEEE 754-2019): -0 is below +0, a number wins over a NaN.
   */
  public static long fmax_s(Fcsr c, long a, long b) {
    float max = Math.max(fs(a), fs(b));
    return !Float.isNaN(max)
        ? bits(max)
        : box(SoftFloat.extreme(c, SINGLE, unbox(a), unbox(b), true, true));
  }

  /** 1 if a equals b, else 0; quiet: only a signalling NaN raises NV. */
  public static long feq_s(Fcsr c, long a, long b) {
    float x = fs(a);
    float y = fs(b);
    if (Float.isNaN(x) || Float.isNaN(y)) {
      c.flags |= SINGLE.isSignalling(unbox(a)) || SINGLE.isSignalling(unbox(b)) ? NV : 0;
    }
    return x == y ? 1 : 0;
  }

  /** 1 if a is below b, else 0; any NaN raises NV. */
  public static long flt_s(Fcsr c, long a, long b) {
    float x = fs(a);
    float y = fs(b);
    if (Float.isNaN(x) || Float.isNaN(y)) {
      c.flags |= NV;
    }
    return x < y ? 1 : 0;
  }

  /** 1 if a is below or equal to b, else 0; any NaN raises NV. */
  public static long fle_s(Fcsr c, long a, long b) {
    float x = fs(a);
    float y = fs(b);
    if (Float.isNaN(x) || Float.isNaN(y)) {
      c.flags |= NV;
    }
    return x <= y ? 1 : 0;
  }

  /**
   * The class of a as one bit of 0 (negative infinity) to 9 (quiet NaN), in the order of the
   * specification.
   */
  public static long fclass_s(long a) {
    return SINGLE.classMask(unbox(a));
  }

  /** The magnitude of a with the sign of b. */
  public static long fsgnj_d(long a, long b) {
    return (a & ~SIGN_D) | (b & SIGN_D);
  }

  /** The magnitude of a with the opposite of the sign of b. */
  public static long fsgnjn_d(long a, long b) {
    return (a & ~SIGN_D) | (~b & SIGN_D);
  }

  /** The magnitude of a with the product of both signs. */
  public static long fsgnjx_d(long a, long b) {
    return a ^ (b & SIGN_D);
  }

  /**
   * The smaller of both (minimumNumber of IEEE 754-2019): -0 is below +0, a number wins over a NaN.
   */
  public static long fmin_d(Fcsr c, long a, long b) {
    double min = Math.min(fd(a), fd(b));
    return !Double.isNaN(min) ? bits(min) : SoftFloat.extreme(c, DOUBLE, a, b, false, true);
  }

  /**
   * The larger of both (maximumNumber of IEEE 754-2019): -0 is below +0, a number wins over a NaN.
   */
  public static long fmax_d(Fcsr c, long a, long b) {
    double max = Math.max(fd(a), fd(b));
    return !Double.isNaN(max) ? bits(max) : SoftFloat.extreme(c, DOUBLE, a, b, true, true);
  }

  /** 1 if a equals b, else 0; quiet: only a signalling NaN raises NV. */
  public static long feq_d(Fcsr c, long a, long b) {
    double x = fd(a);
    double y = fd(b);
    if (Double.isNaN(x) || Double.isNaN(y)) {
      c.flags |= DOUBLE.isSignalling(a) || DOUBLE.isSignalling(b) ? NV : 0;
    }
    return x == y ? 1 : 0;
  }

  /** 1 if a is below b, else 0; any NaN raises NV. */
  public static long flt_d(Fcsr c, long a, long b) {
    double x = fd(a);
    double y = fd(b);
    if (Double.isNaN(x) || Double.isNaN(y)) {
      c.flags |= NV;
    }
    return x < y ? 1 : 0;
  }

  /** 1 if a is below or equal to b, else 0; any NaN raises NV. */
  public static long fle_d(Fcsr c, long a, long b) {
    double x = fd(a);
    double y = fd(b);
    if (Double.isNaN(x) || Double.isNaN(y)) {
      c.flags |= NV;
    }
    return x <= y ? 1 : 0;
  }

  /**
   * The class of a as one bit of 0 (negative infinity) to 9 (quiet NaN), in the order of the
   * specification.
   */
  public static long fclass_d(long a) {
    return DOUBLE.classMask(a);
  }

  // ---- To integers. Out of range after rounding: NV alone, and the nearest end of the range; NaN:
  // the upper end.

  /** To signed 32 bits, sign-extended. */
  public static long fcvt_w_s(Fcsr c, long a, int rm) {
    return fcvt_w_d(c, widened(a), rm);
  }

  /** To unsigned 32 bits, sign-extended from bit 31. */
  public static long fcvt_wu_s(Fcsr c, long a, int rm) {
    return fcvt_wu_d(c, widened(a), rm);
  }

  /** To signed 64 bits. */
  public static long fcvt_l_s(Fcsr c, long a, int rm) {
    return fcvt_l_d(c, widened(a), rm);
  }

  /** To unsigned 64 bits. */
  public static long fcvt_lu_s(Fcsr c, long a, int rm) {
    return fcvt_lu_d(c, widened(a), rm);
  }

  /** To signed 32 bits, sign-extended. */
  public static long fcvt_w_d(Fcsr c, long a, int rm) {
    double x = fd(a);
    double rounded = integral(x, rm);
    if (rounded > -0x1p31 - 1 && rounded < 0x1p31) {
      int value = (int) rounded;
      c.flags |= value != x ? NX : 0;
      return value;
    }
    return SoftFloat.toInteger(c, DOUBLE, a, rm, true, 32);
  }

  /** To unsigned 32 bits, sign-extended from bit 31. */
  public static long fcvt_wu_d(Fcsr c, long a, int rm) {
    double x = fd(a);
    double rounded = integral(x, rm);
    if (rounded > -1 && rounded < 0x1p32) {
      long value = (long) rounded;
      c.flags |= (double) value != x ? NX : 0;
      return (int) value;
    }
    return SoftFloat.toInteger(c, DOUBLE, a, rm, false, 32);
  }

  /** To signed 64 bits. */
  public static long fcvt_l_d(Fcsr c, long a, int rm) {
    double x = fd(a);
    double rounded = integral(x, rm);
    if (rounded > -0x1p63 && rounded < 0x1p63) {
      long value = (long) rounded;
      c.flags |= (double) value != x ? NX : 0;
      return value;
    }
    return SoftFloat.toInteger(c, DOUBLE, a, rm, true, 64);
  }

  /** To unsigned 64 bits. */
  public static long fcvt_lu_d(Fcsr c, long a, int rm) {
    double x = fd(a);
    double rounded = integral(x, rm);
    if (rounded > -1 && rounded < 0x1p63) {
      long value = (long) rounded;
      c.flags |= (double) value != x ? NX : 0;
      return value;
    }
    return SoftFloat.toInteger(c, DOUBLE, a, rm, false, 64);
  }

  /**
   * x rounded to an integer; with RTZ x itself, as the cast that follows does it; NaN when the host
   * cannot.
   */
  static double integral(double x, int rm) {
    return switch (rm) {
      case RNE -> Math.rint(x);
      case RTZ -> x;
      case RDN -> Math.floor(x);
      case RUP -> Math.ceil(x);
      default -> Double.NaN;
    };
  }

  /** A boxed single as a double, which is exact; a NaN stays a NaN. */
  static long widened(long a) {
    return bits((double) fs(a));
  }

  // ---- From integers.

  /** From the signed low 32 bits of x. */
  public static long fcvt_s_w(Fcsr c, long x, int rm) {
    return fcvt_s_l(c, x << 32 >> 32, rm);
  }

  /** From the unsigned low 32 bits of x. */
  public static long fcvt_s_wu(Fcsr c, long x, int rm) {
    return fcvt_s_l(c, x & MASK, rm);
  }

  /** From signed 64 bits. */
  public static long fcvt_s_l(Fcsr c, long x, int rm) {
    float result = (float) x;
    // Back to long, 2^63 would saturate to what may have been x.
    boolean exact = (long) result == x && result < 0x1p63f;
    if (exact || rm == RNE) {
      c.flags |= exact ? 0 : NX;
      return bits(result);
    }
    return box(SoftFloat.fromInteger(c, SINGLE, x < 0, Math.abs(x), rm));
  }

  /** From unsigned 64 bits. */
  public static long fcvt_s_lu(Fcsr c, long x, int rm) {
    return x >= 0 ? fcvt_s_l(c, x, rm) : box(SoftFloat.fromInteger(c, SINGLE, false, x, rm));
  }

  /** From the signed low 32 bits of x; always exact. */
  public static long fcvt_d_w(Fcsr c, long x, int rm) {
    return bits((double) (int) x);
  }

  /** From the unsigned low 32 bits of x; always exact. */
  public static long fcvt_d_wu(Fcsr c, long x, int rm) {
    return bits((double) (x & MASK));
  }

  /** From signed 64 bits. */
  public static long fcvt_d_l(Fcsr c, long x, int rm) {
    double result = (double) x;
    boolean exact = (long) result == x && result < 0x1p63;
    if (exact || rm == RNE) {
      c.flags |= exact ? 0 : NX;
      return bits(result);
    }
    return SoftFloat.fromInteger(c, DOUBLE, x < 0, Math.abs(x), rm);
  }

  /** From unsigned 64 bits. */
  public static long fcvt_d_lu(Fcsr c, long x, int rm) {
    return x >= 0 ? fcvt_d_l(c, x, rm) : SoftFloat.fromInteger(c, DOUBLE, false, x, rm);
  }

  // ---- Between formats, and moves of bits.

  /** Double to single. */
  public static long fcvt_s_d(Fcsr c, long a, int rm) {
    double x = fd(a);
    float result = (float) x;
    if (result == x) {
      return bits(result);
    }
    if (rm == RNE && isSafe(result)) {
      c.flags |= NX;
      return bits(result);
    }
    return box(SoftFloat.convert(c, DOUBLE, SINGLE, a, rm));
  }

  /** Single to double; always exact, but a signalling NaN raises NV. */
  public static long fcvt_d_s(Fcsr c, long a, int rm) {
    double x = fs(a);
    return !Double.isNaN(x) ? bits(x) : SoftFloat.convert(c, SINGLE, DOUBLE, unbox(a), rm);
  }

  /** The low 32 bits of a, boxed or not, sign-extended. */
  public static long fmv_x_w(long a) {
    return (int) a;
  }

  /** The low 32 bits of x, boxed. */
  public static long fmv_w_x(long x) {
    return x | BOX;
  }

  /** The bits of a. */
  public static long fmv_x_d(long a) {
    return a;
  }

  /** The bits of x. */
  public static long fmv_d_x(long x) {
    return x;
  }

  // ---- Encodings.

  static int unbox(long a) {
    return a >>> 32 == MASK ? (int) a : NAN_S;
  }

  static long box(long encoding) {
    return encoding | BOX;
  }

  static float fs(long a) {
    return Float.intBitsToFloat(unbox(a));
  }

  static double fd(long a) {
    return Double.longBitsToDouble(a);
  }

  /** Boxed. */
  static long bits(float x) {
    return box(Float.floatToRawIntBits(x));
  }

  static long bits(double x) {
    return Double.doubleToRawLongBits(x);
  }
}
