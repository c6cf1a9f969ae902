package org.duvisor.virtio;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Device-specific configuration (2.5): little-endian bytes with a generation that changes whenever
 * they do. Thread-safe.
 */
public final class ConfigSpace {
  private final ByteBuffer bytes;
  private int generation;

  /** {@code size} zero bytes. */
  public ConfigSpace(int size) {
    bytes = ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
  }

  /** Length in bytes. */
  public int size() {
    return bytes.capacity();
  }

  /** Changes at every change of the bytes. */
  public synchronized int generation() {
    return generation;
  }

  /** Reads {@code width} (1, 2, 4, 8) bytes zero-extended; bytes behind the end are 0. */
  public synchronized long read(long offset, int width) {
    long value = 0;
    for (int i = 0; i < width && offset >= 0 && offset + i < bytes.capacity(); i++) {
      value |= (bytes.get((int) offset + i) & 0xffL) << 8 * i;
    }
    return value;
  }

  /** Sets one field of {@code width} (1, 2, 4, 8) bytes. */
  public synchronized ConfigSpace set(int offset, int width, long value) {
    for (int i = 0; i < width; i++) {
      bytes.put(offset + i, (byte) (value >>> 8 * i));
    }
    generation++;
    return this;
  }
}
