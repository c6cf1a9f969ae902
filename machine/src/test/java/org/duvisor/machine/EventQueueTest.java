package org.duvisor.machine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.duvisor.machine.board.Board;
import org.duvisor.machine.board.EventQueue;
import org.duvisor.machine.testing.EngineUnderTest;
import org.duvisor.machine.testing.Engines;
import org.duvisor.machine.testing.TestMachine;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a board is asked to do at a time is done then, while its harts stand still. */
class EventQueueTest {
  private static final long TICKS = 2_000;
  private static final String LONGER =
      """
        li t1, 5000
      1:
        csrr t0, time
        bltu t0, t1, 1b
        j exit
      """;

  private static List<Long> instructions(EngineUnderTest engine) {
    List<Long> seen = new ArrayList<>();
    try (var m = new TestMachine(engine, LONGER, 1, HartConfig.STANDARD, true)) {
      Board board = m.board();
      board
          .events()
          .after(
              TICKS,
              () -> {
                seen.add(board.instructions());
                board.events().after(TICKS, () -> seen.add(board.instructions()));
              });
      m.run();
    }
    return seen;
  }

  @ParameterizedTest
  @MethodSource("org.duvisor.machine.testing.Engines#same")
  void actionsComeAtTheirTimeAndAtTheSameInstructionEachRun(EngineUnderTest engine) {
    List<Long> seen = instructions(engine);
    assertEquals(2, seen.size());
    assertEquals(200_000, seen.get(0), 10_000);
    assertEquals(400_000, seen.get(1), 10_000);
    assertEquals(seen, instructions(engine));
  }

  /** A board whose hart sleeps for ever wakes nobody, and goes on to the next event at once. */
  private static final String SLEEP = "1: wfi\n j 1b\n";

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void eventsOfASleepingBoardComeInTheirOrder(boolean inTurns) {
    List<String> seen = Collections.synchronizedList(new ArrayList<>());
    try (var m = new TestMachine(Engines.interpreter(), SLEEP, 1, HartConfig.STANDARD, inTurns)) {
      Board board = m.board();
      EventQueue events = board.events();
      long day = 24 * 3600 * Clock.HERTZ;
      long last = inTurns ? 365 * day : Clock.HERTZ / 4;
      long unit = inTurns ? 100 : Clock.HERTZ / 20; // more than a turn
      events.after(last, board::stop);
      events.after(3 * unit, () -> seen.add("third"));
      events.after(unit, () -> seen.add("first"));
      EventQueue.Event never = events.after(2 * unit, () -> seen.add("never"));
      events.after(unit, () -> events.after(0, () -> seen.add("second")));
      assertTrue(events.cancel(never));
      assertFalse(events.cancel(never));
      board.run(m.boot());
      assertEquals(List.of("first", "second", "third"), seen);
    }
  }

  /** The adversary sets mtime back, and back again: the board's own time goes on. */
  @Test
  void softwareThatSetsMtimeDoesNotMoveEvents() {
    String program =
        """
          li t0, 0x200bff8
        1:
          sd x0, 0(t0)
          j 1b
        """;
    List<Long> seen = new ArrayList<>();
    try (var m = new TestMachine(Engines.interpreter(), program, 1, HartConfig.STANDARD, true)) {
      Board board = m.board();
      board
          .events()
          .after(
              TICKS,
              () -> {
                seen.add(board.instructions());
                board.stop();
              });
      board.run(m.boot());
    }
    assertEquals(200_000, seen.getFirst(), 10_000);
  }

  /** An action that adds another one that is due at once must not hold the board up. */
  @Test
  void anEventThatAddsOneLeavesItForTheNextTurn() {
    try (var m = new TestMachine(Engines.interpreter(), "1: j 1b", 1, HartConfig.STANDARD, true)) {
      Board board = m.board();
      int[] count = new int[1];
      Runnable[] again = new Runnable[1];
      again[0] =
          () -> {
            count[0]++;
            board.events().after(0, again[0]);
          };
      again[0].run();
      board.events().after(TICKS, board::stop);
      board.run(m.boot());
      assertTrue(count[0] > 10 && count[0] < 100, "once a turn: " + count[0]);
    }
  }

  /** An alarm of the real-time clock in virtual time: the hart sleeps until it is there. */
  @Test
  void theClockOfADeterministicBoardGoesAndHasAlarms() {
    String program =
        """
          li t0, 0x101000
          lwu s0, 0(t0)
          lwu s1, 4(t0)
          li t1, 3600 * 1000000000   # in an hour
          add s2, s0, t1
          slli s3, s1, 32
          add s2, s2, s3
          srli t1, s2, 32
          sw t1, 0x0c(t0)
          li t1, 1
          sw t1, 0x10(t0)            # interrupt enabled
          sw s2, 0x08(t0)
          li t1, 0xc000000           # PLIC: source 11 to M of hart 0
          li t2, 1
          sw t2, 44(t1)
          li t3, 0x2000
          add t3, t3, t1
          li t2, 1 << 11
          sw t2, 0(t3)
          li t3, 0x200000
          add t3, t3, t1
          sw x0, 0(t3)
          li t2, 1 << 11
          csrw mie, t2
          wfi
          lwu a0, 0(t0)
          lwu a1, 4(t0)
          slli a1, a1, 32
          add a0, a0, a1
          sub a0, a0, s2
          lw a1, 4(t3)               # claim
          j exit
        """;
    try (var m =
        new TestMachine(Engines.interpreter(), program, 1, HartConfig.STANDARD, true).run()) {
      assertTrue(m.a(0) >= 0 && m.a(0) < 1_000_000, "nanoseconds late: " + m.a(0));
      assertEquals(11, m.a(1));
    }
  }
}
