package org.duvisor.lab;

import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Deque;
import org.duvisor.devices.chardev.QueuedBackend;
import org.duvisor.machine.board.Board;

/**
 * The person at a board's console, as a script: waits for a text, acts, waits for the next. What it
 * does happens at the board's own time, between turns of the harts, so that a deterministic board
 * repeats it.
 */
final class Dialogue extends QueuedBackend {
  private static final int REMEMBERED = 4000;

  private record Step(String text, Runnable action) {}

  private final Deque<Step> steps = new ArrayDeque<>();
  private final StringBuilder line = new StringBuilder();
  private final StringBuilder recent = new StringBuilder();
  private Board board;

  Dialogue() {
    super(4096);
  }

  /** Names the board, before it runs. */
  void at(Board itsBoard) {
    board = itsBoard;
  }

  /** Adds a step: when the text appears after that of the step before, the action is done. */
  void expect(String text, Runnable action) {
    steps.add(new Step(text, action));
  }

  /** Adds a step: the text is answered with a line. */
  void answer(String text, String typed) {
    expect(text, () -> type(typed));
  }

  /** Types a line. */
  void type(String typed) {
    byte[] bytes = (typed + "\n").getBytes(StandardCharsets.US_ASCII);
    try {
      input.put(bytes, 0, bytes.length);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Whether no step is left. */
  boolean over() {
    return steps.isEmpty();
  }

  /** What is waited for, and what was printed last, in one line. */
  String state() {
    Step next = steps.peek();
    return (next == null ? "nothing" : "\"" + next.text.strip() + "\"")
        + " is waited for; the console ends with: "
        + recent.substring(Math.max(0, recent.length() - 200)).replaceAll("\\s+", " ");
  }

  @Override
  public void transmit(byte value) {
    char c = (char) (value & 0xff);
    recent.append(c);
    if (recent.length() > 2 * REMEMBERED) {
      recent.delete(0, REMEMBERED);
    }
    if (c == '\n') {
      line.setLength(0);
      return;
    }
    line.append(c);
    Step next = steps.peek();
    if (next != null && line.toString().endsWith(next.text)) {
      steps.remove();
      line.setLength(0);
      board.events().after(0, next.action);
    }
  }
}
