package org.duvisor.cli;

/**
 * How a guest ended.
 *
 * @param exitCode of the command, 0..255: 0 for a guest that powered itself off or was stopped by
 *     the user
 * @param reason one line to print, empty when there is nothing to say
 */
public record Outcome(int exitCode, String reason) {
  /** The guest powered off, or the user stopped it. */
  public static final Outcome ENDED = new Outcome(0, "");

  /** The guest, or its VM, failed. */
  public static Outcome failed(String reason) {
    return new Outcome(1, reason);
  }
}
