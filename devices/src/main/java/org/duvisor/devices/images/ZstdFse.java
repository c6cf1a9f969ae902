package org.duvisor.devices.images;

/** A finite state entropy decoding table (RFC 8878, section 4.1). */
final class ZstdFse {
  private static final int MIN_LOG = 5;

  final int log;
  final byte[] symbol;
  final byte[] bits;
  final short[] base;

  private ZstdFse(int log) {
    this.log = log;
    symbol = new byte[1 << log];
    bits = new byte[1 << log];
    base = new short[1 << log];
  }

  /** The table of one symbol that takes no bits. */
  static ZstdFse single(int value) {
    ZstdFse table = new ZstdFse(0);
    table.symbol[0] = (byte) value;
    return table;
  }

  /**
   * Builds a table.
   *
   * @param counts a probability for each symbol, -1 for "less than one"; they sum up to {@code 1 <<
   *     log}, a -1 as 1
   */
  static ZstdFse of(int log, short[] counts, int symbols) {
    ZstdFse table = new ZstdFse(log);
    int size = 1 << log;
    int high = size - 1;
    short[] next = new short[symbols];
    for (int s = 0; s < symbols; s++) {
      next[s] = counts[s];
      if (counts[s] == -1) {
        table.symbol[high--] = (byte) s;
        next[s] = 1;
      }
    }
    int step = (size >> 1) + (size >> 3) + 3;
    int at = 0;
    for (int s = 0; s < symbols; s++) {
      for (int i = 0; i < counts[s]; i++) {
        table.symbol[at] = (byte) s;
        do {
          at = at + step & size - 1;
        } while (at > high);
      }
    }
    for (int i = 0; i < size; i++) {
      int state = next[table.symbol[i]]++;
      int width = log - (31 - Integer.numberOfLeadingZeros(state));
      table.bits[i] = (byte) width;
      table.base[i] = (short) ((state << width) - size);
    }
    return table;
  }

  int next(int state, ZstdBits stream) {
    return base[state] + stream.read(bits[state]);
  }

  /** Reads table descriptions from a forward bit stream (section 4.1.1). */
  static final class Reader {
    private final byte[] in;
    private final long endBit;
    private long bit;

    /** Reads {@code in} from {@code offset} up to {@code end}. */
    Reader(byte[] in, int offset, int end) {
      this.in = in;
      this.bit = offset * 8L;
      this.endBit = end * 8L;
    }

    /** The offset of the first byte after what was read. */
    int offset() {
      return (int) (bit + 7 >>> 3);
    }

    private int peek(int count) {
      int value = 0;
      for (int i = 0; i < count; i++) {
        long at = bit + i;
        if (at < endBit) {
          value |= (in[(int) (at >>> 3)] >>> (at & 7) & 1) << i;
        }
      }
      return value;
    }

    private int take(int count) {
      int value = peek(count);
      bit += count;
      if (bit > endBit) {
        throw Zstd.damaged();
      }
      return value;
    }

    ZstdFse read(int maxLog, int maxSymbols) {
      int log = take(4) + MIN_LOG;
      if (log > maxLog) {
        throw Zstd.damaged();
      }
      short[] counts = new short[maxSymbols];
      int remaining = 1 << log;
      int symbols = 0;
      while (remaining > 0) {
        if (symbols == maxSymbols) {
          throw Zstd.damaged();
        }
        int count = count(remaining);
        remaining -= Math.abs(count);
        counts[symbols++] = (short) count;
        if (count == 0) {
          symbols += zeros(maxSymbols - symbols);
        }
      }
      return of(log, counts, symbols);
    }

    /** A probability: one of {@code remaining + 2} values, the small ones one bit shorter. */
    private int count(int remaining) {
      int width = 32 - Integer.numberOfLeadingZeros(remaining + 1);
      int shorter = (1 << width) - 1 - (remaining + 1);
      int low = peek(width - 1);
      int value;
      if (low < shorter) {
        take(width - 1);
        value = low;
      } else {
        value = take(width);
        if (value >= 1 << width - 1) {
          value -= shorter;
        }
      }
      return value - 1;
    }

    private int zeros(int most) {
      int total = 0;
      int repeat;
      do {
        repeat = take(2);
        total += repeat;
      } while (repeat == 3 && total <= most);
      if (total > most) {
        throw Zstd.damaged();
      }
      return total;
    }
  }
}
