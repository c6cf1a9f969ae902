package org.duvisor.machine.fp;

import java.util.Arrays;
import java.util.random.RandomGenerator;

/** Operands of one format, as 64-bit registers, with weight on where arithmetic goes wrong. */
record Operands(Model format, RandomGenerator random) {

  /**
   * Both zeros, the ends of the subnormal and normal ranges, infinities, NaNs, and some plain
   * numbers.
   */
  static long[] special(Model f) {
    long one = (long) f.maxExponent() << (f.precision() - 1);
    long ulp = 1;
    long minNormal = 1L << (f.precision() - 1);
    long[] positive = {
      0,
      ulp,
      3,
      minNormal / 2,
      minNormal - 1,
      minNormal,
      minNormal + 1,
      2 * minNormal,
      one / 2,
      one - 1,
      one,
      one + 1,
      one + minNormal,
      one + minNormal / 2,
      one - minNormal,
      f.infinity() - minNormal,
      f.infinity() - 2,
      f.infinity() - 1,
      f.infinity(),
      f.nan(),
      f.nan() + 5,
      f.infinity() + 1,
      f.nan() - 1
    };
    long[] both = Arrays.copyOf(positive, 2 * positive.length);
    for (int i = 0; i < positive.length; i++) {
      both[positive.length + i] = positive[i] | f.sign();
    }
    if (f.width() == 64) {
      return both;
    }
    for (int i = 0; i < both.length; i++) {
      both[i] |= -1L << f.width();
    }
    long[] withUnboxed = Arrays.copyOf(both, both.length + 2);
    withUnboxed[both.length] = one;
    withUnboxed[both.length + 1] = -2L << f.width() | one;
    return withUnboxed;
  }

  /** Operands a, b, x for one instruction. */
  long[] triple(Operation.Operand kind) {
    return switch (kind) {
      case INTEGER -> new long[] {integer(), 0, 0};
      case FLOAT_TO_INTEGER ->
          new long[] {box(random.nextInt(3) == 0 ? any() : nearInteger()), 0, 0};
      case FLOAT -> {
        long a = any();
        long b = random.nextInt(3) == 0 ? related(a) : any();
        yield new long[] {box(a), box(b), box(addend(a, b))};
      }
    };
  }

  private long any() {
    return switch (random.nextInt(10)) {
      case 0 -> {
        long[] special = special(format);
        yield special[random.nextInt(special.length)];
      }
      case 1 -> random.nextLong();
      case 2 -> powerOfTwo() + random.nextInt(-2, 3);
      case 3 ->
          signed(random.nextLong() >>> random.nextInt(65 - format.precision(), 64)); // subnormal
      case 4, 5 -> sparse(ordinary());
      case 6 -> sparse(exponent());
      case 7 -> dense(exponent());
      default -> dense(ordinary());
    };
  }

  /**
   * An operand of nearly the same, or nearly the opposite value; or one whose product with a is at
   * a limit.
   */
  private long related(long a) {
    int fraction = format.precision() - 1;
    int exponent =
        (int) ((a & ~format.sign()) >>> fraction & (2L * format.maxExponent() + 1))
            - format.maxExponent();
    return switch (random.nextInt(6)) {
      case 0 -> a + random.nextInt(-3, 4);
      case 1 -> (a ^ format.sign()) + random.nextInt(-3, 4);
      case 2 -> signed(a & -1L << fraction) ^ (random.nextLong() >>> (64 - fraction));
      case 3 -> dense(format.minExponent() - exponent + random.nextInt(-format.precision() - 2, 3));
      case 4 ->
          sparse(format.minExponent() - exponent + random.nextInt(-format.precision() - 2, 3));
      default -> dense(format.maxExponent() - exponent + random.nextInt(-2, 3));
    };
  }

  /** An addend; often one that cancels the product of a and b, or is far below or above it. */
  private long addend(long a, long b) {
    long product = encode(-decode(a) * decode(b));
    long exponents = (long) random.nextInt(-2 * format.precision() - 3, 2 * format.precision() + 4);
    return switch (random.nextInt(4)) {
      case 0 -> product + random.nextInt(-2, 3);
      case 1 -> signed(product + (exponents << (format.precision() - 1)));
      default -> any();
    };
  }

  private int exponent() {
    return random.nextInt(format.minExponent() - format.precision(), format.maxExponent() + 2);
  }

  private int ordinary() {
    int most = Math.min(30, format.maxExponent());
    return random.nextInt(-most, most + 1);
  }

  private long powerOfTwo() {
    return encode(exponent(), 0);
  }

  /**
   * A number of the given exponent whose significand has few bits, so that results are often exact.
   */
  private long sparse(int exponent) {
    int shift = random.nextInt(format.precision());
    return encode(exponent, (random.nextLong() & 0xff) << shift);
  }

  private long dense(int exponent) {
    return encode(exponent, random.nextLong());
  }

  /**
   * A number of either sign; exponents out of range become those of subnormal numbers and
   * infinities.
   */
  private long encode(int exponent, long fraction) {
    long field =
        Math.clamp(exponent + (long) format.maxExponent(), 0, 2 * format.maxExponent() + 1);
    long mask = (1L << (format.precision() - 1)) - 1;
    return signed(field << (format.precision() - 1) | (fraction & mask));
  }

  private long signed(long a) {
    long size = a & (format.sign() - 1);
    return random.nextBoolean() ? size | format.sign() : size;
  }

  /** A number near the ends of the ranges of integers, or one with a short fraction. */
  private long nearInteger() {
    double end =
        switch (random.nextInt(5)) {
          case 0 -> 0x1p31;
          case 1 -> 0x1p32;
          case 2 -> 0x1p63;
          case 3 -> 0x1p64;
          default -> random.nextInt(-5, 6);
        };
    double value = (random.nextBoolean() ? end : -end) + random.nextInt(-16, 17) / 8.0;
    return encode(value) + random.nextInt(-2, 3);
  }

  private double decode(long a) {
    return switch (format.width()) {
      case 16 -> Float.float16ToFloat((short) a);
      case 32 -> Float.intBitsToFloat((int) a);
      default -> Double.longBitsToDouble(a);
    };
  }

  /** Rounded somehow. */
  private long encode(double value) {
    return switch (format.width()) {
      case 16 -> Float.floatToFloat16((float) value);
      case 32 -> Float.floatToRawIntBits((float) value);
      default -> Double.doubleToRawLongBits(value);
    };
  }

  private long integer() {
    long wide = random.nextLong() >> random.nextInt(64);
    return switch (random.nextInt(4)) {
      case 0 -> (1L << random.nextInt(64)) + random.nextInt(-2, 3);
      case 1 -> (1L << random.nextInt(64)) + (1L << random.nextInt(64)) + random.nextInt(-1, 2);
      case 2 -> (random.nextLong() & 0xff_ffffL) << random.nextInt(64) | (random.nextLong() & 1);
      default -> wide;
    };
  }

  private long box(long a) {
    if (format.width() == 64) {
      return a;
    }
    return random.nextInt(50) == 0 ? a : a | -1L << format.width();
  }
}
