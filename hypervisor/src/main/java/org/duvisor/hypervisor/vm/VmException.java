package org.duvisor.hypervisor.vm;

/** A VM cannot be made as its user wants it; the message is one line, to be printed as it is. */
public final class VmException extends RuntimeException {
  private static final long serialVersionUID = 1;

  /** With that line. */
  public VmException(String line) {
    super(line);
  }
}
