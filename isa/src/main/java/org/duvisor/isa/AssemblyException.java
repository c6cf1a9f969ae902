package org.duvisor.isa;

/** An error in an assembly text. The message is one line: "line 12: unknown instruction 'fob'". */
public final class AssemblyException extends RuntimeException {
  private static final long serialVersionUID = 1;
  private final int line;

  AssemblyException(int line, String reason) {
    super("line " + line + ": " + reason);
    this.line = line;
  }

  /** The line, counted from 1. */
  public int line() {
    return line;
  }
}
