package org.duvisor.machine.board;

/** How the run of a board ended. */
public sealed interface BoardOutcome {
  /**
   * Software ended it through the finisher or tohost.
   *
   * @param code 0 for success
   */
  record Finished(int code) implements BoardOutcome {}

  /** Software reset it, and that was to be its end. */
  record Reset() implements BoardOutcome {}

  /** It was stopped from outside. */
  record Stopped() implements BoardOutcome {}

  /** The limit of instructions was reached. */
  record LimitReached() implements BoardOutcome {}
}
