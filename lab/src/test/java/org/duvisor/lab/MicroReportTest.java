package org.duvisor.lab;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;
import org.duvisor.lab.OperationWatch.Sample;
import org.duvisor.machine.Mode;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** How samples become a table. */
final class MicroReportTest {
  private static Sample sample(long user, long kernel) {
    long[] by = new long[Mode.values().length];
    by[Mode.HU.ordinal()] = user;
    by[Mode.HS.ordinal()] = kernel;
    return new Sample(user + kernel, by);
  }

  private static List<Sample> kernels(long... totals) {
    return LongStream.of(totals).mapToObj(t -> sample(0, t)).toList();
  }

  private static final MicroReport REPORT =
      new MicroReport(
          Map.of("seed", "1"),
          "instructions",
          List.of("KVM", "KVM, files", "DuVisor"),
          MicroReport.rows(
              List.of(
                  Map.of(Operation.NULL_CALL, kernels(900, 600)),
                  Map.of(Operation.NULL_CALL, kernels(800, 500), Operation.FAULT_4K, kernels(7000)),
                  Map.of(
                      Operation.NULL_CALL,
                      List.of(sample(9999, 0), sample(240, 10)),
                      Operation.AIA_PEER,
                      List.of(new Sample(120, new long[0]))))));

  @Test
  void warmIsTheLastQuarterAndTheMedianOneOfThem() {
    var cell =
        MicroReport.Cell.of(kernels(50_000, 1, 2, 3, 4, 5, 6, 7, 8, 9, 40, 10, 30, 20, 11, 12));
    assertEquals(new MicroReport.Cell(16, 50_000, 11, 20, 30, 0L, 20L, 0L), cell);
    assertNull(MicroReport.Cell.of(List.of()));
  }

  @Test
  void theRatioIsToTheCheapestOfTheOthers() {
    assertEquals(2.0, MicroReport.ratio(REPORT.rows().get(0)).getAsDouble());
    assertTrue(MicroReport.ratio(REPORT.rows().get(1)).isEmpty());
    assertTrue(MicroReport.ratio(REPORT.rows().get(2)).isEmpty());
  }

  @Test
  void theTableShowsAll() {
    List<String> lines = REPORT.text().lines().toList();
    assertTrue(
        lines.stream().anyMatch(l -> l.matches("null SBI call +600 +500 +250 +2.00 +618 +214")),
        REPORT.text());
    assertTrue(
        lines.stream().anyMatch(l -> l.matches("IPI to a peer, AIA +- +- +120 +- +4692 +147")),
        REPORT.text());
    assertTrue(
        lines.stream()
            .anyMatch(l -> l.matches("null SBI call +2 +9999 +250 +250 +250 +240 +10 +0")),
        REPORT.text());
    assertTrue(
        lines.stream()
            .anyMatch(l -> l.matches("IPI to a peer, AIA +1 +120 +120 +120 +120 +- +- +-")),
        REPORT.text());
  }

  @Test
  void itIsWrittenAndDrawn(@TempDir Path folder) throws Exception {
    Path json = folder.resolve("micro.json");
    REPORT.write(json);
    assertEquals(REPORT, Json.read(json, MicroReport.class));
    Path svg = folder.resolve("micro.svg");
    REPORT.draw(svg);
    String drawn = Files.readString(svg);
    assertTrue(drawn.startsWith("<svg") && drawn.endsWith("</svg>\n"), drawn);
    assertTrue(drawn.contains("null SBI call") && drawn.contains(">250<"), drawn);
  }
}
