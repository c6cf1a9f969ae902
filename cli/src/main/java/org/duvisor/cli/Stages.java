package org.duvisor.cli;

import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.util.List;
import java.util.function.LongSupplier;

/**
 * A console that is passed on and read along: tells when stages of a start are over, and what they
 * took. A stage ends with the first appearance of its text after the end of the one before.
 */
final class Stages extends OutputStream {
  private static final double MILLION = 1e6;
  private static final double NANOS = 1e9;

  /**
   * A stage.
   *
   * @param name for a person
   * @param end what is printed at its end
   */
  record Stage(String name, String end) {}

  /** The first of all starts of the full stack. */
  static final Stage HOST = new Stage("firmware and host Linux", "DuVisor host ready");

  private final OutputStream out;
  private final PrintStream report;
  private final List<Stage> stages;
  private volatile LongSupplier instructions = () -> 0;

  /** The end of the line so far, as long as the text that is waited for. */
  private final StringBuilder line = new StringBuilder();

  private int current;
  private long counted;
  private long since = System.nanoTime();

  Stages(OutputStream out, PrintStream report, List<Stage> stages) {
    this.out = out;
    this.report = report;
    this.stages = stages;
  }

  /** Where to ask what has been executed. */
  void count(LongSupplier source) {
    instructions = source;
  }

  /** Whether all stages have ended. */
  synchronized boolean over() {
    return current == stages.size();
  }

  @Override
  public synchronized void write(int b) throws IOException {
    out.write(b);
    watch((byte) b);
  }

  @Override
  public synchronized void write(byte[] bytes, int offset, int length) throws IOException {
    out.write(bytes, offset, length);
    for (int i = 0; i < length; i++) {
      watch(bytes[offset + i]);
    }
  }

  private void watch(byte b) {
    if (over()) {
      return;
    }
    if (b == '\n') {
      line.setLength(0);
      return;
    }
    line.append((char) (b & 0xff));
    String end = stages.get(current).end();
    if (line.length() > end.length()) {
      line.delete(0, line.length() - end.length());
    }
    if (end.contentEquals(line)) {
      ended(stages.get(current++));
      line.setLength(0);
    }
  }

  private void ended(Stage stage) {
    long now = instructions.getAsLong();
    long time = System.nanoTime();
    report.print(
        "\r\nduvisor: %s: %.0f million instructions, %.1f s%s\r\n"
            .formatted(
                stage.name(),
                (now - counted) / MILLION,
                (time - since) / NANOS,
                over() ? "; %.0f million in all".formatted(now / MILLION) : ""));
    counted = now;
    since = time;
  }

  @Override
  public void flush() throws IOException {
    out.flush();
  }
}
