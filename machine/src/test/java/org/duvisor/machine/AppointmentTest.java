package org.duvisor.machine;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import org.duvisor.machine.board.Board;
import org.duvisor.machine.testing.EngineUnderTest;
import org.duvisor.machine.testing.TestMachine;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What a board is asked to do at a time is done then, while its harts stand still. */
class AppointmentTest {
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
      board.after(
          TICKS,
          () -> {
            seen.add(board.instructions());
            board.after(TICKS, () -> seen.add(board.instructions()));
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
}
