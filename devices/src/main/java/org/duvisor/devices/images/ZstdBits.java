package org.duvisor.devices.images;

/**
 * A bit stream that is read from its end to its start (RFC 8878, section 4.1). Plain array
 * accesses: it must be fast before it is compiled.
 */
final class ZstdBits {
  private final byte[] bytes;
  private int start;

  /** Bytes at and after this offset are in the window or taken. */
  private int next;

  /** The next bits, the first one highest; zero after the last. */
  private long window;

  /** How many bits of the window are of the stream. */
  private int count;

  /** Streams in {@code bytes}. */
  ZstdBits(byte[] bytes) {
    this.bytes = bytes;
  }

  /**
   * Begins the stream of {@code length} bytes at {@code offset}; its last byte marks the end with
   * its highest bit.
   */
  void open(int offset, int length) {
    if (length < 1 || bytes[offset + length - 1] == 0) {
      throw Zstd.damaged();
    }
    start = offset;
    next = offset + length - 1;
    int last = bytes[next] & 0xff;
    count = 31 - Integer.numberOfLeadingZeros(last);
    window = count == 0 ? 0 : (long) last << 64 - count;
    refill();
  }

  private void refill() {
    int n = next;
    while (count <= 56 && n > start) {
      window |= (bytes[--n] & 0xffL) << 56 - count;
      count += 8;
    }
    next = n;
  }

  /** Takes {@code width} bits, at most 32; damaged data when there are fewer. */
  int read(int width) {
    if (count < width) {
      refill();
      if (count < width) {
        throw Zstd.damaged();
      }
    }
    int value = (int) (window >>> 1 >>> 63 - width);
    window <<= width;
    count -= width;
    return value;
  }

  /** Bits not taken yet. */
  long left() {
    return count + 8L * (next - start);
  }

  /**
   * Decodes {@code symbols} codes to {@code out}.
   *
   * @param table for each value of the next {@code log} bits (1 to 11) the code's length and
   *     symbol, 8 bits each
   */
  void decode(short[] table, int log, byte[] out, int offset, int symbols) {
    int shift = 64 - log;
    for (int i = offset; i < offset + symbols; i++) {
      if (count < log) {
        refill();
      }
      int entry = table[(int) (window >>> shift)];
      int width = entry >> 8;
      out[i] = (byte) entry;
      window <<= width;
      count -= width;
      if (count < 0) {
        throw Zstd.damaged();
      }
    }
  }
}
