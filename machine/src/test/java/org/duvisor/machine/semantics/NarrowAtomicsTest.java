package org.duvisor.machine.semantics;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Map;
import java.util.function.LongBinaryOperator;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;

/** Atomics of bytes and halfwords against plain arithmetic; what is beside them stays. */
class NarrowAtomicsTest {
  /** On sign-extended operands; the unsigned ones keep their order when sign-extended. */
  private static final Map<String, LongBinaryOperator> OPERATIONS =
      Map.of(
          "amoswap", (old, b) -> b,
          "amoadd", Long::sum,
          "amoxor", (old, b) -> old ^ b,
          "amoand", (old, b) -> old & b,
          "amoor", (old, b) -> old | b,
          "amomin", Math::min,
          "amomax", Math::max,
          "amominu", (old, b) -> Long.compareUnsigned(old, b) < 0 ? old : b,
          "amomaxu", (old, b) -> Long.compareUnsigned(old, b) > 0 ? old : b);

  private final MemorySegment memory = Arena.ofAuto().allocate(8, 8);

  @Provide
  Arbitrary<String> operations() {
    return Arbitraries.of(OPERATIONS.keySet());
  }

  private static long extended(long value, int bits) {
    return value << (64 - bits) >> (64 - bits);
  }

  private static long call(String method, long... arguments) throws ReflectiveOperationException {
    Class<?>[] types = new Class<?>[arguments.length];
    Object[] values = new Object[arguments.length];
    for (int i = 0; i < types.length; i++) {
      types[i] = long.class;
      values[i] = arguments[i];
    }
    return (long) InMemory.class.getMethod(method, types).invoke(null, values);
  }

  /** Calls and returns the result; then memory holds that doubleword. */
  private void check(String method, int at, int bits, long before, long wanted, long... operands)
      throws ReflectiveOperationException {
    memory.set(ValueLayout.JAVA_LONG, 0, before);
    long[] arguments = new long[operands.length + 1];
    arguments[0] = memory.address() + at;
    java.lang.System.arraycopy(operands, 0, arguments, 1, operands.length);
    long old = extended(before >>> 8 * at, bits);
    assertEquals(old, call(method + (bits == 8 ? "_b" : "_h"), arguments), method);
    long mask = (1L << bits) - 1 << 8 * at;
    assertEquals(
        before & ~mask | wanted << 8 * at & mask, memory.get(ValueLayout.JAVA_LONG, 0), method);
  }

  @Property(tries = 20_000) // C2 too
  void asArithmetic(
      @ForAll("operations") String operation,
      @ForAll long before,
      @ForAll long operand,
      @ForAll @IntRange(max = 7) int at,
      @ForAll boolean isByte)
      throws ReflectiveOperationException {
    int bits = isByte ? 8 : 16;
    int place = isByte ? at : at & 6;
    long old = extended(before >>> 8 * place, bits);
    long wanted = OPERATIONS.get(operation).applyAsLong(old, extended(operand, bits));
    check(operation, place, bits, before, wanted, operand);
  }

  @Property(tries = 20_000) // C2 too
  void comparesOnlyItsBits(
      @ForAll long before,
      @ForAll long expected,
      @ForAll long operand,
      @ForAll @IntRange(max = 7) int at,
      @ForAll boolean isByte,
      @ForAll boolean equal)
      throws ReflectiveOperationException {
    int bits = isByte ? 8 : 16;
    int place = isByte ? at : at & 6;
    long old = extended(before >>> 8 * place, bits);
    long guess = equal ? old ^ expected << bits : expected;
    boolean stores = extended(guess, bits) == old;
    check("amocas", place, bits, before, stores ? operand : old, guess, operand);
  }
}
