package org.duvisor.devices.images;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/** A bit stream that is read from its end to its start (RFC 8878, section 4.1). */
final class ZstdBits {
  /** Bytes that must follow a stream in its array, because bits are fetched 8 bytes at a time. */
  static final int PADDING = 8;

  private static final VarHandle LONGS =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

  private final byte[] bytes;
  private long start;
  private long position;

  /** Streams in {@code bytes}, each at offset 8 or more and with {@link #PADDING} bytes after it. */
  ZstdBits(byte[] bytes) {
    this.bytes = bytes;
  }

  /** Begins the stream of {@code length} bytes at {@code offset}; its last byte marks the end with its highest bit. */
  void open(int offset, int length) {
    if (length < 1 || bytes[offset + length - 1] == 0) {
      throw Zstd.damaged();
    }
    int last = bytes[offset + length - 1] & 0xff;
    start = offset * 8L;
    position = start + (length - 1) * 8L + 31 - Integer.numberOfLeadingZeros(last);
  }

  /** The next {@code count} bits, at most 32, without taking them; what lies before the start is undefined. */
  int peek(int count) {
    long at = position - count;
    long word = (long) LONGS.get(bytes, (int) (at >>> 3));
    return (int) (word >>> (at & 7) & (1L << count) - 1);
  }

  void skip(int count) {
    position -= count;
  }

  /** Takes {@code count} bits, at most 32; damaged data when there are fewer. */
  int read(int count) {
    if (position - count < start) {
      throw Zstd.damaged();
    }
    int value = peek(count);
    position -= count;
    return value;
  }

  /** Bits not taken; negative when more were skipped than there are. */
  long left() {
    return position - start;
  }
}
