package org.duvisor.isa;

/**
 * A malformed or contradictory instruction table: our bug, found by loading it. The message starts
 * with file:line.
 */
public final class IsaException extends RuntimeException {
  private static final long serialVersionUID = 1;

  /** What is wrong in which line (1-based) of which table. */
  public IsaException(String file, int line, String reason) {
    super(file + ":" + line + ": " + reason);
  }
}
