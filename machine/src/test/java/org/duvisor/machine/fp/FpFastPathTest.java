package org.duvisor.machine.fp;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * The fast paths against the integer path, and both against the host: the same instruction,
 * operands and flags must give the same result and flags whichever way it goes.
 */
class FpFastPathTest {
  private static final int CASES = 60_000;

  /** The integer path of an instruction, over unboxed encodings. */
  interface Soft {
    long apply(Fcsr c, Format f, long a, long b, long x, int rm);
  }

  /** The host's arithmetic on doubles and, on encodings, on floats. */
  record Host(DoubleArithmetic ofDoubles, FloatArithmetic ofFloats) {}

  /** On doubles. */
  interface DoubleArithmetic {
    double apply(double a, double b, double x);
  }

  /** On floats. */
  interface FloatArithmetic {
    float apply(float a, float b, float x);
  }

  @TestFactory
  Stream<DynamicTest> addition() {
    return of(
        "fadd",
        (c, f, a, b, x, rm) -> SoftFloat.add(c, f, a, b, rm),
        new Host((a, b, x) -> a + b, (a, b, x) -> a + b));
  }

  @TestFactory
  Stream<DynamicTest> subtraction() {
    return of(
        "fsub",
        (c, f, a, b, x, rm) -> SoftFloat.add(c, f, a, b ^ f.sign(), rm),
        new Host((a, b, x) -> a - b, (a, b, x) -> a - b));
  }

  @TestFactory
  Stream<DynamicTest> multiplication() {
    return of(
        "fmul",
        (c, f, a, b, x, rm) -> SoftFloat.mul(c, f, a, b, rm),
        new Host((a, b, x) -> a * b, (a, b, x) -> a * b));
  }

  @TestFactory
  Stream<DynamicTest> division() {
    return of(
        "fdiv",
        (c, f, a, b, x, rm) -> SoftFloat.div(c, f, a, b, rm),
        new Host((a, b, x) -> a / b, (a, b, x) -> a / b));
  }

  @TestFactory
  Stream<DynamicTest> squareRoot() {
    return of(
        "fsqrt",
        (c, f, a, b, x, rm) -> SoftFloat.sqrt(c, f, a, rm),
        new Host((a, b, x) -> Math.sqrt(a), (a, b, x) -> (float) Math.sqrt(a)));
  }

  @TestFactory
  Stream<DynamicTest> fusedMultiplyAdd() {
    return of("fmadd", SoftFloat::fma, new Host(Math::fma, Math::fma));
  }

  @TestFactory
  Stream<DynamicTest> fusedMultiplySubtract() {
    return of(
        "fmsub",
        (c, f, a, b, x, rm) -> SoftFloat.fma(c, f, a, b, x ^ f.sign(), rm),
        new Host((a, b, x) -> Math.fma(a, b, -x), (a, b, x) -> Math.fma(a, b, -x)));
  }

  @TestFactory
  Stream<DynamicTest> negatedMultiplySubtract() {
    return of(
        "fnmsub",
        (c, f, a, b, x, rm) -> SoftFloat.fma(c, f, a ^ f.sign(), b, x, rm),
        new Host((a, b, x) -> Math.fma(-a, b, x), (a, b, x) -> Math.fma(-a, b, x)));
  }

  @TestFactory
  Stream<DynamicTest> negatedMultiplyAdd() {
    return of(
        "fnmadd",
        (c, f, a, b, x, rm) -> SoftFloat.fma(c, f, a ^ f.sign(), b, x ^ f.sign(), rm),
        new Host((a, b, x) -> Math.fma(-a, b, -x), (a, b, x) -> Math.fma(-a, b, -x)));
  }

  private static Stream<DynamicTest> of(String stem, Soft soft, Host host) {
    return Operation.all().stream()
        .filter(op -> op.name().equals(stem + "_s") || op.name().equals(stem + "_d"))
        .map(op -> DynamicTest.dynamicTest(op.name(), () -> compare(op, soft, host)));
  }

  private static void compare(Operation op, Soft soft, Host host) {
    boolean single = op.format().width() == 32;
    Format f = single ? Format.SINGLE : Format.DOUBLE;
    long box = single ? 0xffff_ffff_0000_0000L : 0;
    Operands operands = new Operands(op.format(), new SplittableRandom(~op.name().hashCode()));
    for (int i = 0; i < CASES; i++) {
      long[] t = operands.triple(op.operand());
      long a = t[0] | box;
      long b = t[1] | box;
      long x = t[2] | box;
      int flagsBefore = i & 1;
      Fcsr c = new Fcsr();
      c.flags = flagsBefore;
      long exact = soft.apply(c, f, a, b, x, Fp.RNE) | box;
      Model.Outcome fast = op.run(a, b, x, Fp.RNE, flagsBefore);
      if (fast.bits() != exact || fast.flags() != c.flags) {
        assertEquals(
            "%016x flags %02x".formatted(exact, c.flags),
            "%016x flags %02x".formatted(fast.bits(), fast.flags()),
            () -> "%s %016x %016x %016x flags %02x".formatted(op, a, b, x, flagsBefore));
      }
      long byHost = onHost(single, host, a, b, x) | box;
      if (exact != byHost) {
        assertEquals(
            Long.toHexString(byHost),
            Long.toHexString(exact),
            () -> "%s %016x %016x %016x on the host".formatted(op, a, b, x));
      }
    }
  }

  /**
   * The host's result; {@code ToIntBits} and {@code ToLongBits} make every NaN the canonical one.
   */
  private static long onHost(boolean single, Host host, long a, long b, long x) {
    return single
        ? Float.floatToIntBits(
            host.ofFloats()
                .apply(
                    Float.intBitsToFloat((int) a),
                    Float.intBitsToFloat((int) b),
                    Float.intBitsToFloat((int) x)))
        : Double.doubleToLongBits(
            host.ofDoubles()
                .apply(
                    Double.longBitsToDouble(a),
                    Double.longBitsToDouble(b),
                    Double.longBitsToDouble(x)));
  }
}
