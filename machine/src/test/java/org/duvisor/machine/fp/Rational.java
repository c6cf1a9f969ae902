package org.duvisor.machine.fp;

import java.math.BigInteger;

/** An exact rational number, its denominator positive; not in lowest terms. */
record Rational(BigInteger numerator, BigInteger denominator) {
  static final Rational ZERO = of(BigInteger.ZERO);

  static Rational of(BigInteger integer) {
    return new Rational(integer, BigInteger.ONE);
  }

  /** integer * 2^exponent. */
  static Rational scaled(BigInteger integer, int exponent) {
    return exponent >= 0
        ? of(integer.shiftLeft(exponent))
        : new Rational(integer, BigInteger.ONE.shiftLeft(-exponent));
  }

  Rational plus(Rational other) {
    return new Rational(
        numerator.multiply(other.denominator).add(other.numerator.multiply(denominator)),
        denominator.multiply(other.denominator));
  }

  Rational times(Rational other) {
    return new Rational(
        numerator.multiply(other.numerator), denominator.multiply(other.denominator));
  }

  Rational dividedBy(Rational other) {
    Rational result =
        new Rational(numerator.multiply(other.denominator), denominator.multiply(other.numerator));
    return result.denominator.signum() < 0 ? result.negated() : result;
  }

  private Rational negated() {
    return new Rational(numerator.negate(), denominator.negate());
  }

  Rational abs() {
    return new Rational(numerator.abs(), denominator);
  }

  int signum() {
    return numerator.signum();
  }

  int compareTo(Rational other) {
    return numerator.multiply(other.denominator).compareTo(other.numerator.multiply(denominator));
  }

  BigInteger floor() {
    BigInteger[] parts = numerator.divideAndRemainder(denominator);
    return parts[1].signum() < 0 ? parts[0].subtract(BigInteger.ONE) : parts[0];
  }

  /** The e with 2^e <= this < 2^(e+1), for positive numbers. */
  int binade() {
    int guess = numerator.bitLength() - denominator.bitLength();
    return compareTo(scaled(BigInteger.ONE, guess)) >= 0 ? guess : guess - 1;
  }

  /**
   * The square root of a positive number if it has at most 400 bits after the point, else a number
   * beside it that no format can tell from it.
   */
  Rational squareRoot() {
    int bits = 1400; // subnormal doubles have roots of about 2^-537
    BigInteger[] scaled = numerator.shiftLeft(2 * bits).divideAndRemainder(denominator);
    BigInteger[] root = scaled[0].sqrtAndRemainder();
    boolean exact = scaled[1].signum() == 0 && root[1].signum() == 0;
    return scaled(root[0].shiftLeft(1).add(exact ? BigInteger.ZERO : BigInteger.ONE), -bits - 1);
  }
}
