package org.duvisor.cli.terminal;

import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import java.util.Objects;

/**
 * What was typed and is the guest's, as a stream. It takes what is pasted at the speed of the
 * terminal, so that the escape key behind it is seen at once, and grows meanwhile. At its bound
 * whoever types waits as long as the guest reads; when it reads nothing for a second, further keys
 * are dropped until it does, or the escape key would never come through.
 */
final class TypedInput extends InputStream {
  private static final long PATIENCE_NANOS = 1_000_000_000;
  private static final int FIRST_BYTES = 4096;

  private final int most;
  private final Runnable dropping;
  private byte[] ring;
  private int head;
  private int count;
  private boolean patient = true;
  private boolean ended;

  /**
   * An empty one.
   *
   * @param most bytes that may wait, at least 1
   * @param dropping called when keys begin to be dropped, on the thread that types
   */
  TypedInput(int most, Runnable dropping) {
    this.most = most;
    this.dropping = dropping;
    ring = new byte[Math.min(FIRST_BYTES, most)];
  }

  /** Adds a byte; see above for when it waits, and when the byte is dropped. */
  void type(byte value) {
    boolean before;
    boolean after;
    synchronized (this) {
      before = patient;
      if (count == most && patient) {
        awaitRoom();
      }
      if (count < most && !ended) {
        append(value);
      }
      after = patient;
    }
    if (before && !after) {
      dropping.run();
    }
  }

  private void awaitRoom() {
    long deadline = System.nanoTime() + PATIENCE_NANOS;
    long left = PATIENCE_NANOS;
    try {
      while (count == most && !ended && left > 0) {
        wait(left / 1_000_000 + 1);
        left = deadline - System.nanoTime();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    patient = count < most || ended;
  }

  private void append(byte value) {
    if (count == ring.length) {
      grow();
    }
    ring[(head + count++) % ring.length] = value;
    notifyAll();
  }

  private void grow() {
    byte[] larger = Arrays.copyOf(ring, (int) Math.min(most, 2L * ring.length));
    System.arraycopy(ring, head, larger, 0, ring.length - head);
    System.arraycopy(ring, 0, larger, ring.length - head, head);
    ring = larger;
    head = 0;
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
    patient = true;
    notifyAll();
    return n;
  }

  @Override
  public synchronized int available() {
    return count;
  }
}
