package org.duvisor.cli.terminal;

import java.io.IOException;
import java.io.InputStream;
import java.util.Objects;

/**
 * What was typed and is the guest's, as a stream. It holds a bounded amount: when the guest does
 * not read, further keys are dropped as a terminal does, so that whoever types never waits and the
 * escape key always works.
 */
final class TypedInput extends InputStream {
  private final byte[] ring;
  private int head;
  private int count;
  private boolean ended;

  TypedInput(int capacity) {
    ring = new byte[capacity];
  }

  /** Adds a byte, or drops it when there is no room. */
  synchronized void type(byte value) {
    if (count < ring.length && !ended) {
      ring[(head + count++) % ring.length] = value;
      notifyAll();
    }
  }

  /** Says that there is no more. */
  synchronized void end() {
    ended = true;
    notifyAll();
  }

  @Override
  public int read() throws IOException {
    byte[] one = new byte[1];
    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
  }

  @Override
  public synchronized int read(byte[] into, int offset, int length) throws IOException {
    Objects.checkFromIndexSize(offset, length, into.length);
    if (length == 0) {
      return 0;
    }
    try {
      while (count == 0 && !ended) {
        wait();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
    if (count == 0) {
      return -1;
    }
    int n = Math.min(length, count);
    for (int i = 0; i < n; i++) {
      into[offset + i] = ring[head];
      head = (head + 1) % ring.length;
    }
    count -= n;
    return n;
  }

  @Override
  public synchronized int available() {
    return count;
  }
}
