package org.duvisor.machine.board;

/** A board that cannot be put together as asked; the message is one line for the user. */
public final class BoardException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** With a line for the user. */
  public BoardException(String message) {
    super(message);
  }
}
