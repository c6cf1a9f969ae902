package org.duvisor.cli;

/**
 * Something the user can put right. Its message is the one line that is printed after "duvisor: ".
 */
public final class UserError extends RuntimeException {
  private static final long serialVersionUID = 1;

  /** An error with its line: what is wrong, and the fix when it is known. */
  public UserError(String line) {
    super(line);
  }
}
