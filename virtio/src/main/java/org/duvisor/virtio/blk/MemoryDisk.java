package org.duvisor.virtio.blk;

import java.nio.ByteBuffer;
import java.util.Arrays;

/** A disk in memory that is gone when closed. Thread-safe. */
public final class MemoryDisk implements BlockBackend {
  private final byte[] bytes;
  private final boolean readOnly;

  /** A disk with these bytes, padded with zeros to whole sectors; the array is copied. */
  public MemoryDisk(byte[] contents, boolean readOnly) {
    this.bytes = Arrays.copyOf(contents, Math.ceilDiv(contents.length, Blk.SECTOR) * Blk.SECTOR);
    this.readOnly = readOnly;
  }

  /** An empty disk of {@code size} bytes, rounded up to whole sectors. */
  public MemoryDisk(int size) {
    this(new byte[size], false);
  }

  /** A copy of all bytes. */
  public synchronized byte[] contents() {
    return bytes.clone();
  }

  @Override
  public long size() {
    return bytes.length;
  }

  @Override
  public boolean readOnly() {
    return readOnly;
  }

  @Override
  public synchronized void read(long offset, ByteBuffer into) {
    into.put(bytes, (int) offset, into.remaining());
  }

  @Override
  public synchronized void write(long offset, ByteBuffer from) {
    from.get(bytes, (int) offset, from.remaining());
  }

  @Override
  public synchronized void zero(long offset, long length) {
    Arrays.fill(bytes, (int) offset, (int) (offset + length), (byte) 0);
  }

  @Override
  public void discard(long offset, long length) {
    zero(offset, length);
  }

  @Override
  public void flush() {}

  @Override
  public void close() {}
}
