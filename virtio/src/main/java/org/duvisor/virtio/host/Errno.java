package org.duvisor.virtio.host;

/**
 * A call that failed, or a request that ends so for a guest, with an error number of Linux. It
 * carries no trace: guests cause it at will.
 */
public final class Errno extends Exception {
  private static final long serialVersionUID = 1;

  private final int number;

  /** An error with its positive number. */
  public Errno(int number) {
    super("errno " + number, null, false, false);
    this.number = number;
  }

  /** The error's number, positive. */
  public int number() {
    return number;
  }
}
