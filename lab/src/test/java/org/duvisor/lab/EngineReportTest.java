package org.duvisor.lab;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EngineReportTest {
  private static EngineReport.Cell cell(List<Double> warm) {
    return new EngineReport.Cell(warm, List.of(), false);
  }

  private static final EngineReport REPORT =
      new EngineReport(
          Map.of("machine", "a & b <c>"),
          List.of("interpreter", "jit", "qemu"),
          List.of(
              new EngineReport.Row(
                  "core",
                  1e6,
                  List.of(
                      cell(List.of(100.0, 300.0, 200.0)),
                      cell(List.of(4000.0)),
                      cell(List.of(1000.0)))),
              new EngineReport.Row(
                  "chase",
                  3e5,
                  List.of(
                      new EngineReport.Cell(List.of(50.0), List.of(40.0), true),
                      cell(List.of()),
                      cell(List.of(100.0))))));

  @Test
  void medians() {
    assertEquals(OptionalDouble.of(2), EngineReport.median(List.of(3.0, 1.0, 2.0)));
    assertEquals(OptionalDouble.of(2.5), EngineReport.median(List.of(4.0, 1.0, 2.0, 3.0)));
    assertEquals(OptionalDouble.empty(), EngineReport.median(List.of()));
  }

  @Test
  void ratios() {
    assertEquals(0.2, REPORT.ratio(REPORT.rows().get(0), 0).orElseThrow(), 1e-9);
    assertEquals(4, REPORT.ratio(REPORT.rows().get(0), 1).orElseThrow(), 1e-9);
    assertTrue(REPORT.ratio(REPORT.rows().get(1), 1).isEmpty());
    assertEquals(Math.sqrt(0.1), REPORT.meanRatio(0).orElseThrow(), 1e-9);
    assertEquals(4, REPORT.meanRatio(1).orElseThrow(), 1e-9);
  }

  @Test
  void tableIsAligned() {
    assertEquals(
        """
        workload        interpreter warm  from start  jit warm  from start  qemu warm  from start  interpreter/qemu  jit/qemu
        core                         200           -      4000           -       1000           -              0.20      4.00
        chase                   50 WRONG          40         -           -        100           -              0.50         -
        geometric mean                                                                                         0.32      4.00
        """,
        REPORT.text());
  }

  @Test
  void withoutAPeerThereAreNoRatios() {
    var alone =
        new EngineReport(
            Map.of(),
            List.of("jit"),
            List.of(new EngineReport.Row("core", 1, List.of(cell(List.of(5.0))))));
    assertFalse(alone.hasPeer());
    assertEquals(
        List.of(List.of("workload", "jit warm", "from start"), List.of("core", "5", "-")),
        alone.table());
    assertTrue(alone.meanRatio(0).isEmpty());
  }

  @Test
  void filesAreWrittenAndReadBack(@TempDir Path folder) throws Exception {
    REPORT.write(folder.resolve("results"));
    assertEquals(REPORT, EngineReport.read(folder.resolve("results/engine.json")));
    String page = Files.readString(folder.resolve("results/engine.html"));
    assertTrue(page.contains("a &amp; b &lt;c&gt;"));
    byte[] svg =
        Files.readString(folder.resolve("results/engine.svg")).getBytes(StandardCharsets.UTF_8);
    var document =
        DocumentBuilderFactory.newDefaultInstance()
            .newDocumentBuilder()
            .parse(new ByteArrayInputStream(svg));
    assertEquals(3 + 2 * 3, document.getElementsByTagName("rect").getLength(), "legend and bars");
  }
}
