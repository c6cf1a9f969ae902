package org.duvisor.lab;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.duvisor.isa.Cause;
import org.duvisor.machine.Mode;
import org.duvisor.machine.TrapCounts;

/**
 * The result of {@code lab exits}.
 *
 * @param about what it takes to repeat the run
 * @param rows one for each load, in the order of measurement
 */
public record ExitReport(Map<String, String> about, List<Row> rows) implements Figures {
  /** A load under both hypervisors. */
  public record Row(String load, Cell duvisor, Cell kvm) {}

  /**
   * A second of one load.
   *
   * @param instructions of all harts in that second
   * @param counts what the traps mean
   * @param traps all of them, of all harts
   */
  public record Cell(long instructions, ExitCounts counts, List<Trap> traps) {
    /** A second in which these traps were taken. */
    static Cell of(long instructions, List<TrapCounts.Kind> traps) {
      return new Cell(
          instructions,
          ExitCounts.of(traps),
          traps.stream()
              .map(t -> new Trap(t.from(), t.to(), Cause.name(t.cause()), t.count()))
              .toList());
    }
  }

  /** A kind of trap and how often it was taken. */
  public record Trap(Mode from, Mode to, String cause, long count) {}

  private static final String[] HEAD = {
    "exits", "entries", "per exit", "timer", "other",
  };

  /** The table: a line for each load, and in it the figures of DuVisor, then those of KVM. */
  @Override
  public String text() {
    int name = rows.stream().mapToInt(r -> r.load.length()).max().orElse(0);
    int width = HEAD.length * 10;
    var text = new StringBuilder();
    text.repeat(' ', name).append(centre("DuVisor", width)).append(centre("KVM", width));
    end(text);
    text.repeat(' ', name);
    for (int system = 0; system < 2; system++) {
      for (String head : HEAD) {
        text.append("%10s".formatted(head));
      }
    }
    end(text);
    for (Row row : rows) {
      text.append(row.load).repeat(' ', name - row.load.length());
      for (Cell cell : List.of(row.duvisor, row.kvm)) {
        for (String figure : figures(cell.counts)) {
          text.append("%10s".formatted(figure));
        }
      }
      end(text);
    }
    return text.append(
            """

            A second of the board's time each. exits: traps from the guest; entries: into the host's kernel, by exits, system
            calls and page faults; timer, other: interrupts that the host took while a guest or a process ran, in neither.
            """)
        .toString();
  }

  private static void end(StringBuilder text) {
    while (text.charAt(text.length() - 1) == ' ') {
      text.setLength(text.length() - 1);
    }
    text.append('\n');
  }

  private static String centre(String word, int width) {
    return " ".repeat((width - word.length()) / 2 + 1)
        + word
        + " ".repeat((width - word.length() + 1) / 2 - 1);
  }

  private static List<String> figures(ExitCounts c) {
    List<String> figures = new ArrayList<>();
    figures.add(Long.toString(c.exits()));
    figures.add(Long.toString(c.entries()));
    figures.add(
        c.exits() == 0
            ? "-"
            : String.format(Locale.ROOT, "%.2f", (double) c.entries() / c.exits()));
    figures.add(Long.toString(c.timer()));
    figures.add(Long.toString(c.others()));
    return figures;
  }
}
