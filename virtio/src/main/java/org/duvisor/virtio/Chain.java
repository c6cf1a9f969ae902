package org.duvisor.virtio;

import java.lang.foreign.MemorySegment;

/**
 * One descriptor chain, validated: every byte is guest RAM. Made by {@link Virtqueue#newChain} and
 * filled again by each {@link Virtqueue#next}; belongs to one thread. Valid only while holding the
 * queue's monitor.
 */
public final class Chain {
  private final Buffers readable;
  private final Buffers writable;
  private int head;

  Chain(int capacity) {
    readable = new Buffers(capacity);
    writable = new Buffers(capacity);
  }

  /** Bytes the driver wrote for the device. */
  public Buffers readable() {
    return readable;
  }

  /** Room for bytes from the device. */
  public Buffers writable() {
    return writable;
  }

  /** Index of the first descriptor: what goes into the used ring. */
  public int head() {
    return head;
  }

  void begin(int first) {
    head = first;
    readable.clear();
    writable.clear();
  }

  /**
   * Adds a piece; false when a readable one follows a writable one (2.7.4.2) or the bytes exceed
   * 2^32.
   */
  boolean add(MemorySegment memory, boolean write) {
    if (!write && writable.size() > 0) {
      return false;
    }
    (write ? writable : readable).add(memory);
    return readable.size() + writable.size() <= 1L << 32;
  }
}
