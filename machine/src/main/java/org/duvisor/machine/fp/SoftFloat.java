package org.duvisor.machine.fp;

import static org.duvisor.machine.fp.Fcsr.DZ;
import static org.duvisor.machine.fp.Fcsr.NV;
import static org.duvisor.machine.fp.Fcsr.NX;
import static org.duvisor.machine.fp.Fcsr.OF;
import static org.duvisor.machine.fp.Fcsr.UF;
import static org.duvisor.machine.fp.Fp.RDN;
import static org.duvisor.machine.fp.Fp.RMM;
import static org.duvisor.machine.fp.Fp.RNE;
import static org.duvisor.machine.fp.Fp.RTZ;
import static org.duvisor.machine.fp.Fp.RUP;

/**
 * Exact arithmetic in every rounding mode with every flag, by integers only and without allocation:
 * the path for all that host arithmetic cannot do. One implementation for all formats.
 *
 * <p>An intermediate result is {@code sig * 2^(exp - 63)} where {@code sig} is an unsigned 64-bit
 * number whose lowest bit also stands for everything lost below it ("jammed"). This is enough to
 * round to 53 bits correctly as long as the leading one is no lower than bit 54.
 */
final class SoftFloat {
  private SoftFloat() {}

  static long add(Fcsr c, Format f, long a, long b, int rm) {
    long one = (long) f.maxExponent() << (f.precision() - 1);
    return fma(c, f, a, one, b, rm);
  }

  static long mul(Fcsr c, Format f, long a, long b, int rm) {
    // A zero of the product's own sign changes neither a value nor the sign of a zero.
    return fma(c, f, a, b, (a ^ b) & f.sign(), rm);
  }

  /** a * b + x with one rounding. */
  static long fma(Fcsr c, Format f, long a, long b, long x, int rm) {
    boolean negative = f.isNegative(a ^ b);
    boolean invalidProduct = (f.isInfinite(a) && f.isZero(b)) || (f.isZero(a) && f.isInfinite(b));
    if (invalidProduct) {
      return invalid(
          c, f); // even when x is a quiet NaN (F extension, "Single-Precision Computational")
    }
    if (f.isNan(a) || f.isNan(b) || f.isNan(x)) {
      return nan(c, f, f.isSignalling(a) || f.isSignalling(b) || f.isSignalling(x));
    }
    if (f.isInfinite(a) || f.isInfinite(b)) {
      return f.isInfinite(x) && f.isNegative(x) != negative
          ? invalid(c, f)
          : signed(f, negative, f.infinity());
    }
    if (f.isInfinite(x)) {
      return x;
    }
    if (f.isZero(a) || f.isZero(b)) {
      return f.isZero(x) && f.isNegative(x) != negative ? signed(f, rm == RDN, 0) : x;
    }
    return addProduct(c, f, a, b, x, rm);
  }

  /**
   * a * b + x for finite a, b, x with non-zero a and b, in 128-bit fixed point: units of
   * 2^(exponent - 124).
   */
  private static long addProduct(Fcsr c, Format f, long a, long b, long x, int rm) {
    boolean negative = f.isNegative(a ^ b);
    int exp = f.exponent(a) + f.exponent(b);
    long sigA = f.significand(a) >>> 1;
    long sigB = f.significand(b) >>> 1;
    long high = Math.multiplyHigh(sigA, sigB);
    long low = sigA * sigB;
    if (f.isZero(x)) {
      return round128(c, f, negative, exp, high, low, rm);
    }
    int distance = exp - f.exponent(x);
    long sigX = f.significand(x) >>> 1;
    long highX = sigX >>> 2;
    long lowX = sigX << 62;
    // Bits are lost in a shift only when the other operand is larger by far more than one binade:
    // then at most
    // one leading bit cancels and the jammed bit stays below every rounding boundary.
    if (distance > 0) {
      lowX = shiftRightJam(highX, lowX, distance);
      highX = distance < 64 ? highX >>> distance : 0;
    } else if (distance < 0) {
      low = shiftRightJam(high, low, -distance);
      high = -distance < 64 ? high >>> -distance : 0;
      exp = f.exponent(x);
    }
    if (f.isNegative(x) == negative) {
      long sum = low + lowX;
      long carry = Long.compareUnsigned(sum, low) < 0 ? 1 : 0;
      return round128(c, f, negative, exp, high + highX + carry, sum, rm);
    }
    if (high == highX && low == lowX) {
      return signed(f, rm == RDN, 0);
    }
    boolean swap = high < highX || (high == highX && Long.compareUnsigned(low, lowX) < 0);
    long difference = swap ? lowX - low : low - lowX;
    long borrow =
        (swap ? Long.compareUnsigned(lowX, low) : Long.compareUnsigned(low, lowX)) < 0 ? 1 : 0;
    long highDifference = (swap ? highX - high : high - highX) - borrow;
    return round128(c, f, negative != swap, exp, highDifference, difference, rm);
  }

  static long div(Fcsr c, Format f, long a, long b, int rm) {
    boolean negative = f.isNegative(a ^ b);
    if (f.isNan(a) || f.isNan(b)) {
      return nan(c, f, f.isSignalling(a) || f.isSignalling(b));
    }
    if ((f.isInfinite(a) && f.isInfinite(b)) || (f.isZero(a) && f.isZero(b))) {
      return invalid(c, f);
    }
    if (f.isInfinite(a) || f.isZero(b)) {
      c.flags |= f.isInfinite(a) ? 0 : DZ;
      return signed(f, negative, f.infinity());
    }
    if (f.isZero(a) || f.isInfinite(b)) {
      return signed(f, negative, 0);
    }
    // Long division, 11 bits a step, of significands of at most 53 bits; 55 fraction bits and a
    // sticky one.
    long divisor = f.significand(b) >>> 11;
    long remainder = f.significand(a) >>> 11;
    long quotient = remainder >= divisor ? 1 : 0;
    remainder -= quotient * divisor;
    for (int step = 0; step < 5; step++) {
      long dividend = remainder << 11;
      quotient = quotient << 11 | Long.divideUnsigned(dividend, divisor);
      remainder = Long.remainderUnsigned(dividend, divisor);
    }
    return round(
        c,
        f,
        negative,
        f.exponent(a) - f.exponent(b) + 63 - 56,
        quotient << 1 | jam(remainder),
        rm);
  }

  static long sqrt(Fcsr c, Format f, long a, int rm) {
    if (f.isNan(a)) {
      return nan(c, f, f.isSignalling(a));
    }
    if (f.isZero(a)) {
      return a;
    }
    if (f.isNegative(a)) {
      return invalid(c, f);
    }
    if (f.isInfinite(a)) {
      return a;
    }
    // Digit by digit: 57 bits of root from a radicand in [1, 4) with 62 fraction bits, then a
    // sticky bit.
    int odd = f.exponent(a) & 1;
    long radicand = f.significand(a) >>> (1 - odd);
    long root = 0;
    long remainder = 0;
    for (int bit = 0; bit < 57; bit++) {
      remainder = remainder << 2 | radicand >>> 62;
      radicand <<= 2;
      long trial = root << 2 | 1;
      root <<= 1;
      if (remainder >= trial) {
        remainder -= trial;
        root |= 1;
      }
    }
    return round(c, f, false, (f.exponent(a) - odd) / 2 + 63 - 57, root << 1 | jam(remainder), rm);
  }

  /** Converts between formats. */
  static long convert(Fcsr c, Format from, Format to, long a, int rm) {
    boolean negative = from.isNegative(a);
    if (from.isNan(a)) {
      return nan(c, to, from.isSignalling(a));
    }
    if (from.isInfinite(a) || from.isZero(a)) {
      return signed(to, negative, from.isZero(a) ? 0 : to.infinity());
    }
    return round(c, to, negative, from.exponent(a), from.significand(a), rm);
  }

  /** Converts an integer, given as sign and unsigned magnitude. */
  static long fromInteger(Fcsr c, Format f, boolean negative, long magnitude, int rm) {
    return magnitude == 0 ? 0 : round(c, f, negative, 63, magnitude, rm);
  }

  /**
   * Converts to a signed or unsigned integer of 32 or 64 bits; what is out of range after rounding,
   * NaN included, raises NV alone and gives the nearest end of the range (NaN: the upper one).
   * 32-bit results are sign-extended.
   */
  static long toInteger(Fcsr c, Format f, long a, int rm, boolean isSigned, int width) {
    boolean negative = f.isNegative(a) && !f.isNan(a);
    long largest =
        negative ? (isSigned ? 1L << (width - 1) : 0) : -1L >>> (64 - width + (isSigned ? 1 : 0));
    if (f.isZero(a)) {
      return 0;
    }
    int exp = f.isNan(a) || f.isInfinite(a) ? 64 : f.exponent(a);
    long magnitude = largest;
    boolean inRange = exp < 64;
    if (inRange) {
      long sig = f.significand(a);
      magnitude = integer(sig, exp);
      long fraction = fraction(sig, exp);
      // No carry: a significand with a fraction is below 2^precision.
      magnitude += increment(negative, magnitude, fraction, Long.MIN_VALUE, rm);
      inRange = Long.compareUnsigned(magnitude, largest) <= 0;
      c.flags |= inRange && fraction != 0 ? NX : 0;
    }
    if (!inRange) {
      c.flags |= NV;
      magnitude = largest;
    }
    long result = negative ? -magnitude : magnitude;
    return width == 32 ? (int) result : result;
  }

  /**
   * Rounds to an integer that stays in the format, with the operand's sign when it is zero (Zfa,
   * "Round-to-Integer Instructions").
   *
   * @param tells whether NX is raised when the operand was no integer
   */
  static long toIntegral(Fcsr c, Format f, long a, int rm, boolean tells) {
    if (f.isNan(a)) {
      return nan(c, f, f.isSignalling(a));
    }
    if (f.isZero(a) || f.exponent(a) >= f.precision() - 1) { // infinities too
      return a;
    }
    boolean negative = f.isNegative(a);
    long integer = integer(f.significand(a), f.exponent(a));
    long fraction = fraction(f.significand(a), f.exponent(a));
    integer += increment(negative, integer, fraction, Long.MIN_VALUE, rm);
    c.flags |= tells && fraction != 0 ? NX : 0;
    return signed(f, negative, fromInteger(c, f, false, integer, rm)); // which is exact
  }

  /** The integer part of sig * 2^(exp - 63), for exponents below 64. */
  private static long integer(long sig, int exp) {
    return exp < 0 ? 0 : sig >>> (63 - exp);
  }

  /** The fraction in units of 2^-64; below a quarter only being non-zero matters. */
  private static long fraction(long sig, int exp) {
    return exp >= 0 ? sig << exp << 1 : exp == -1 ? sig : 1;
  }

  /**
   * The smaller of both, or the larger; -0 is below +0.
   *
   * @param number whether the other operand wins over a NaN (minimumNumber of IEEE 754-2019, 9.6),
   *     or the result is the canonical NaN (minimum)
   */
  static long extreme(Fcsr c, Format f, long a, long b, boolean larger, boolean number) {
    if (f.isNan(a) || f.isNan(b)) {
      long nan = nan(c, f, f.isSignalling(a) || f.isSignalling(b));
      return number && !f.isNan(a) ? a : number && !f.isNan(b) ? b : nan;
    }
    return f.order(a) < f.order(b) != larger ? a : b;
  }

  /** 1 if a equals b, else 0; only a signalling NaN raises NV. */
  static long equal(Fcsr c, Format f, long a, long b) {
    return isOrdered(c, f, a, b, true) && (a == b || f.isZero(a) && f.isZero(b)) ? 1 : 0;
  }

  /** 1 if a is below b, else 0. */
  static long less(Fcsr c, Format f, long a, long b, boolean quiet) {
    boolean zeros = f.isZero(a) && f.isZero(b);
    return isOrdered(c, f, a, b, quiet) && !zeros && f.order(a) < f.order(b) ? 1 : 0;
  }

  /** 1 if a is below or equal to b, else 0. */
  static long lessOrEqual(Fcsr c, Format f, long a, long b, boolean quiet) {
    return isOrdered(c, f, a, b, quiet) && less(c, f, b, a, quiet) == 0 ? 1 : 0;
  }

  /** Whether neither is a NaN; else raises NV, if {@code quiet} only for a signalling one. */
  private static boolean isOrdered(Fcsr c, Format f, long a, long b, boolean quiet) {
    if (!f.isNan(a) && !f.isNan(b)) {
      return true;
    }
    c.flags |= !quiet || f.isSignalling(a) || f.isSignalling(b) ? NV : 0;
    return false;
  }

  /** Rounds (high:low) * 2^(exp - 124), which is not zero and whose lowest bit may be jammed. */
  private static long round128(
      Fcsr c, Format f, boolean negative, int exp, long high, long low, int rm) {
    if (high == 0) {
      return round(c, f, negative, exp - 61, low, rm);
    }
    int shift = Long.numberOfLeadingZeros(high);
    long sig = high << shift | low >>> 1 >>> (63 - shift) | jam(low << shift);
    return round(c, f, negative, exp + 3 - shift, sig, rm);
  }

  /**
   * Rounds sig * 2^(exp - 63), which is not zero, to the format and raises OF, UF and NX as due.
   */
  private static long round(
      Fcsr c, Format f, boolean negative, int exponent, long significand, int rm) {
    int shift = Long.numberOfLeadingZeros(significand);
    long sig = significand << shift;
    int exp = exponent - shift;
    int min = f.minExponent();
    int drop = 64 - f.precision();
    long dropMask = (1L << drop) - 1;
    long half = 1L << (drop - 1);
    boolean tiny = false;
    if (exp < min) {
      // Tiny unless rounding with an unbounded exponent range carries up to the smallest normal
      // number.
      boolean allOnes = sig >>> drop == -1L >>> drop;
      tiny = exp < min - 1 || !allOnes || increment(negative, 1, sig & dropMask, half, rm) == 0;
      sig = shiftRightJam(0, sig, min - exp);
      exp = min;
    }
    long kept = sig >>> drop;
    long rest = sig & dropMask;
    kept += increment(negative, kept, rest, half, rm);
    // The leading one of kept, if there, adds one to the exponent field; so does a carry out of
    // rounding.
    long result =
        exp > f.maxExponent() ? f.infinity() : ((long) (exp - min) << (f.precision() - 1)) + kept;
    if (result >= f.infinity()) {
      c.flags |= OF | NX;
      boolean toInfinity = rm == RNE || rm == RMM || rm == (negative ? RDN : RUP);
      return signed(f, negative, toInfinity ? f.infinity() : f.maxFinite());
    }
    if (rest != 0) {
      c.flags |= tiny ? UF | NX : NX;
    }
    return signed(f, negative, result);
  }

  /**
   * What rounding adds to {@code kept}, 0 or 1, when {@code rest} was cut off and {@code half} is
   * half of a unit.
   */
  private static long increment(boolean negative, long kept, long rest, long half, int rm) {
    int toHalf = Long.compareUnsigned(rest, half);
    boolean up =
        switch (rm) {
          case RNE -> toHalf > 0 || (toHalf == 0 && (kept & 1) != 0);
          case RTZ -> false;
          case RDN -> negative && rest != 0;
          case RUP -> !negative && rest != 0;
          default -> toHalf >= 0; // RMM
        };
    return up ? 1 : 0;
  }

  /** The low half of (high:low) >>> n, n >= 0, jammed. */
  private static long shiftRightJam(long high, long low, int n) {
    if (n == 0) {
      return low;
    }
    if (n < 64) {
      return high << (64 - n) | low >>> n | jam(low << (64 - n));
    }
    if (n < 128) {
      return high >>> (n - 64) | jam(low | high << 1 << (127 - n));
    }
    return jam(high | low);
  }

  private static long jam(long lost) {
    return lost == 0 ? 0 : 1;
  }

  private static long signed(Format f, boolean negative, long magnitude) {
    return negative ? magnitude | f.sign() : magnitude;
  }

  private static long invalid(Fcsr c, Format f) {
    return nan(c, f, true);
  }

  private static long nan(Fcsr c, Format f, boolean signalling) {
    c.flags |= signalling ? NV : 0;
    return f.canonicalNan();
  }
}
