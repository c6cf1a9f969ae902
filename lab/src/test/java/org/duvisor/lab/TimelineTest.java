package org.duvisor.lab;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class TimelineTest {
  private static final long SECOND = 1_000_000_000L;
  private static final InstructionCounts.Work WORK =
      new InstructionCounts.Work("0", 500_000_000, 1_000_000);

  /**
   * Starts at 2 s; 100 iterations a second for 2 s, then 400 a second; half a CPU second a second.
   */
  private static Timeline rising() {
    List<Timeline.Sample> samples = new ArrayList<>();
    for (int k = 0; k <= 80; k++) {
      long iterations = k <= 20 ? 10L * k : 200 + 40L * (k - 20);
      long age = 2 * SECOND + k * SECOND / 10;
      samples.add(new Timeline.Sample(age, age / 2, iterations));
    }
    return new Timeline(2 * SECOND, samples);
  }

  @Test
  void windowsCountFromTheStartLine() {
    assertEquals(200, rising().mips(WORK, 0, 2 * SECOND).orElseThrow(), 1e-6);
    assertEquals(800, rising().mips(WORK, 2 * SECOND, 6 * SECOND).orElseThrow(), 1e-6);
  }

  @Test
  void fromTheStartOfTheProcessCountsBootAndPreparation() {
    // until 4 s: 1000 M boot + 500 M preparation + 200 M in 2 CPU seconds
    assertEquals(850, rising().mipsSinceBirth(WORK, 1_000_000_000, 4 * SECOND).orElseThrow(), 1e-6);
  }

  @Test
  void tooLittleIsNoFigure() {
    assertTrue(rising().mips(WORK, 100 * SECOND, 200 * SECOND).isEmpty());
    assertTrue(rising().mipsSinceBirth(WORK, 0, SECOND).isEmpty());
    var idle = new Timeline(0, List.of(new Timeline.Sample(0, 5, 0), new Timeline.Sample(9, 5, 3)));
    assertTrue(idle.mips(WORK, 0, SECOND).isEmpty(), "no CPU time was seen");
  }
}
