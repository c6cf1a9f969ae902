package org.duvisor.machine.fp;

/**
 * A binary interchange format of IEEE 754-2019 section 3.4 of at most 64 bits, and what can be
 * asked of an encoding in it. Encodings are longs whose bits above {@code width} are ignored.
 *
 * @param width bits of an encoding
 * @param precision bits of a significand, with the implicit one
 */
record Format(int width, int precision) {
  static final Format HALF = new Format(16, 11);
  static final Format SINGLE = new Format(32, 24);
  static final Format DOUBLE = new Format(64, 53);

  /** An encoding as a register: the bits above it are ones (D extension, "NaN Boxing"). */
  long box(long encoding) {
    return encoding | -(sign() << 1);
  }

  /** The encoding in a register; the canonical NaN when it is not boxed. */
  long unbox(long register) {
    long boxes = box(0);
    return (register & boxes) == boxes ? register & ~boxes : canonicalNan();
  }

  long sign() {
    return 1L << (width - 1);
  }

  long infinity() {
    return sign() - (1L << (precision - 1));
  }

  /** The only NaN that RISC-V arithmetic produces: positive, quiet, no payload. */
  long canonicalNan() {
    return infinity() | quietBit();
  }

  long maxFinite() {
    return infinity() - 1;
  }

  long minNormal() {
    return 1L << (precision - 1);
  }

  /** The exponent of the largest finite binade, which is also the bias. */
  int maxExponent() {
    return (1 << (width - precision - 1)) - 1;
  }

  /** The exponent of the smallest normal number. */
  int minExponent() {
    return 1 - maxExponent();
  }

  boolean isNegative(long a) {
    return (a & sign()) != 0;
  }

  boolean isZero(long a) {
    return magnitude(a) == 0;
  }

  boolean isInfinite(long a) {
    return magnitude(a) == infinity();
  }

  boolean isNan(long a) {
    return magnitude(a) > infinity();
  }

  boolean isSignalling(long a) {
    return isNan(a) && (a & quietBit()) == 0;
  }

  boolean isSubnormal(long a) {
    return magnitude(a) < 1L << (precision - 1) && !isZero(a);
  }

  /**
   * The exponent e of a finite non-zero number 1.f * 2^e; subnormal ones count as if normalized.
   */
  int exponent(long a) {
    int field = (int) (magnitude(a) >>> (precision - 1));
    return field == 0
        ? minExponent() - precision + 64 - Long.numberOfLeadingZeros(magnitude(a))
        : field - maxExponent();
  }

  /** The significand 1.f of a finite non-zero number with its leading one in bit 63. */
  long significand(long a) {
    long fraction = a & ((1L << (precision - 1)) - 1);
    return magnitude(a) >>> (precision - 1) == 0
        ? fraction << Long.numberOfLeadingZeros(fraction)
        : (fraction << (64 - precision)) | Long.MIN_VALUE;
  }

  /** What FCLASS gives: one bit of 0 (negative infinity) to 9 (quiet NaN). */
  long classMask(long a) {
    if (isNan(a)) {
      return isSignalling(a) ? 1L << 8 : 1L << 9;
    }
    boolean normal = magnitude(a) >>> (precision - 1) != 0;
    int size = isInfinite(a) ? 3 : isZero(a) ? 0 : normal ? 2 : 1;
    return 1L << (isNegative(a) ? 3 - size : 4 + size);
  }

  /** Numbers as integers in their order; -0 is below +0. */
  long order(long a) {
    return isNegative(a) ? ~magnitude(a) : magnitude(a);
  }

  private long magnitude(long a) {
    return a & (sign() - 1);
  }

  private long quietBit() {
    return 1L << (precision - 2);
  }
}
