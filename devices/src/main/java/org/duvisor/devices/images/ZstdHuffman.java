package org.duvisor.devices.images;

import java.util.Arrays;

/** A Huffman decoding table for literals (RFC 8878, section 4.2). */
final class ZstdHuffman {
  private static final int MAX_BITS = 11;
  private static final int MAX_SYMBOLS = 256;
  private static final int MAX_WEIGHT_LOG = 6;

  private final int log;
  private final short[] table;

  /** The offset of the first byte after the table's description. */
  final int end;

  /** Reads the description at {@code offset}, which ends at {@code limit} at the latest. */
  static ZstdHuffman read(byte[] in, int offset, int limit) {
    if (offset >= limit) {
      throw Zstd.damaged();
    }
    byte[] weights = new byte[MAX_SYMBOLS];
    int header = in[offset] & 0xff;
    int count;
    int end;
    if (header < 128) {
      end = offset + 1 + header;
      check(end <= limit);
      count = compressedWeights(in, offset + 1, end, weights);
    } else {
      count = header - 127;
      end = offset + 1 + (count + 1) / 2;
      check(end <= limit);
      for (int i = 0; i < count; i++) {
        weights[i] = (byte) (in[offset + 1 + i / 2] >>> ((i & 1) == 0 ? 4 : 0) & 15);
      }
    }
    return new ZstdHuffman(weights, count, end);
  }

  /** Weights coded with two alternating states of one table (section 4.2.1.2). */
  private static int compressedWeights(byte[] in, int offset, int end, byte[] weights) {
    ZstdFse.Reader reader = new ZstdFse.Reader(in, offset, end);
    ZstdFse table = reader.read(MAX_WEIGHT_LOG, MAX_BITS + 1);
    ZstdBits stream = new ZstdBits(in);
    int start = reader.offset();
    stream.open(start, end - start);
    int[] state = {stream.read(table.log), stream.read(table.log)};
    int count = 0;
    while (true) {
      check(count < MAX_SYMBOLS - 2);
      int turn = count & 1;
      weights[count++] = table.symbol[state[turn]];
      int width = table.bits[state[turn]];
      if (width > stream.left()) {
        weights[count++] = table.symbol[state[turn ^ 1]];
        return count;
      }
      state[turn] = table.next(state[turn], stream);
    }
  }

  private ZstdHuffman(byte[] weights, int count, int end) {
    this.end = end;
    int sum = 0;
    for (int i = 0; i < count; i++) {
      check(weights[i] <= MAX_BITS);
      sum += weights[i] == 0 ? 0 : 1 << weights[i] - 1;
    }
    check(sum > 0);
    log = 32 - Integer.numberOfLeadingZeros(sum);
    int rest = (1 << log) - sum;
    check(log <= MAX_BITS && Integer.bitCount(rest) == 1);
    // The last weight is what makes the sum a power of two.
    weights[count] = (byte) (32 - Integer.numberOfLeadingZeros(rest));
    table = new short[1 << log];
    int at = 0;
    for (int weight = 1; weight <= log; weight++) {
      for (int s = 0; s <= count; s++) {
        if (weights[s] == weight) {
          int next = at + (1 << weight - 1);
          Arrays.fill(table, at, next, (short) (log + 1 - weight << 8 | s));
          at = next;
        }
      }
    }
  }

  /** Decodes a stream that holds exactly {@code count} symbols. */
  void decode(ZstdBits stream, byte[] out, int offset, int count) {
    stream.decode(table, log, out, offset, count);
    check(stream.left() == 0);
  }

  private static void check(boolean condition) {
    if (!condition) {
      throw Zstd.damaged();
    }
  }
}
