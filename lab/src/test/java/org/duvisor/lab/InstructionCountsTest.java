package org.duvisor.lab;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class InstructionCountsTest {
  private static final List<BenchLine> LINES =
      List.of(
          new BenchLine.Ready(OptionalLong.of(1000)),
          new BenchLine.Start("a", "0123456789abcdef", OptionalLong.of(70)),
          new BenchLine.Progress("a", 10, 5, OptionalLong.of(1234)),
          new BenchLine.Done("a"));

  @Test
  void fromTheLinesOfACountingRun() {
    var counts = InstructionCounts.of("k", "i", LINES);
    assertEquals(1000, counts.boot());
    assertEquals(
        Map.of("a", new InstructionCounts.Work("0123456789abcdef", 70, 123.4)), counts.workloads());
  }

  @Test
  void aFileIsReadBack(@TempDir Path folder) throws Exception {
    var counts = InstructionCounts.of("k", "i", LINES);
    Path file = folder.resolve("bench.json");
    counts.write(file);
    assertEquals(counts, InstructionCounts.read(file));
  }

  @Test
  void errorsAreOneLine(@TempDir Path folder) {
    var counts = InstructionCounts.of("k", "i", LINES);
    assertEquals(
        "no workload b; there are a",
        assertThrows(LabException.class, () -> counts.work("b")).getMessage());
    assertThrows(LabException.class, () -> InstructionCounts.read(folder.resolve("none")));
    List<BenchLine> uncounted = List.of(new BenchLine.Ready(OptionalLong.empty()));
    assertThrows(LabException.class, () -> InstructionCounts.of("k", "i", uncounted));
    List<BenchLine> failed = List.of(new BenchLine.Failed("fork"));
    assertThrows(LabException.class, () -> InstructionCounts.of("k", "i", failed));
  }
}
