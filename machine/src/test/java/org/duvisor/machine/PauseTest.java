package org.duvisor.machine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.stream.Stream;
import org.duvisor.isa.Cause;
import org.duvisor.machine.testing.EngineUnderTest;
import org.duvisor.machine.testing.Engines;
import org.duvisor.machine.testing.TestMachine;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** How harts wait for each other: by PAUSE (Zihintpause), by WRS (Zawrs), and without a word. */
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

  /** As OpenSBI waits. */
  private static final String BY_LOADS =
      """
      1:
        ld t0, 0(s0)
        fence r, rw
        bne t0, s1, 1b
      """;

  /** More than this computer has processors, unless it is a very large one. */
  private static final int CROWD = Math.min(16, Runtime.getRuntime().availableProcessors() + 2);

  private static Stream<Arguments> waitsInTurns() {
    return Engines.same()
        .flatMap(e -> Stream.of(BY_PAUSE, BY_RESERVATION).map(w -> Arguments.of(e, w)));
  }

  private static Stream<Arguments> waitsAtOnce() {
    return Engines.all()
        .flatMap(e -> Stream.of(BY_PAUSE, BY_RESERVATION, BY_LOADS).map(w -> Arguments.of(e, w)));
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

  /** The hart looks at the time every 20,000 instructions; these last for seconds here. */
  @ParameterizedTest
  @MethodSource("org.duvisor.machine.testing.Engines#all")
  void aTimerEndsALongWait(EngineUnderTest engine) {
    String program =
        """
          la s11, exit
          li s0, 0x2004000      # mtimecmp
          csrr s1, time
          addi s1, s1, 2000
          sd s1, 0(s0)
          li s1, 0
          li t0, 0x80
          csrw mie, t0
          csrsi mstatus, 8
        1:
          addi s1, s1, 1
          pause
          j 1b
        """;
    try (TestMachine m = new TestMachine(engine, program, 1, HartConfig.STANDARD, false).run()) {
      assertEquals(1L << 63 | Cause.MACHINE_TIMER, m.trap().mcause());
      assertTrue(m.x(9) < 5000, m.x(9) + " times PAUSE for 200 microseconds");
    }
  }

  private static Stream<Arguments> stalls() {
    int illegal = Cause.ILLEGAL_INSTRUCTION;
    int none = Cause.BREAKPOINT; // that of the program's end
    int virtual = Cause.VIRTUAL_INSTRUCTION;
    return Engines.same()
        .flatMap(
            e ->
                Stream.of(
                    Arguments.of(e, "nto", Hart.S, false, 0, 1, none),
                    Arguments.of(e, "nto", Hart.S, false, 1, 0, illegal),
                    Arguments.of(e, "nto", Hart.U, false, 0, 1, none),
                    Arguments.of(e, "nto", Hart.U, false, 1, 0, illegal),
                    Arguments.of(e, "nto", Hart.S, true, 0, 0, none),
                    Arguments.of(e, "nto", Hart.S, true, 0, 1, virtual),
                    Arguments.of(e, "nto", Hart.U, true, 0, 0, none),
                    Arguments.of(e, "nto", Hart.U, true, 0, 1, virtual),
                    Arguments.of(e, "nto", Hart.U, true, 1, 1, illegal),
                    Arguments.of(e, "sto", Hart.S, true, 0, 1, none),
                    Arguments.of(e, "sto", Hart.U, true, 1, 1, none)));
  }

  /** Unprivileged specification, "Zawrs". */
  @ParameterizedTest
  @MethodSource("stalls")
  void aLongStallTrapsWhenItMay(
      EngineUnderTest engine, String wrs, int priv, boolean v, int tw, int vtw, int cause) {
    String program =
        """
          la s11, exit
          li t0, %d << 21
          csrw mstatus, t0
          li t0, %d << 21
          csrw hstatus, t0
        %s
          li s0, DATA
          li s1, 100000
        1:
          lr.d t0, (s0)
          wrs.%s
          addi s1, s1, -1
          bnez s1, 1b
          ebreak
        """
            .formatted(tw, vtw, TestMachine.enter(priv, v), wrs);
    try (TestMachine m = new TestMachine(engine, program).run()) {
      assertEquals(cause, m.trap().mcause());
      if (cause != Cause.BREAKPOINT) {
        assertEquals(0x00D00073, m.trap().mtval());
        assertTrue(m.x(9) < 100_000, "not at once");
      }
    }
  }

  /** A hart that finds another value each time gets on, however long it takes. */
  @ParameterizedTest
  @MethodSource("org.duvisor.machine.testing.Engines#same")
  void shortStallsDoNotTrap(EngineUnderTest engine) {
    String program =
        """
          la s11, exit
          li t0, 1 << 21
          csrw hstatus, t0
        %s
          li s0, DATA
          li s1, 100000
        1:
          sd s1, (s0)
          lr.d t0, (s0)
          wrs.nto
          addi s1, s1, -1
          bnez s1, 1b
          ebreak
        """
            .formatted(TestMachine.enter(Hart.S, true));
    try (TestMachine m = new TestMachine(engine, program).run()) {
      assertEquals(Cause.BREAKPOINT, m.trap().mcause());
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
          la t0, firmware
          csrw mtvec, t0
          li t0, -1
          csrw pmpaddr0, t0
          li t0, 0x1f
          csrw pmpcfg0, t0      # all of memory is S-mode's
          la t0, kernel
          csrw mepc, t0
          li t0, 0x800
          csrw mstatus, t0
          mret
        kernel:
          ecall
        firmware:
          li s0, DATA
          li s3, 100
          mv s1, s2
        again:
        %s
          addi t1, s1, 1
          sd t1, 0(s0)          # the next hart's turn
          addi s1, s1, CROWD
          addi s3, s3, -1
          bnez s3, again
          beqz s2, exit
        3:
          wfi
          j 3b
        """
            .formatted(wait)
            .replace("CROWD", Integer.toString(CROWD));
    try (TestMachine m =
        new TestMachine(engine, program, CROWD, HartConfig.STANDARD, false).run()) {
      assertTrue(m.peek(TestMachine.DATA) >= CROWD * 99 + 1);
      assertEquals(List.of(), m.traps());
    }
  }
}
