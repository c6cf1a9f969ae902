package org.duvisor.machine.fp;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * Every instruction in every rounding mode, result and flags, against exact rational arithmetic.
 */
class FpModelTest {
  private static final List<Operation> OPERATIONS = Operation.all();
  private static final int[] FLAGS_BEFORE = {0, Fcsr.NX};

  private static void check(Operation op, long a, long b, long x, int rm, int flagsBefore) {
    Model.Outcome expected = op.expected(a, b, x, rm, flagsBefore);
    Model.Outcome actual = op.run(a, b, x, rm, flagsBefore);
    if (!expected.equals(actual)) {
      assertEquals(
          text(expected),
          text(actual),
          () -> "%s %016x %016x %016x rm %d flags %02x".formatted(op, a, b, x, rm, flagsBefore));
    }
  }

  private static String text(Model.Outcome outcome) {
    return "%016x flags %02x".formatted(outcome.bits(), outcome.flags());
  }

  @TestFactory
  Stream<DynamicTest> weightedOperands() {
    return OPERATIONS.stream()
        .map(
            op ->
                DynamicTest.dynamicTest(
                    op.name(),
                    () -> {
                      Operands operands =
                          new Operands(op.format(), new SplittableRandom(op.name().hashCode()));
                      for (int i = 0; i < 3_000; i++) {
                        long[] t = operands.triple(op.operand());
                        for (int rm = 0; rm <= 4; rm++) {
                          for (int flags : FLAGS_BEFORE) {
                            check(op, t[0], t[1], t[2], rm, flags);
                          }
                        }
                      }
                    }));
  }

  @TestFactory
  Stream<DynamicTest> allPairsOfSpecialOperands() {
    return OPERATIONS.stream()
        .map(
            op ->
                DynamicTest.dynamicTest(
                    op.name(),
                    () -> {
                      long[] special = Operands.special(op.format());
                      int third = 0;
                      for (long a : special) {
                        for (long b : op.arity() > 1 ? special : new long[1]) {
                          for (int rm = 0; rm <= 4; rm++) {
                            third =
                                (third + 1)
                                    % special.length; // 5 and the count of specials have no common
                            // factor
                            check(op, a, b, special[third], rm, FLAGS_BEFORE[rm & 1]);
                          }
                        }
                      }
                    }));
  }

  @Property(tries = 20_000)
  void arbitraryOperands(
      @ForAll("operations") Operation op,
      @ForAll("seeds") long seed,
      @ForAll @IntRange(max = 4) int rm,
      @ForAll @IntRange(max = 31) int flagsBefore) {
    long[] t = new Operands(op.format(), new SplittableRandom(seed)).triple(op.operand());
    check(op, t[0], t[1], t[2], rm, flagsBefore);
  }

  @Property(tries = 10_000)
  void arbitraryRegisters(
      @ForAll("operations") Operation op,
      @ForAll long a,
      @ForAll long b,
      @ForAll long x,
      @ForAll @IntRange(max = 4) int rm) {
    check(op, a, b, x, rm, 0);
  }

  @Provide
  Arbitrary<Operation> operations() {
    return Arbitraries.of(OPERATIONS);
  }

  @Provide
  Arbitrary<Long> seeds() {
    return Arbitraries.randomValue(java.util.Random::nextLong);
  }
}
