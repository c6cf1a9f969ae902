package org.duvisor.machine.semantics;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.math.BigInteger;
import java.util.function.LongBinaryOperator;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;

/** Integer operations against BigInteger models and naive loops over bits. */
class AluTest {
  private static final BigInteger TWO64 = BigInteger.ONE.shiftLeft(64);
  private static final long[] EDGES = {
    0,
    1,
    2,
    -1,
    -2,
    31,
    32,
    63,
    64,
    Long.MIN_VALUE,
    Long.MAX_VALUE,
    Long.MIN_VALUE + 1,
    Integer.MIN_VALUE,
    Integer.MAX_VALUE,
    0x80000000L,
    0xffffffffL,
    0x100000000L,
    0x00ff_0001_8000_7f00L,
  };

  @Provide
  Arbitrary<Long> values() {
    return Arbitraries.oneOf(
        Arbitraries.longs(),
        Arbitraries.integers().map(Integer::longValue),
        Arbitraries.of(0, 1).map(i -> -(long) i));
  }

  private static BigInteger signed(long value) {
    return BigInteger.valueOf(value);
  }

  private static BigInteger unsigned(long value) {
    return signed(value).mod(TWO64);
  }

  private static void same(LongBinaryOperator model, LongBinaryOperator operation, long a, long b) {
    long expected = model.applyAsLong(a, b);
    assertEquals(
        expected,
        operation.applyAsLong(a, b),
        () -> Long.toHexString(a) + ", " + Long.toHexString(b));
  }

  @Property
  void anyOperands(@ForAll("values") long a, @ForAll("values") long b) {
    all(a, b);
  }

  @Test
  void edges() {
    for (long a : EDGES) {
      for (long b : EDGES) {
        all(a, b);
      }
    }
  }

  private static void all(long a, long b) {
    base(a, b);
    words(a, b);
    multiplication(a, b);
    division(a, b);
    divisionOfWords(a, b);
    addresses(a, b);
    logic(a, b);
    bits(a, b);
    counts(a);
  }

  private static void base(long a, long b) {
    same((x, y) -> signed(x).add(signed(y)).longValue(), Alu::add, a, b);
    same((x, y) -> signed(x).subtract(signed(y)).longValue(), Alu::sub, a, b);
    same((x, y) -> signed(x).compareTo(signed(y)) < 0 ? 1 : 0, Alu::slt, a, b);
    same((x, y) -> unsigned(x).compareTo(unsigned(y)) < 0 ? 1 : 0, Alu::sltu, a, b);
    same((x, y) -> signed(x).shiftLeft((int) (y & 63)).longValue(), Alu::sll, a, b);
    same((x, y) -> unsigned(x).shiftRight((int) (y & 63)).longValue(), Alu::srl, a, b);
    same((x, y) -> signed(x).shiftRight((int) (y & 63)).longValue(), Alu::sra, a, b);
    int order = signed(a).compareTo(signed(b));
    int unsignedOrder = unsigned(a).compareTo(unsigned(b));
    assertEquals(order == 0, Alu.eq(a, b));
    assertEquals(order != 0, Alu.ne(a, b));
    assertEquals(order < 0, Alu.lt(a, b));
    assertEquals(order >= 0, Alu.ge(a, b));
    assertEquals(unsignedOrder < 0, Alu.ltu(a, b));
    assertEquals(unsignedOrder >= 0, Alu.geu(a, b));
    assertEquals(a, Alu.lui(a));
  }

  private static long signExtend32(BigInteger value) {
    return value.intValue();
  }

  private static BigInteger low(long value) {
    return signed(value).mod(BigInteger.ONE.shiftLeft(32));
  }

  private static BigInteger word(long value) {
    return signed(signExtend32(signed(value)));
  }

  private static void words(long a, long b) {
    same((x, y) -> signExtend32(signed(x).add(signed(y))), Alu::addw, a, b);
    same((x, y) -> signExtend32(signed(x).subtract(signed(y))), Alu::subw, a, b);
    same((x, y) -> signExtend32(low(x).shiftLeft((int) (y & 31))), Alu::sllw, a, b);
    same((x, y) -> signExtend32(low(x).shiftRight((int) (y & 31))), Alu::srlw, a, b);
    same(
        (x, y) -> signExtend32(signed(signExtend32(signed(x))).shiftRight((int) (y & 31))),
        Alu::sraw,
        a,
        b);
    same((x, y) -> signExtend32(signed(x).multiply(signed(y))), Alu::mulw, a, b);
  }

  private static void multiplication(long a, long b) {
    same((x, y) -> signed(x).multiply(signed(y)).longValue(), Alu::mul, a, b);
    same((x, y) -> signed(x).multiply(signed(y)).shiftRight(64).longValue(), Alu::mulh, a, b);
    same((x, y) -> signed(x).multiply(unsigned(y)).shiftRight(64).longValue(), Alu::mulhsu, a, b);
    same((x, y) -> unsigned(x).multiply(unsigned(y)).shiftRight(64).longValue(), Alu::mulhu, a, b);
  }

  /** Quotient of the M extension: all ones for a zero divisor; overflow wraps by itself. */
  private static BigInteger quotient(BigInteger a, BigInteger b) {
    return b.signum() == 0 ? BigInteger.ONE.negate() : a.divide(b);
  }

  private static BigInteger remainder(BigInteger a, BigInteger b) {
    return b.signum() == 0 ? a : a.remainder(b);
  }

  private static void division(long a, long b) {
    same((x, y) -> quotient(signed(x), signed(y)).longValue(), Alu::div, a, b);
    same((x, y) -> quotient(unsigned(x), unsigned(y)).longValue(), Alu::divu, a, b);
    same((x, y) -> remainder(signed(x), signed(y)).longValue(), Alu::rem, a, b);
    same((x, y) -> remainder(unsigned(x), unsigned(y)).longValue(), Alu::remu, a, b);
  }

  private static void divisionOfWords(long a, long b) {
    same((x, y) -> signExtend32(quotient(word(x), word(y))), Alu::divw, a, b);
    same((x, y) -> signExtend32(quotient(low(x), low(y))), Alu::divuw, a, b);
    same((x, y) -> signExtend32(remainder(word(x), word(y))), Alu::remw, a, b);
    same((x, y) -> signExtend32(remainder(low(x), low(y))), Alu::remuw, a, b);
  }

  private static void addresses(long a, long b) {
    same((x, y) -> low(x).add(signed(y)).longValue(), Alu::adduw, a, b);
    same((x, y) -> signed(x).shiftLeft(1).add(signed(y)).longValue(), Alu::sh1add, a, b);
    same((x, y) -> signed(x).shiftLeft(2).add(signed(y)).longValue(), Alu::sh2add, a, b);
    same((x, y) -> signed(x).shiftLeft(3).add(signed(y)).longValue(), Alu::sh3add, a, b);
    same((x, y) -> low(x).shiftLeft(1).add(signed(y)).longValue(), Alu::sh1adduw, a, b);
    same((x, y) -> low(x).shiftLeft(2).add(signed(y)).longValue(), Alu::sh2adduw, a, b);
    same((x, y) -> low(x).shiftLeft(3).add(signed(y)).longValue(), Alu::sh3adduw, a, b);
    same((x, y) -> low(x).shiftLeft((int) (y & 63)).longValue(), Alu::slliuw, a, b);
  }

  private static void logic(long a, long b) {
    same((x, y) -> signed(x).xor(signed(y)).longValue(), Alu::xor, a, b);
    same((x, y) -> signed(x).or(signed(y)).longValue(), Alu::or, a, b);
    same((x, y) -> signed(x).and(signed(y)).longValue(), Alu::and, a, b);
    same((x, y) -> signed(x).andNot(signed(y)).longValue(), Alu::andn, a, b);
    same((x, y) -> signed(x).or(signed(y).not()).longValue(), Alu::orn, a, b);
    same((x, y) -> signed(x).xor(signed(y)).not().longValue(), Alu::xnor, a, b);
    same((x, y) -> signed(x).min(signed(y)).longValue(), Alu::min, a, b);
    same((x, y) -> signed(x).max(signed(y)).longValue(), Alu::max, a, b);
    same((x, y) -> unsigned(x).min(unsigned(y)).longValue(), Alu::minu, a, b);
    same((x, y) -> unsigned(x).max(unsigned(y)).longValue(), Alu::maxu, a, b);
    same((x, y) -> y == 0 ? 0 : x, Alu::czeroEqz, a, b);
    same((x, y) -> y != 0 ? 0 : x, Alu::czeroNez, a, b);
  }

  /** Moves bit i of a width to bit (i + by) modulo the width. */
  private static long rotate(long value, int width, long by) {
    BigInteger result = BigInteger.ZERO;
    for (int i = 0; i < width; i++) {
      if (signed(value).testBit(i)) {
        result = result.setBit((int) Math.floorMod(i + by, (long) width));
      }
    }
    return width == 32 ? result.intValue() : result.longValue();
  }

  private static void bits(long a, long b) {
    int bit = (int) (b & 63);
    same((x, y) -> rotate(x, 64, y & 63), Alu::rol, a, b);
    same((x, y) -> rotate(x, 64, -(y & 63)), Alu::ror, a, b);
    same((x, y) -> rotate(x, 32, y & 31), Alu::rolw, a, b);
    same((x, y) -> rotate(x, 32, -(y & 31)), Alu::rorw, a, b);
    same((x, y) -> signed(x).clearBit(bit).longValue(), Alu::bclr, a, b);
    same((x, y) -> signed(x).testBit(bit) ? 1 : 0, Alu::bext, a, b);
    same((x, y) -> signed(x).flipBit(bit).longValue(), Alu::binv, a, b);
    same((x, y) -> signed(x).setBit(bit).longValue(), Alu::bset, a, b);
  }

  private static void counts(long a) {
    int leading = 0;
    int trailing = 0;
    int set = 0;
    int setLow = 0;
    long orc = 0;
    long reversed = 0;
    for (int i = 0; i < 64; i++) {
      boolean one = (a >>> i & 1) != 0;
      set += one ? 1 : 0;
      setLow += one && i < 32 ? 1 : 0;
      leading = one ? 0 : leading + 1;
      trailing += !one && trailing == i ? 1 : 0;
    }
    for (int i = 0; i < 8; i++) {
      long octet = (a >>> (8 * i)) & 0xff;
      orc |= octet == 0 ? 0 : 0xffL << (8 * i);
      reversed |= octet << (56 - 8 * i);
    }
    assertEquals(leading, Alu.clz(a));
    assertEquals(trailing, Alu.ctz(a));
    assertEquals(set, Alu.cpop(a));
    assertEquals(Alu.clz(a & 0xffffffffL) - 32, Alu.clzw(a));
    assertEquals(Math.min(trailing, 32), Alu.ctzw(a));
    assertEquals(setLow, Alu.cpopw(a));
    assertEquals(orc, Alu.orcb(a));
    assertEquals(reversed, Alu.rev8(a));
    assertEquals(a << 56 >> 56, Alu.sextb(a));
    assertEquals(a << 48 >> 48, Alu.sexth(a));
    assertEquals(a << 48 >>> 48, Alu.zexth(a));
  }

  @Test
  void divisionSpecialCasesOfTheSpecification() {
    assertEquals(Long.MIN_VALUE, Alu.div(Long.MIN_VALUE, -1));
    assertEquals(0, Alu.rem(Long.MIN_VALUE, -1));
    assertEquals(-1, Alu.div(7, 0));
    assertEquals(7, Alu.rem(7, 0));
    assertEquals(Integer.MIN_VALUE, Alu.divw(Integer.MIN_VALUE, -1));
    assertEquals(0, Alu.remw(Integer.MIN_VALUE, -1));
    assertEquals(-1, Alu.divuw(5, 0x1_0000_0000L));
    assertEquals(Integer.MIN_VALUE, Alu.remuw(0x80000000L, 0));
  }

  @Test
  void jumpTargets() {
    assertEquals(0x0ffe, Control.jal(0x1000, -2));
    assertEquals(0x1004, Control.jalr(0x1000, 5));
    assertEquals(-2, Control.jalr(1, -2));
  }
}
