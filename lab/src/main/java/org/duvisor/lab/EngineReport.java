package org.duvisor.lab;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;

/**
 * The result of {@code lab engine}: guest MIPS (guest instructions per second of CPU time of the
 * emulator's process, in millions).
 *
 * @param about what it takes to repeat the run: revision, images, options, JVM, machine
 * @param engines in the order of the columns; the ratios are to the last when it is qemu
 * @param rows one for each workload
 */
public record EngineReport(Map<String, String> about, List<String> engines, List<Row> rows) {
  /** One workload; {@code cells} in the order of the engines. */
  public record Row(String workload, double instructionsPerIteration, List<Cell> cells) {}

  /**
   * One engine on one workload, a figure for each round.
   *
   * @param warm MIPS of the steady state
   * @param fromStart MIPS of the first seconds from the start of the process: boot, translation and
   *     JVM included
   * @param wrong whether the program computed something else than it should
   */
  public record Cell(List<Double> warm, List<Double> fromStart, boolean wrong) {}

  /** The middle value; of an even number the mean of the middle two; empty of none. */
  static OptionalDouble median(List<Double> values) {
    double[] sorted = values.stream().mapToDouble(Double::doubleValue).sorted().toArray();
    int n = sorted.length;
    if (n == 0) {
      return OptionalDouble.empty();
    }
    return OptionalDouble.of(n % 2 == 1 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2);
  }

  /** Whether there is something to compare with. */
  boolean hasPeer() {
    return engines.size() > 1 && engines.getLast().equals("qemu");
  }

  /** Ratio of an engine's median to the peer's, warm. */
  OptionalDouble ratio(Row row, int engine) {
    OptionalDouble ours = median(row.cells.get(engine).warm);
    OptionalDouble peer = hasPeer() ? median(row.cells.getLast().warm) : OptionalDouble.empty();
    return ours.isPresent() && peer.isPresent() && peer.getAsDouble() > 0
        ? OptionalDouble.of(ours.getAsDouble() / peer.getAsDouble())
        : OptionalDouble.empty();
  }

  /** Geometric mean of the warm ratios over all rows that have one. */
  OptionalDouble meanRatio(int engine) {
    double[] logs =
        rows.stream()
            .map(r -> ratio(r, engine))
            .filter(OptionalDouble::isPresent)
            .mapToDouble(r -> Math.log(r.getAsDouble()))
            .toArray();
    return logs.length == 0
        ? OptionalDouble.empty()
        : OptionalDouble.of(Math.exp(Arrays.stream(logs).average().orElseThrow()));
  }

  /** The table: a line for each workload; for each engine the medians, and its ratio to QEMU. */
  public List<List<String>> table() {
    List<List<String>> table = new ArrayList<>();
    List<String> head = new ArrayList<>(List.of("workload"));
    for (String engine : engines) {
      head.addAll(List.of(engine + " warm", "from start"));
    }
    ratioColumns().forEach(k -> head.add(engines.get(k) + "/qemu"));
    table.add(head);
    for (Row row : rows) {
      List<String> line = new ArrayList<>(List.of(row.workload));
      for (Cell cell : row.cells) {
        line.add(number(median(cell.warm), "%.0f") + (cell.wrong ? " WRONG" : ""));
        line.add(number(median(cell.fromStart), "%.0f"));
      }
      ratioColumns().forEach(k -> line.add(number(ratio(row, k), "%.2f")));
      table.add(line);
    }
    if (hasPeer()) {
      List<String> mean = new ArrayList<>(List.of("geometric mean"));
      engines.forEach(_ -> mean.addAll(List.of("", "")));
      ratioColumns().forEach(k -> mean.add(number(meanRatio(k), "%.2f")));
      table.add(mean);
    }
    return table;
  }

  private List<Integer> ratioColumns() {
    List<Integer> columns = new ArrayList<>();
    for (int k = 0; hasPeer() && k < engines.size() - 1; k++) {
      columns.add(k);
    }
    return columns;
  }

  private static String number(OptionalDouble value, String format) {
    return value.isPresent() ? String.format(Locale.ROOT, format, value.getAsDouble()) : "-";
  }

  /** The table as text, columns aligned. */
  public String text() {
    List<List<String>> table = table();
    int[] width = new int[table.getFirst().size()];
    for (List<String> line : table) {
      for (int c = 0; c < width.length; c++) {
        width[c] = Math.max(width[c], line.get(c).length());
      }
    }
    var text = new StringBuilder();
    for (List<String> line : table) {
      var one = new StringBuilder(line.getFirst()).repeat(' ', width[0] - line.getFirst().length());
      for (int c = 1; c < width.length; c++) {
        one.repeat(' ', 2 + width[c] - line.get(c).length()).append(line.get(c));
      }
      text.append(one.toString().stripTrailing()).append('\n');
    }
    return text.toString();
  }

  /** Reads engine.json. */
  public static EngineReport read(Path file) throws IOException {
    return Json.read(file, EngineReport.class);
  }

  /** Writes engine.json, engine.svg and engine.html. */
  public void write(Path folder) throws IOException {
    Files.createDirectories(folder);
    Json.write(folder.resolve("engine.json"), this);
    String chart = BarChart.svg(this);
    Files.writeString(folder.resolve("engine.svg"), chart);
    Files.writeString(folder.resolve("engine.html"), EnginePage.html(this, chart));
  }
}
