package org.duvisor.machine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import org.duvisor.machine.testing.EngineUnderTest;
import org.duvisor.machine.testing.TestMachine;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The deterministic scheduler: the same program gives the same run, bit for bit, though its harts
 * race.
 */
class SchedulerTest {
  private static final String RACE =
      """
        li s0, DATA
        li s1, 3000
        csrr s2, mhartid
        li t0, 0x88
        j work
      others:
        li s0, DATA
        li s1, 3000
        csrr s2, mhartid
      work:
        amoadd.d t0, s1, (s0)
        xor t0, t0, s2
        csrr t1, time
        add t0, t0, t1
        andi t2, t0, 511
        slli t2, t2, 3
        add t2, t2, s0
        ld t3, 64(t2)         # an unprotected read-modify-write
        add t3, t3, t0
        sd t3, 64(t2)
        addi s1, s1, -1
        bnez s1, work
        addi t2, s0, 8
        li t0, 1
        amoadd.d x0, t0, (t2)
        bnez s2, sleep
      1:
        ld t1, 8(s0)
        li t0, 3
        bne t1, t0, 1b
        j exit
      sleep:
        wfi
        j sleep
      """;

  private record Result(long instructions, long[] each, int memory) {}

  private static Result run(EngineUnderTest engine) {
    try (TestMachine m = new TestMachine(engine, RACE, 3, HartConfig.STANDARD, true).run()) {
      long[] each = m.board().harts().stream().mapToLong(h -> h.retired).toArray();
      return new Result(
          m.board().instructions(), each, Arrays.hashCode(m.ram().toArray(ValueLayout.JAVA_LONG)));
    }
  }

  @ParameterizedTest
  @MethodSource("org.duvisor.machine.testing.Engines#same")
  void twoRunsAreOne(EngineUnderTest engine) {
    Result first = run(engine);
    Result second = run(engine);
    assertNotEquals(0, first.instructions());
    assertEquals(first.instructions(), second.instructions());
    assertArrayEquals(first.each(), second.each());
    assertEquals(first.memory(), second.memory());
  }
}
