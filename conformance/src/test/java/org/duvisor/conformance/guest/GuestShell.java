package org.duvisor.conformance.guest;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import org.duvisor.devices.chardev.QueuedBackend;

/**
 * The person at a guest's console: types lines and waits for text. The guest's side is a console
 * back end; the other methods are for the test's thread.
 */
final class GuestShell extends QueuedBackend {
  /** Only ends a test that would fail: the computer may be very busy. */
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  private final Duration patience;
  private final StringBuilder output = new StringBuilder();
  private int seen;
  private boolean ended;

  GuestShell() {
    this(PATIENCE);
  }

  /** With more patience than usual, for a guest with much to do. */
  GuestShell(Duration patience) {
    super(4096);
    this.patience = patience;
  }

  /** Types a line. */
  void type(String line) throws InterruptedException {
    byte[] bytes = (line + "\n").getBytes(StandardCharsets.US_ASCII);
    input.put(bytes, 0, bytes.length);
  }

  /**
   * Waits for text after what was expected before.
   *
   * @return everything from there to the end of the text
   */
  String expect(String text) throws InterruptedException {
    return expectFirst(text);
  }

  /** The same with some texts, for the one that comes first; the result ends with it. */
  synchronized String expectFirst(String... texts) throws InterruptedException {
    long deadline = System.nanoTime() + patience.toNanos();
    while (true) {
      int end = Integer.MAX_VALUE;
      for (String text : texts) {
        int at = output.indexOf(text, seen);
        end = at < 0 ? end : Math.min(end, at + text.length());
      }
      if (end < Integer.MAX_VALUE) {
        int from = seen;
        seen = end;
        return output.substring(from, end);
      }
      long left = (deadline - System.nanoTime()) / 1_000_000;
      if (left <= 0 || ended) {
        throw new AssertionError("no \"" + String.join("\" or \"", texts) + "\" in:\n" + output);
      }
      wait(left);
    }
  }

  /** Waits for the first prompt. */
  void prompt() throws InterruptedException {
    expect("DuVisor guest ready");
    expect("/ # ");
  }

  /** Runs commands and returns what they print. The end is told from the echo by its number. */
  String run(String commands) throws InterruptedException {
    type(commands + "; echo end-$((40 + 2))");
    expect("+ 2))");
    String printed = expect("end-42");
    expect("/ # ");
    return printed.substring(0, printed.length() - "end-42".length()).replace("\r", "").strip();
  }

  /** The machine has stopped: nothing more will come. */
  synchronized void end() {
    ended = true;
    notifyAll();
  }

  /** Everything that was printed. */
  synchronized String everything() {
    return output.toString();
  }

  @Override
  public synchronized void transmit(byte value) {
    output.append((char) (value & 0xff));
    notifyAll();
  }
}
