package org.duvisor.cli.terminal;

import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * A terminal on standard input in raw mode, until closed. Every key goes through at once and
 * unchanged, Ctrl-C included; what is written keeps its processing, so that our own lines end as
 * usual.
 *
 * <p>It runs {@code stty}, which every Unix has: about 30 ms. JLine does the same in 300 to 400 ms
 * from a cold start, and termios through java.lang.foreign would need one layout of its structure a
 * platform.
 */
final class RawMode implements AutoCloseable {
  /**
   * Colours off, cursor shown, no mouse reports, no bracketed paste: what a guest may have left on.
   */
  private static final String RESET = "\033[0m\033[?25h\033[?1000l\033[?2004l";

  private static final List<String> RAW =
      List.of(
          "-icanon", "-echo", "-isig", "-iexten", "-ixon", "-icrnl", "-inlcr", "-istrip", "-brkint",
          "min", "1", "time", "0");

  private final String saved;
  private boolean closed;

  private RawMode(String saved) {
    this.saved = saved;
  }

  /** Enters raw mode, or nothing when standard input is no terminal. */
  static Optional<RawMode> enter() {
    Optional<String> saved = stty(List.of("-g"));
    return saved.filter(state -> stty(RAW).isPresent()).map(RawMode::new);
  }

  /** Enters it again, when someone else has set the terminal; what was typed meanwhile stays. */
  synchronized void again() {
    if (!closed) {
      stty(RAW);
    }
  }

  /** Gives the terminal back as it was. Idempotent, and safe from any thread. */
  @Override
  public synchronized void close() {
    if (closed) {
      return;
    }
    closed = true;
    stty(List.of(saved));
    // Not to standard output, which may be a file.
    try (OutputStream tty = new FileOutputStream("/dev/tty")) {
      tty.write(RESET.getBytes(StandardCharsets.US_ASCII));
    } catch (IOException e) {
      // The terminal is gone: there is nothing to reset.
    }
  }

  /** Rows and columns, or nothing when the terminal does not know. */
  static Optional<int[]> size() {
    return stty(List.of("size"))
        .filter(said -> said.matches("[1-9][0-9]{0,3} [1-9][0-9]{0,3}"))
        .map(said -> Stream.of(said.split(" ")).mapToInt(Integer::parseInt).toArray());
  }

  /** Runs stty on standard input and returns what it printed, or nothing when it failed. */
  private static Optional<String> stty(List<String> arguments) {
    var command = new ArrayList<String>(List.of("stty"));
    command.addAll(arguments);
    try {
      Process process =
          new ProcessBuilder(command)
              .redirectInput(ProcessBuilder.Redirect.INHERIT)
              .redirectError(ProcessBuilder.Redirect.DISCARD)
              .start();
      String printed =
          new String(process.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);
      return process.waitFor() == 0 ? Optional.of(printed.strip()) : Optional.empty();
    } catch (IOException e) {
      return Optional.empty();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return Optional.empty();
    }
  }
}
