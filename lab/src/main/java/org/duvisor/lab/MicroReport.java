package org.duvisor.lab;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;
import org.duvisor.machine.Mode;
import org.jspecify.annotations.Nullable;

/**
 * The result of {@code lab micro}: what one operation of a guest costs, from the guest's
 * instruction to its next.
 *
 * @param about what it takes to repeat the run
 * @param unit of the figures
 * @param systems hypervisors, in the order of the columns; DuVisor is the last
 * @param rows one for each operation that was seen at all
 */
public record MicroReport(
    Map<String, String> about, String unit, List<String> systems, List<Row> rows)
    implements Figures {
  /** The name of ours among the systems. */
  static final String DUVISOR = "DuVisor";

  /** The share of the last occurrences that is warm: a quarter. */
  private static final int WARM = 4;

  /**
   * An operation.
   *
   * @param cells in the order of the systems; null where it was not done
   * @param publishedKvm cycles of the published evaluation, null where there are none
   * @param publishedDuvisor likewise
   */
  public record Row(
      String operation,
      List<@Nullable Cell> cells,
      @Nullable Integer publishedKvm,
      @Nullable Integer publishedDuvisor) {}

  /**
   * An operation under one system. Warm is the last quarter.
   *
   * @param count occurrences
   * @param first the first one
   * @param least the warm ones from here...
   * @param median ...
   * @param most ... to here
   * @param user of the median, in user mode, DuVisor's included; null when it ended on another hart
   * @param kernel of the median, in the host's kernel
   * @param firmware of the median, in M-mode
   */
  public record Cell(
      int count,
      long first,
      long least,
      long median,
      long most,
      @Nullable Long user,
      @Nullable Long kernel,
      @Nullable Long firmware) {
    /** Sums up occurrences in their order; null of none. */
    static @Nullable Cell of(List<OperationWatch.Sample> samples) {
      if (samples.isEmpty()) {
        return null;
      }
      int warm = (samples.size() + WARM - 1) / WARM;
      List<OperationWatch.Sample> sorted =
          samples.subList(samples.size() - warm, samples.size()).stream()
              .sorted(Comparator.comparingLong(OperationWatch.Sample::total))
              .toList();
      OperationWatch.Sample median = sorted.get(warm / 2);
      return new Cell(
          samples.size(),
          samples.getFirst().total(),
          sorted.getFirst().total(),
          median.total(),
          sorted.getLast().total(),
          in(median, Mode.U, Mode.HU),
          in(median, Mode.HS),
          in(median, Mode.M));
    }

    private static @Nullable Long in(OperationWatch.Sample sample, Mode... modes) {
      return sample.by().length == 0
          ? null
          : Arrays.stream(modes).mapToLong(m -> sample.by()[m.ordinal()]).sum();
    }
  }

  /** The rows of what each system was seen to do, in the order of the systems. */
  static List<Row> rows(List<Map<Operation, List<OperationWatch.Sample>>> seen) {
    List<Row> rows = new ArrayList<>();
    for (Operation o : Operation.values()) {
      List<@Nullable Cell> cells = new ArrayList<>();
      for (var system : seen) {
        cells.add(Cell.of(system.getOrDefault(o, List.of())));
      }
      if (cells.stream().anyMatch(c -> c != null)) {
        rows.add(
            new Row(
                o.title,
                cells,
                o.published.map(Operation.Published::kvm).orElse(null),
                o.published.map(Operation.Published::duvisor).orElse(null)));
      }
    }
    return rows;
  }

  /** How many times cheaper ours is, warm, than the cheapest of the others. */
  static OptionalDouble ratio(Row row) {
    Cell ours = row.cells.getLast();
    var others =
        row.cells.subList(0, row.cells.size() - 1).stream()
            .filter(c -> c != null)
            .mapToLong(Cell::median)
            .min();
    return ours == null || others.isEmpty() || ours.median == 0
        ? OptionalDouble.empty()
        : OptionalDouble.of((double) others.getAsLong() / ours.median);
  }

  /** A table of medians side by side, then one for each system. */
  @Override
  public String text() {
    var text = new StringBuilder();
    List<List<String>> table = new ArrayList<>();
    List<String> head = new ArrayList<>(List.of("median, warm"));
    head.addAll(systems);
    boolean compared = systems.size() > 1;
    if (compared) {
      head.addAll(List.of("ratio", "published, cycles: KVM", "DuVisor"));
    }
    table.add(head);
    for (Row row : rows) {
      List<String> line = new ArrayList<>(List.of(row.operation));
      row.cells.forEach(c -> line.add(c == null ? "-" : Long.toString(c.median)));
      if (compared) {
        OptionalDouble ratio = ratio(row);
        line.add(ratio.isPresent() ? String.format(Locale.ROOT, "%.2f", ratio.getAsDouble()) : "-");
        line.add(figure(row.publishedKvm));
        line.add(figure(row.publishedDuvisor));
      }
      table.add(line);
    }
    print(text, table);
    for (int s = 0; s < systems.size(); s++) {
      text.append('\n');
      print(text, detail(s));
    }
    return text.append(
            """

            In %s, from the guest's instruction to its next, or to the handler of the interrupt. Warm: the last quarter of the
            occurrences. Of a median: user mode, the host's kernel, firmware.%s
            """
                .formatted(
                    unit, compared ? " Ratio: of the cheapest KVM's median to DuVisor's." : ""))
        .toString();
  }

  private List<List<String>> detail(int system) {
    List<List<String>> table = new ArrayList<>();
    table.add(
        List.of(
            systems.get(system),
            "times",
            "first",
            "least",
            "median",
            "most",
            "user",
            "kernel",
            "firmware"));
    for (Row row : rows) {
      Cell c = row.cells.get(system);
      if (c != null) {
        table.add(
            List.of(
                row.operation,
                Integer.toString(c.count),
                Long.toString(c.first),
                Long.toString(c.least),
                Long.toString(c.median),
                Long.toString(c.most),
                figure(c.user),
                figure(c.kernel),
                figure(c.firmware)));
      }
    }
    return table;
  }

  private static String figure(@Nullable Number figure) {
    return figure == null ? "-" : figure.toString();
  }

  /** The first column to the left, the others to the right, as wide as they have to be. */
  private static void print(StringBuilder text, List<List<String>> table) {
    for (List<String> line : table) {
      for (int column = 0; column < line.size(); column++) {
        int at = column;
        int width = table.stream().mapToInt(l -> l.get(at).length()).max().orElse(0);
        String word = line.get(column);
        String blanks = " ".repeat(width - word.length());
        text.append(column == 0 ? word + blanks : "  " + blanks + word);
      }
      text.setLength(text.toString().stripTrailing().length());
      text.append('\n');
    }
  }

  /** Writes the medians as bars in SVG. */
  public void draw(Path file) throws IOException {
    List<BarChart.Group> groups = new ArrayList<>();
    for (Row row : rows) {
      groups.add(
          new BarChart.Group(
              row.operation,
              row.cells.stream().map(c -> c == null ? 0.0 : (double) c.median).toList()));
    }
    Files.writeString(
        file, BarChart.svg("Exits, median in " + unit, systems, groups, 230, 100_000));
  }
}
