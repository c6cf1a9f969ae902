package org.duvisor.machine.fp;

import java.math.BigInteger;

/**
 * IEEE 754-2019 arithmetic as RISC-V has it, by exact rational numbers that are then rounded: the
 * independent model that the implementation is tested against. Slow and plain. Encodings here are
 * unboxed, bits above the width zero.
 */
record Model(int width, int precision) {
  static final Model HALF = new Model(16, 11);
  static final Model SINGLE = new Model(32, 24);
  static final Model DOUBLE = new Model(64, 53);

  private static final int NX = 1;
  private static final int UF = 2;
  private static final int OF = 4;
  private static final int DZ = 8;
  private static final int NV = 16;

  /** A result and the flags it raises. */
  record Outcome(long bits, int flags) {}

  int maxExponent() {
    return (1 << (width - precision - 1)) - 1;
  }

  int minExponent() {
    return 1 - maxExponent();
  }

  long sign() {
    return 1L << (width - 1);
  }

  /** The exponent field with all bits set. */
  long infinity() {
    return (2L * maxExponent() + 1) << (precision - 1);
  }

  long nan() {
    return infinity() | quiet();
  }

  private long quiet() {
    return 1L << (precision - 2);
  }

  boolean negative(long a) {
    return (a & sign()) != 0;
  }

  long size(long a) {
    return a & ~sign();
  }

  boolean isNan(long a) {
    return size(a) > infinity();
  }

  boolean isSignalling(long a) {
    return isNan(a) && (a & quiet()) == 0;
  }

  boolean isInfinite(long a) {
    return size(a) == infinity();
  }

  boolean isZero(long a) {
    return size(a) == 0;
  }

  /** The value of a finite encoding; both zeros are 0. */
  Rational value(long a) {
    int field = (int) (size(a) >>> (precision - 1));
    long fraction = size(a) & ((1L << (precision - 1)) - 1);
    long integer = field == 0 ? fraction : fraction + (1L << (precision - 1));
    int exponent = Math.max(field, 1) - maxExponent() - (precision - 1);
    return Rational.scaled(BigInteger.valueOf(negative(a) ? -integer : integer), exponent);
  }

  /** Rounds a positive number to an integer, as part of a number of the given sign. */
  static BigInteger roundToInteger(Rational v, boolean negative, int rm) {
    BigInteger floor = v.floor();
    Rational fraction = v.plus(Rational.of(floor.negate()));
    int toHalf = fraction.compareTo(Rational.scaled(BigInteger.ONE, -1));
    boolean up =
        switch (rm) {
          case 0 -> toHalf > 0 || (toHalf == 0 && floor.testBit(0));
          case 1 -> false;
          case 2 -> negative && fraction.signum() != 0;
          case 3 -> !negative && fraction.signum() != 0;
          case 4 -> toHalf >= 0;
          default -> throw new IllegalArgumentException("rounding mode " + rm);
        };
    return up ? floor.add(BigInteger.ONE) : floor;
  }

  /** Rounds to a multiple of 2^exponent. */
  private static Rational roundToMultiple(Rational v, int exponent, boolean negative, int rm) {
    Rational scaled = v.times(Rational.scaled(BigInteger.ONE, -exponent));
    return Rational.scaled(roundToInteger(scaled, negative, rm), exponent);
  }

  /** Rounds a number other than zero to this format (IEEE 754-2019, 4.3 and 7.4 to 7.6). */
  Outcome round(Rational v, int rm) {
    boolean negative = v.signum() < 0;
    Rational size = v.abs();
    int binade = size.binade();
    Rational unbounded = roundToMultiple(size, binade - precision + 1, negative, rm);
    Rational rounded =
        roundToMultiple(size, Math.max(binade, minExponent()) - precision + 1, negative, rm);
    if (rounded.compareTo(value(infinity() - 1)) > 0) {
      boolean away = rm == 0 || rm == 4 || rm == (negative ? 2 : 3);
      return new Outcome(signed(negative, away ? infinity() : infinity() - 1), OF | NX);
    }
    boolean tiny = unbounded.compareTo(Rational.scaled(BigInteger.ONE, minExponent())) < 0;
    boolean inexact = rounded.compareTo(size) != 0;
    return new Outcome(signed(negative, encode(rounded)), inexact ? (tiny ? UF | NX : NX) : 0);
  }

  /** Encodes a number >= 0 that the format can represent. */
  private long encode(Rational v) {
    if (v.signum() == 0) {
      return 0;
    }
    int exponent = Math.max(v.binade(), minExponent());
    long integer =
        v.times(Rational.scaled(BigInteger.ONE, precision - 1 - exponent)).floor().longValueExact();
    boolean normal = integer >= 1L << (precision - 1);
    return normal
        ? ((long) (exponent + maxExponent()) << (precision - 1)) + integer - (1L << (precision - 1))
        : integer;
  }

  private long signed(boolean negative, long size) {
    return negative ? size | sign() : size;
  }

  private Outcome exact(long bits) {
    return new Outcome(bits, 0);
  }

  private Outcome invalid() {
    return new Outcome(nan(), NV);
  }

  private Outcome nanFrom(long... operands) {
    for (long operand : operands) {
      if (isSignalling(operand)) {
        return invalid();
      }
    }
    return exact(nan());
  }

  private Outcome roundOrZero(Rational v, boolean zeroIsNegative, int rm) {
    return v.signum() == 0 ? exact(signed(zeroIsNegative, 0)) : round(v, rm);
  }

  Outcome add(long a, long b, int rm) {
    if (isNan(a) || isNan(b)) {
      return nanFrom(a, b);
    }
    if (isInfinite(a) || isInfinite(b)) {
      boolean opposite = isInfinite(a) && isInfinite(b) && a != b;
      return opposite ? invalid() : exact(isInfinite(a) ? a : b);
    }
    boolean bothZero = isZero(a) && isZero(b);
    boolean zeroIsNegative = (bothZero && a == b) ? negative(a) : rm == 2;
    return roundOrZero(value(a).plus(value(b)), zeroIsNegative, rm);
  }

  Outcome sub(long a, long b, int rm) {
    return isNan(b) ? nanFrom(a, b) : add(a, b ^ sign(), rm);
  }

  Outcome mul(long a, long b, int rm) {
    boolean negative = negative(a) != negative(b);
    if (isNan(a) || isNan(b)) {
      return nanFrom(a, b);
    }
    if (isInfinite(a) || isInfinite(b)) {
      return isZero(a) || isZero(b) ? invalid() : exact(signed(negative, infinity()));
    }
    return roundOrZero(value(a).times(value(b)), negative, rm);
  }

  Outcome div(long a, long b, int rm) {
    boolean negative = negative(a) != negative(b);
    if (isNan(a) || isNan(b)) {
      return nanFrom(a, b);
    }
    if (isInfinite(a)) {
      return isInfinite(b) ? invalid() : exact(signed(negative, infinity()));
    }
    if (isInfinite(b)) {
      return exact(signed(negative, 0));
    }
    if (isZero(b)) {
      return isZero(a) ? invalid() : new Outcome(signed(negative, infinity()), DZ);
    }
    return roundOrZero(value(a).dividedBy(value(b)), negative, rm);
  }

  Outcome sqrt(long a, int rm) {
    if (isNan(a)) {
      return nanFrom(a);
    }
    if (isZero(a) || a == infinity()) {
      return exact(a);
    }
    return negative(a) ? invalid() : round(value(a).squareRoot(), rm);
  }

  /** (negateProduct ? -(a * b) : a * b) plus or minus x. */
  Outcome fma(long a, long b, long x, boolean negateProduct, boolean subtract, int rm) {
    if ((isInfinite(a) && isZero(b)) || (isZero(a) && isInfinite(b))) {
      return invalid(); // whatever x is
    }
    if (isNan(a) || isNan(b) || isNan(x)) {
      return nanFrom(a, b, x);
    }
    boolean productNegative = (negative(a) != negative(b)) != negateProduct;
    boolean addendNegative = negative(x) != subtract;
    if (isInfinite(a) || isInfinite(b)) {
      boolean opposite = isInfinite(x) && productNegative != addendNegative;
      return opposite ? invalid() : exact(signed(productNegative, infinity()));
    }
    if (isInfinite(x)) {
      return exact(signed(addendNegative, infinity()));
    }
    Rational minusOne = Rational.of(BigInteger.ONE.negate());
    Rational product = value(a).times(value(b));
    Rational left = negateProduct ? product.times(minusOne) : product;
    Rational right = subtract ? value(x).times(minusOne) : value(x);
    boolean zeros = product.signum() == 0 && isZero(x);
    boolean zeroIsNegative =
        (zeros && productNegative == addendNegative) ? productNegative : rm == 2;
    return roundOrZero(left.plus(right), zeroIsNegative, rm);
  }

  /** minimumNumber, or maximumNumber of IEEE 754-2019, 9.6; or minimum, or maximum. */
  Outcome extreme(long a, long b, boolean maximum, boolean number) {
    if (!number && (isNan(a) || isNan(b))) {
      return nanFrom(a, b);
    }
    int flags = isSignalling(a) || isSignalling(b) ? NV : 0;
    if (isNan(a)) {
      return new Outcome(isNan(b) ? nan() : b, flags);
    }
    if (isNan(b)) {
      return new Outcome(a, flags);
    }
    return exact(order(a) < order(b) != maximum ? a : b);
  }

  /** Encodings of numbers as integers in the order of the numbers, -0 below +0. */
  private long order(long a) {
    return negative(a) ? -size(a) - 1 : size(a);
  }

  Outcome equal(long a, long b) {
    if (isNan(a) || isNan(b)) {
      return new Outcome(0, isSignalling(a) || isSignalling(b) ? NV : 0);
    }
    return exact(a == b || (isZero(a) && isZero(b)) ? 1 : 0);
  }

  Outcome less(long a, long b, boolean orEqual, boolean quiet) {
    if (isNan(a) || isNan(b)) {
      return new Outcome(0, !quiet || isSignalling(a) || isSignalling(b) ? NV : 0);
    }
    boolean zeros = isZero(a) && isZero(b);
    boolean less = !zeros && order(a) < order(b);
    return exact(less || (orEqual && equal(a, b).bits() == 1) ? 1 : 0);
  }

  Outcome classify(long a) {
    int kind;
    if (isNan(a)) {
      kind = isSignalling(a) ? 8 : 9;
    } else if (isInfinite(a)) {
      kind = negative(a) ? 0 : 7;
    } else if (isZero(a)) {
      kind = negative(a) ? 3 : 4;
    } else {
      boolean normal =
          value(a).abs().compareTo(Rational.scaled(BigInteger.ONE, minExponent())) >= 0;
      kind = negative(a) ? (normal ? 1 : 2) : (normal ? 6 : 5);
    }
    return exact(1L << kind);
  }

  /** To an integer of {@code bits} bits, its 64-bit register value. */
  Outcome toInteger(long a, int rm, boolean isSigned, int bits) {
    BigInteger least = isSigned ? BigInteger.ONE.shiftLeft(bits - 1).negate() : BigInteger.ZERO;
    BigInteger most = BigInteger.ONE.shiftLeft(isSigned ? bits - 1 : bits).subtract(BigInteger.ONE);
    if (isNan(a) || isInfinite(a)) {
      return new Outcome(register(isInfinite(a) && negative(a) ? least : most, bits), NV);
    }
    BigInteger size = roundToInteger(value(a).abs(), negative(a), rm);
    BigInteger rounded = negative(a) ? size.negate() : size;
    if (rounded.compareTo(least) < 0 || rounded.compareTo(most) > 0) {
      return new Outcome(register(negative(a) ? least : most, bits), NV);
    }
    return new Outcome(
        register(rounded, bits), Rational.of(rounded).compareTo(value(a)) == 0 ? 0 : NX);
  }

  /** roundToIntegral of IEEE 754-2019, 5.9; {@code exact} tells of a number that was none. */
  Outcome toIntegral(long a, int rm, boolean exact) {
    if (isNan(a)) {
      return nanFrom(a);
    }
    if (isInfinite(a) || isZero(a)) {
      return exact(a);
    }
    Rational rounded = Rational.of(roundToInteger(value(a).abs(), negative(a), rm));
    boolean inexact = rounded.compareTo(value(a).abs()) != 0;
    return new Outcome(signed(negative(a), encode(rounded)), exact && inexact ? NX : 0);
  }

  /** The flags of the conversion to 32 bits towards zero, but the integer modulo 2^32. */
  Outcome toModularWord(long a) {
    int flags = toInteger(a, 1, true, 32).flags();
    if (isNan(a) || isInfinite(a)) {
      return new Outcome(0, flags);
    }
    BigInteger size = roundToInteger(value(a).abs(), negative(a), 1);
    return new Outcome(register(negative(a) ? size.negate() : size, 32), flags);
  }

  /** The table of Zfa's load-immediate instructions. */
  Outcome constant(int index) {
    return switch (index) {
      case 0 -> fromInteger(-1, 0, true, 64);
      case 1 -> exact(1L << (precision - 1));
      case 2 -> power(-16);
      case 3 -> power(-15);
      case 4 -> power(-8);
      case 5 -> power(-7);
      case 6 -> power(-4);
      case 7 -> power(-3);
      case 23 -> power(2);
      case 24 -> power(3);
      case 25 -> power(4);
      case 26 -> power(7);
      case 27 -> power(8);
      case 28 -> power(15);
      case 29 -> new Outcome(round(Rational.scaled(BigInteger.TWO, 15), 0).bits(), 0);
      case 30 -> exact(infinity());
      case 31 -> exact(nan());
      default -> { // all with 2 bits behind the leading one, from 0.25 to 3
        int binade = (index - 16) >> 2;
        yield round(Rational.scaled(BigInteger.valueOf(4 + (index & 3)), binade - 2), 0);
      }
    };
  }

  private Outcome power(int exponent) {
    return round(Rational.scaled(BigInteger.ONE, exponent), 0);
  }

  private static long register(BigInteger v, int bits) {
    return bits == 32 ? v.intValue() : v.longValue();
  }

  /** From the low {@code bits} bits of a register. */
  Outcome fromInteger(long x, int rm, boolean isSigned, int bits) {
    BigInteger v = BigInteger.valueOf(bits == 32 ? (int) x : x);
    if (!isSigned && v.signum() < 0) {
      v = v.add(BigInteger.ONE.shiftLeft(bits));
    }
    return roundOrZero(Rational.of(v), false, rm);
  }

  /** From the other format. */
  Outcome fromFormat(Model from, long a, int rm) {
    if (from.isNan(a)) {
      return from.isSignalling(a) ? invalid() : exact(nan());
    }
    if (from.isInfinite(a)) {
      return exact(signed(from.negative(a), infinity()));
    }
    return roundOrZero(from.value(a), from.negative(a), rm);
  }

  Outcome signInjected(long a, boolean negative) {
    return exact(signed(negative, size(a)));
  }
}
