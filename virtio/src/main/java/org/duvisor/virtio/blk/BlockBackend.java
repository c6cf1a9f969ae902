package org.duvisor.virtio.blk;

import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * Where the sectors of a disk are. All offsets and lengths are bytes inside {@link #size}, checked
 * by the device. Called by one thread at a time unless the device has several queues; then by that
 * device's thread only.
 */
public interface BlockBackend extends AutoCloseable {
  /** Size in bytes, a multiple of 512, fixed while open. */
  long size();

  /** Whether writes are refused. */
  boolean readOnly();

  /** Fills the remaining bytes of {@code into}, all of them or an exception. */
  void read(long offset, ByteBuffer into) throws IOException;

  /** Stores the remaining bytes of {@code from}, all of them or an exception. */
  void write(long offset, ByteBuffer from) throws IOException;

  /** Fills buffers one after the other, as if they were one. */
  default void read(long offset, ByteBuffer[] into) throws IOException {
    long at = offset;
    for (ByteBuffer b : into) {
      int bytes = b.remaining();
      read(at, b);
      at += bytes;
    }
  }

  /** Stores what buffers have one after the other, as if they were one. */
  default void write(long offset, ByteBuffer[] from) throws IOException {
    long at = offset;
    for (ByteBuffer b : from) {
      int bytes = b.remaining();
      write(at, b);
      at += bytes;
    }
  }

  /** Makes the bytes read as 0. */
  void zero(long offset, long length) throws IOException;

  /** What discards are a multiple of to be of use, at multiples of it; a multiple of 512. */
  default int discardBytes() {
    return Blk.SECTOR;
  }

  /** The bytes are not needed any more; a hint. */
  void discard(long offset, long length) throws IOException;

  /** Makes all that was written durable. */
  void flush() throws IOException;

  /** Releases the host's resources, after a last {@link #flush} by the caller. Idempotent. */
  @Override
  void close() throws IOException;
}
