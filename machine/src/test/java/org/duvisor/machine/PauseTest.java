package org.duvisor.machine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.stream.Stream;
import org.duvisor.machine.testing.EngineUnderTest;
import org.duvisor.machine.testing.Engines;
import org.duvisor.machine.testing.TestMachine;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** How harts wait for each other: PAUSE (Zihintpause) and WRS (Zawrs). */
class PauseTest {
  /** Waits until the doubleword at s0 is s1. */
  private static final String BY_PAUSE =
      """
      1:
        pause
        ld t0, 0(s0)
        bne t0, s1, 1b
      """;

  private static final String BY_RESERVATION =
      """
      1:
        lr.d t0, (s0)
        beq t0, s1, 2f
        wrs.nto
        j 1b
      2:
      """;

  private static Stream<Arguments> waitsInTurns() {
    return Engines.same().flatMap(e -> waits().map(w -> Arguments.of(e, w)));
  }

  private static Stream<Arguments> waitsAtOnce() {
    return Engines.all().flatMap(e -> waits().map(w -> Arguments.of(e, w)));
  }

  private static Stream<String> waits() {
    return List.of(BY_PAUSE, BY_RESERVATION).stream();
  }

  @ParameterizedTest
  @MethodSource("waitsInTurns")
  void aHartThatWaitsForAnotherEndsItsTurn(EngineUnderTest engine, String wait) {
    String program =
        """
          li s0, DATA
          li s1, 1
        %s
          j exit
        others:
          li s0, DATA
          li s1, 100000
        1:
          addi s1, s1, -1
          bnez s1, 1b
          li t0, 1
          sd t0, 0(s0)
        2:
          wfi
          j 2b
        """
            .formatted(wait);
    try (TestMachine m = new TestMachine(engine, program, 2, HartConfig.STANDARD, true).run()) {
      List<Hart> harts = m.board().harts();
      long waiting = harts.getFirst().retired;
      long working = harts.getLast().retired;
      assertTrue(waiting * 100 < working, waiting + " instructions for a wait of " + working);
    }
  }

  @ParameterizedTest
  @MethodSource("org.duvisor.machine.testing.Engines#same")
  void withoutAReservationNothingIsWaitedFor(EngineUnderTest engine) {
    String program =
        """
          li s0, DATA
          li s1, 1000
          csrr s2, time
        1:
          lr.w t0, (s0)
          sc.w t1, t0, (s0)
          wrs.nto               # the reservation is used up
          lr.w t0, (s0)
          addi t0, t0, 1
          sw t0, (s0)
          wrs.sto               # and here it is lost
          addi s1, s1, -1
          bnez s1, 1b
          csrr a0, time
          sub a0, a0, s2
        """;
    try (TestMachine m = new TestMachine(engine, program).run()) {
      assertTrue(m.a(0) < 1000, "2000 times WRS lasted " + m.a(0) + " ticks");
    }
  }

  @ParameterizedTest
  @MethodSource("waitsAtOnce")
  void hartsThatRunAtOnceHandATokenOn(EngineUnderTest engine, String wait) {
    String program =
        """
          li s2, 0
          j start
        others:
          csrr s2, mhartid
        start:
          li s0, DATA
          li s3, 300
          mv s1, s2
        again:
        %s
          addi t1, s1, 1
          sd t1, 0(s0)          # the next hart's turn
          addi s1, s1, 4
          addi s3, s3, -1
          bnez s3, again
          beqz s2, exit
        3:
          wfi
          j 3b
        """
            .formatted(wait);
    try (TestMachine m = new TestMachine(engine, program, 4, HartConfig.STANDARD, false).run()) {
      assertTrue(m.peek(TestMachine.DATA) >= 4 * 299 + 1);
      assertEquals(List.of(), m.traps());
    }
  }
}
