package org.duvisor.lab;

/** An experiment that cannot go on; the message is one line for the user. */
public final class LabException extends RuntimeException {
  private static final long serialVersionUID = 1;

  /** An error with its line. */
  public LabException(String line) {
    super(line);
  }
}
