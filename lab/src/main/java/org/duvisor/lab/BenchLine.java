package org.duvisor.lab;

import java.util.Optional;
import java.util.OptionalLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A line that the guest's program {@code /bench} prints (guest/bench/bench.c describes them).
 * Counts of instructions are absent where it has none.
 */
public sealed interface BenchLine {
  /**
   * The program has begun.
   *
   * @param retired instructions since reset
   */
  record Ready(OptionalLong retired) implements BenchLine {}

  /**
   * The workload is prepared.
   *
   * @param check the value of its first iteration, in hexadecimal
   * @param retired instructions of the preparation and the first iteration
   */
  record Start(String workload, String check, OptionalLong retired) implements BenchLine {}

  /**
   * So much is done since the start line.
   *
   * @param nanos the guest's time
   * @param retired instructions since the start line
   */
  record Progress(String workload, long iterations, long nanos, OptionalLong retired)
      implements BenchLine {}

  /** The workload has ended. */
  record Done(String workload) implements BenchLine {}

  /** The program cannot go on. */
  record Failed(String why) implements BenchLine {}

  /** What a line of console output means, or empty for a line of the kernel's. */
  static Optional<BenchLine> parse(String line) {
    int at = line.indexOf("bench: ");
    if (at < 0) {
      return Optional.empty();
    }
    String text = line.substring(at + "bench: ".length()).strip();
    for (Form form : Form.values()) {
      Matcher m = form.pattern.matcher(text);
      if (m.matches()) {
        return Optional.of(form.line(m));
      }
    }
    return Optional.of(new Failed(text));
  }

  /** The forms of a line. */
  enum Form {
    READY("ready (\\d{1,18}|-)"),
    START("(\\S+) start ([0-9a-f]{16}) (\\d{1,18}|-)"),
    PROGRESS("(\\S+) (\\d{1,18}) (\\d{1,18}) (\\d{1,18}|-)"),
    DONE("(\\S+) done");

    private final Pattern pattern;

    Form(String pattern) {
      this.pattern = Pattern.compile(pattern);
    }

    private BenchLine line(Matcher m) {
      return switch (this) {
        case READY -> new Ready(count(m.group(1)));
        case START -> new Start(m.group(1), m.group(2), count(m.group(3)));
        case PROGRESS ->
            new Progress(
                m.group(1),
                Long.parseLong(m.group(2)),
                Long.parseLong(m.group(3)),
                count(m.group(4)));
        case DONE -> new Done(m.group(1));
      };
    }

    private static OptionalLong count(String digits) {
      return digits.equals("-") ? OptionalLong.empty() : OptionalLong.of(Long.parseLong(digits));
    }
  }
}
