package org.duvisor.cli;

import java.io.IOException;
import java.util.Optional;

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

  /**
   * This, or a failure when the host did not take all that the guest printed.
   *
   * @param lost why it did not
   */
  Outcome printed(Optional<IOException> lost) {
    return exitCode != 0 || lost.isEmpty()
        ? this
        : failed("what the guest printed is lost: standard output: " + lost.get().getMessage());
  }

  /** The guest, or its VM, failed. */
  public static Outcome failed(String reason) {
    return new Outcome(1, reason);
  }
}
