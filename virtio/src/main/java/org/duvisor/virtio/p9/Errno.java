package org.duvisor.virtio.p9;

/**
 * A request that ends with an error of Linux for the guest. It carries no trace: guests cause it at
 * will.
 */
final class Errno extends Exception {
  private static final long serialVersionUID = 1;

  private final int number;

  Errno(int number) {
    super("errno " + number, null, false, false);
    this.number = number;
  }

  int number() {
    return number;
  }
}
