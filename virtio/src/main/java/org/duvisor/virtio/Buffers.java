package org.duvisor.virtio;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * The device-readable or the device-writable bytes of a {@link Chain}: pieces of guest memory seen
 * as one sequence with a position. How the driver cut it into pieces carries no meaning (2.7.4).
 * Reused from chain to chain.
 */
public final class Buffers {
  private final MemorySegment[] pieces;
  private int count;
  private long size;
  private int piece;
  private long offset;
  private long position;

  Buffers(int capacity) {
    pieces = new MemorySegment[capacity];
  }

  void clear() {
    count = 0;
    size = 0;
    rewind();
  }

  void add(MemorySegment memory) {
    pieces[count++] = memory;
    size += memory.byteSize();
  }

  /** Bytes in all. */
  public long size() {
    return size;
  }

  /** Bytes passed. */
  public long position() {
    return position;
  }

  /** Bytes left. */
  public long remaining() {
    return size - position;
  }

  /** Goes back to the first byte. */
  public void rewind() {
    piece = 0;
    offset = 0;
    position = 0;
  }

  /** Passes over {@code length} bytes, or over all that is left. */
  public void skip(long length) {
    for (long left = length; left > 0 && remaining() > 0; ) {
      long n = contiguous(left);
      advance(n);
      left -= n;
    }
  }

  /** The next bytes, at most {@code max}, as buffers over the pieces they are in. */
  public ByteBuffer[] take(long max) {
    List<ByteBuffer> taken = new ArrayList<>();
    for (long left = Math.min(max, remaining()); left > 0; ) {
      long n = contiguous(left);
      taken.add(pieces[piece].asSlice(offset, n).asByteBuffer());
      advance(n);
      left -= n;
    }
    return taken.toArray(ByteBuffer[]::new);
  }

  /**
   * Copies bytes out of guest memory; returns how many, fewer than {@code length} only at the end.
   */
  public long read(MemorySegment to, long at, long length) {
    long done = 0;
    while (done < length && remaining() > 0) {
      long n = contiguous(length - done);
      MemorySegment.copy(pieces[piece], offset, to, at + done, n);
      advance(n);
      done += n;
    }
    return done;
  }

  /**
   * Copies bytes into guest memory; returns how many, fewer than {@code length} only at the end.
   */
  public long write(MemorySegment from, long at, long length) {
    long done = 0;
    while (done < length && remaining() > 0) {
      long n = contiguous(length - done);
      MemorySegment.copy(from, at + done, pieces[piece], offset, n);
      advance(n);
      done += n;
    }
    return done;
  }

  /**
   * Reads a little-endian number of {@code width} (1 to 8) bytes, zero-extended; bytes behind the
   * end are 0.
   */
  public long readNumber(int width) {
    long value = 0;
    for (int i = 0; i < width && remaining() > 0; i++) {
      contiguous(1);
      value |= (pieces[piece].get(ValueLayout.JAVA_BYTE, offset) & 0xffL) << 8 * i;
      advance(1);
    }
    return value;
  }

  /** Writes a little-endian number of {@code width} (1 to 8) bytes, as far as there is room. */
  public void writeNumber(int width, long value) {
    for (int i = 0; i < width && remaining() > 0; i++) {
      contiguous(1);
      pieces[piece].set(ValueLayout.JAVA_BYTE, offset, (byte) (value >>> 8 * i));
      advance(1);
    }
  }

  /** Settles on a piece with bytes left and says how many of {@code max} it has. */
  private long contiguous(long max) {
    while (offset == pieces[piece].byteSize()) {
      piece++;
      offset = 0;
    }
    return Math.min(max, pieces[piece].byteSize() - offset);
  }

  private void advance(long n) {
    offset += n;
    position += n;
  }
}
