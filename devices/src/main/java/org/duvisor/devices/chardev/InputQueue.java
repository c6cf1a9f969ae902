package org.duvisor.devices.chardev;

/**
 * A bounded byte queue between any number of host threads and a device. A full queue makes the
 * producer wait, so that input of any size passes through a small buffer without loss.
 */
public final class InputQueue {
  private final byte[] ring;
  private int head;
  private int count;
  private boolean ended;
  private Runnable listener = () -> {};

  /** A queue of {@code capacity} bytes. */
  public InputQueue(int capacity) {
    ring = new byte[capacity];
  }

  /** See {@link CharBackend#onInput}. */
  public void onInput(Runnable newListener) {
    boolean ready;
    synchronized (this) {
      listener = newListener;
      ready = count > 0 || ended;
    }
    if (ready) {
      newListener.run();
    }
  }

  /**
   * Appends bytes, waiting while the queue is full. Bytes offered after {@link #end} are dropped.
   *
   * @throws InterruptedException when interrupted while waiting; the bytes before that were taken
   */
  public void put(byte[] from, int offset, int length) throws InterruptedException {
    int done = 0;
    while (done < length) {
      Runnable toCall;
      synchronized (this) {
        while (count == ring.length && !ended) {
          wait();
        }
        if (ended) {
          return;
        }
        toCall = count == 0 ? listener : () -> {};
        done += append(from, offset + done, length - done);
      }
      toCall.run();
    }
  }

  private int append(byte[] from, int offset, int length) {
    int n = Math.min(length, ring.length - count);
    int tail = (head + count) % ring.length;
    int first = Math.min(n, ring.length - tail);
    System.arraycopy(from, offset, ring, tail, first);
    System.arraycopy(from, offset + first, ring, 0, n - first);
    count += n;
    return n;
  }

  /** Says that no more input will come. */
  public void end() {
    Runnable toCall;
    synchronized (this) {
      ended = true;
      toCall = listener;
      notifyAll();
    }
    toCall.run();
  }

  /** See {@link CharBackend#receive}. */
  public synchronized int take(byte[] into, int offset, int length) {
    if (count == 0) {
      return ended ? CharBackend.END : 0;
    }
    int n = Math.min(length, count);
    int first = Math.min(n, ring.length - head);
    System.arraycopy(ring, head, into, offset, first);
    System.arraycopy(ring, 0, into, offset + first, n - first);
    head = (head + n) % ring.length;
    count -= n;
    notifyAll();
    return n;
  }
}
