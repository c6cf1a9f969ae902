package org.duvisor.devices.images;

import java.util.Arrays;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A Zstandard decoder (RFC 8878) for files that are decoded once, at start-up: no native code,
 * little code to warm up, every index checked. Dictionaries are not supported.
 */
public final class Zstd {
  /** Data that cannot be decoded; the message completes "zstd data ...". */
  public static final class Corrupt extends RuntimeException {
    private static final long serialVersionUID = 1;

    Corrupt(String reason) {
      super(reason, null, false, false);
    }
  }

  private static final int MAGIC = 0xfd2fb528;
  private static final int SKIPPABLE_MAGIC = 0x184d2a50;
  private static final int MAX_BLOCK = 128 << 10;

  private static final int LITERALS_RAW = 0;
  private static final int LITERALS_RLE = 1;
  private static final int LITERALS_TREELESS = 3;

  // Sequence codes, sections 3.1.1.3.2.1.1 and 3.1.1.3.2.2: baselines, extra bits, default
  // distributions.
  private static final int[] LENGTH_BASE = {
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 18, 20, 22, 24, 28, 32, 40, 48, 64,
    128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536
  };
  private static final byte[] LENGTH_BITS = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11,
    12, 13, 14, 15, 16
  };
  private static final int[] MATCH_BASE = {
    3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28,
    29, 30, 31, 32, 33, 34, 35, 37, 39, 41, 43, 47, 51, 59, 67, 83, 99, 131, 259, 515, 1027, 2051,
    4099, 8195, 16387, 32771, 65539
  };
  private static final byte[] MATCH_BITS = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16
  };
  private static final short[] LENGTH_DEFAULT = {
    4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1,
    -1, -1, -1, -1
  };
  private static final short[] MATCH_DEFAULT = {
    1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1
  };
  private static final short[] OFFSET_DEFAULT = {
    1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1
  };
  private static final int MAX_OFFSET_CODE = 31;

  private final byte[] in;
  private final int inEnd;
  private final int limit;
  private final int enough;
  private int at;
  private byte[] out = new byte[0];
  private int written;

  private final byte[] literals = new byte[MAX_BLOCK];
  private int literalBytes;
  private final ZstdBits stream;
  private int frameStart;
  private @Nullable ZstdHuffman huffman;
  private @Nullable ZstdFse lengths;
  private @Nullable ZstdFse offsets;
  private @Nullable ZstdFse matches;
  private final int[] repeat = new int[3];

  /**
   * A decoder of {@code data}.
   *
   * @param limit most bytes the caller can use; decoding stops soon after that many
   * @param enough decoding may stop when there are so many bytes
   */
  Zstd(byte[] data, int limit, int enough) {
    this.in = data;
    this.inEnd = data.length;
    this.limit = limit;
    this.enough = enough;
    this.stream = new ZstdBits(in);
  }

  /**
   * The first {@code bytes} bytes of the content, or all when there are fewer. What follows them in
   * {@code data} is not looked at.
   *
   * @throws Corrupt when there are fewer because the data is damaged or cut short
   */
  public static byte[] decode(byte[] data, int bytes) {
    byte[] content = new Zstd(data, bytes, bytes).decode();
    return content.length > bytes ? Arrays.copyOf(content, bytes) : content;
  }

  static Corrupt damaged() {
    return new Corrupt("is damaged");
  }

  private static void check(boolean condition) {
    if (!condition) {
      throw damaged();
    }
  }

  private boolean done() {
    return written >= enough || written > limit;
  }

  /**
   * The content of all frames; more than the limit when it does not fit, perhaps not all when there
   * is enough.
   */
  byte[] decode() {
    while (at < inEnd && !done()) {
      need(8);
      int magic = (int) bits(4);
      if ((magic & ~15) == SKIPPABLE_MAGIC) {
        long skipped = bits(4);
        need(skipped);
        at += (int) skipped;
      } else if (magic == MAGIC) {
        frame();
      } else {
        throw new Corrupt("is followed by something else");
      }
    }
    return Arrays.copyOf(out, written);
  }

  private void need(long bytes) {
    if (bytes > inEnd - at) {
      throw new Corrupt("is cut short");
    }
  }

  /** The next {@code bytes} bytes (at most 8) as a little-endian number. */
  private long bits(int bytes) {
    need(bytes);
    long value = 0;
    for (int i = 0; i < bytes; i++) {
      value |= (in[at++] & 0xffL) << 8 * i;
    }
    return value;
  }

  /** Section 3.1.1. */
  private void frame() {
    int descriptor = (int) bits(1);
    boolean single = (descriptor & 0x20) != 0;
    check((descriptor & 8) == 0);
    if (!single) {
      bits(1); // The window's size: all content stays in memory anyway.
    }
    if (bits(new int[] {0, 1, 2, 4}[descriptor & 3]) != 0) {
      throw new Corrupt("needs a dictionary");
    }
    int sizeBytes = descriptor >>> 6 == 0 ? single ? 1 : 0 : 1 << (descriptor >>> 6);
    long size = sizeBytes == 0 ? -1 : bits(sizeBytes) + (sizeBytes == 2 ? 256 : 0);
    if (size > 0) {
      reserve((int) Math.min(size, Math.min(limit, enough)) + MAX_BLOCK);
    }
    frameStart = written;
    huffman = null;
    lengths = null;
    offsets = null;
    matches = null;
    repeat[0] = 1;
    repeat[1] = 4;
    repeat[2] = 8;
    boolean last = false;
    while (!last) {
      last = block();
      if (done() && !last) {
        return;
      }
    }
    check(size < 0 || size == written - frameStart);
    if ((descriptor & 4) != 0) {
      check((int) bits(4) == (int) XxHash64.of(out, frameStart, written));
    }
  }

  /** Section 3.1.1.2; returns whether it is the last of the frame. */
  private boolean block() {
    int header = (int) bits(3);
    int type = header >>> 1 & 3;
    int size = header >>> 3;
    need(type == 1 ? 1 : size);
    check(size <= MAX_BLOCK && type != 3);
    switch (type) {
      case 0 -> {
        reserve(size);
        System.arraycopy(in, at, out, written, size);
        at += size;
        written += size;
      }
      case 1 -> {
        reserve(size);
        Arrays.fill(out, written, written + size, in[at++]);
        written += size;
      }
      default -> {
        reserve(MAX_BLOCK);
        int end = at + size;
        compressed(end);
        at = end;
      }
    }
    return (header & 1) != 0;
  }

  private void reserve(int bytes) {
    long needed = (long) written + bytes;
    if (needed > out.length) {
      long grown = Math.max(needed, Math.min(2L * out.length, (long) limit + MAX_BLOCK));
      out = Arrays.copyOf(out, (int) Math.min(grown, Integer.MAX_VALUE - 8));
    }
  }

  private void compressed(int end) {
    int start = at;
    int sequencesAt = literals(start, end);
    int blockEnd = written + MAX_BLOCK;
    int literal = 0;
    int p = sequencesAt;
    check(p < end);
    int count = in[p++] & 0xff;
    if (count >= 128) {
      int bytes = count == 255 ? 2 : 1;
      check(p + bytes <= end);
      count =
          count == 255
              ? (in[p] & 0xff) + ((in[p + 1] & 0xff) << 8) + 0x7f00
              : (count - 128 << 8) + (in[p] & 0xff);
      p += bytes;
    }
    if (count > 0) {
      literal = sequences(count, tables(p, end), end, blockEnd);
    } else {
      check(p == end);
    }
    int rest = literalBytes - literal;
    check(rest <= blockEnd - written);
    System.arraycopy(literals, literal, out, written, rest);
    written += rest;
  }

  /** Fills {@link #literals} (section 3.1.1.3.1); returns the offset after the section. */
  private int literals(int start, int end) {
    check(start < end);
    int type = in[start] & 3;
    int format = in[start] >>> 2 & 3;
    if (type <= LITERALS_RLE) {
      int headerBytes = (format & 1) == 0 ? 1 : format == 1 ? 2 : 3;
      check(start + headerBytes <= end);
      literalBytes = (int) little(start, headerBytes) >>> (headerBytes == 1 ? 3 : 4);
      int p = start + headerBytes;
      int stored = type == LITERALS_RAW ? literalBytes : 1;
      check(literalBytes <= MAX_BLOCK && stored <= end - p);
      if (type == LITERALS_RAW) {
        System.arraycopy(in, p, literals, 0, literalBytes);
      } else {
        Arrays.fill(literals, 0, literalBytes, in[p]);
      }
      return p + stored;
    }
    int headerBytes = new int[] {3, 3, 4, 5}[format];
    int sizeBits = new int[] {10, 10, 14, 18}[format];
    check(start + headerBytes <= end);
    long sizes = little(start, headerBytes) >>> 4;
    literalBytes = (int) sizes & (1 << sizeBits) - 1;
    int coded = (int) (sizes >>> sizeBits);
    int p = start + headerBytes;
    check(literalBytes <= MAX_BLOCK && coded <= end - p);
    int sectionEnd = p + coded;
    if (type != LITERALS_TREELESS) {
      huffman = ZstdHuffman.read(in, p, sectionEnd);
      p = huffman.end;
    }
    huffmanStreams(format == 0, p, sectionEnd);
    return sectionEnd;
  }

  private void huffmanStreams(boolean one, int start, int end) {
    ZstdHuffman table = huffman;
    if (table == null) {
      throw damaged();
    }
    if (one) {
      stream.open(start, end - start);
      table.decode(stream, literals, 0, literalBytes);
      return;
    }
    check(end - start >= 6);
    int each = (literalBytes + 3) / 4;
    check(literalBytes >= 3 * each);
    int p = start + 6;
    for (int i = 0; i < 4; i++) {
      int length = i == 3 ? end - p : (int) little(start + 2 * i, 2);
      check(length <= end - p);
      stream.open(p, length);
      table.decode(stream, literals, i * each, i == 3 ? literalBytes - 3 * each : each);
      p += length;
    }
  }

  private long little(int offset, int bytes) {
    long value = 0;
    for (int i = 0; i < bytes; i++) {
      value |= (in[offset + i] & 0xffL) << 8 * i;
    }
    return value;
  }

  /**
   * Reads the tables of a sequences section (section 3.1.1.3.2.1); returns the offset after them.
   */
  private int tables(int start, int end) {
    check(start < end);
    int modes = in[start];
    check((modes & 3) == 0);
    at = start + 1;
    lengths = table(modes >>> 6 & 3, end, 9, LENGTH_BASE.length, LENGTH_DEFAULT, 6, lengths);
    offsets = table(modes >>> 4 & 3, end, 8, MAX_OFFSET_CODE + 1, OFFSET_DEFAULT, 5, offsets);
    matches = table(modes >>> 2 & 3, end, 9, MATCH_BASE.length, MATCH_DEFAULT, 6, matches);
    return at;
  }

  private ZstdFse table(
      int mode,
      int end,
      int maxLog,
      int symbols,
      short[] usual,
      int usualLog,
      @Nullable ZstdFse previous) {
    switch (mode) {
      case 0 -> {
        return ZstdFse.of(usualLog, usual, usual.length);
      }
      case 1 -> {
        check(at < end && (in[at] & 0xff) < symbols);
        return ZstdFse.single(in[at++]);
      }
      case 2 -> {
        ZstdFse.Reader reader = new ZstdFse.Reader(in, at, end);
        ZstdFse table = reader.read(maxLog, symbols);
        at = reader.offset();
        return table;
      }
      default -> {
        if (previous == null) {
          throw damaged();
        }
        return previous;
      }
    }
  }

  /** Executes the sequences whose bits lie in {@code [start, end)}; returns the literals used. */
  private int sequences(int count, int start, int end, int blockEnd) {
    ZstdFse lengthTable = Objects.requireNonNull(lengths);
    ZstdFse offsetTable = Objects.requireNonNull(offsets);
    ZstdFse matchTable = Objects.requireNonNull(matches);
    stream.open(start, end - start);
    int lengthState = stream.read(lengthTable.log);
    int offsetState = stream.read(offsetTable.log);
    int matchState = stream.read(matchTable.log);
    int literal = 0;
    for (int i = 0; i < count; i++) {
      int offsetCode = offsetTable.symbol[offsetState];
      int matchCode = matchTable.symbol[matchState];
      int lengthCode = lengthTable.symbol[lengthState];
      long offsetValue = (1L << offsetCode) + stream.read(offsetCode);
      int match = MATCH_BASE[matchCode] + stream.read(MATCH_BITS[matchCode]);
      int length = LENGTH_BASE[lengthCode] + stream.read(LENGTH_BITS[lengthCode]);
      if (i + 1 < count) {
        lengthState = lengthTable.next(lengthState, stream);
        matchState = matchTable.next(matchState, stream);
        offsetState = offsetTable.next(offsetState, stream);
      }
      int distance = distance(offsetValue, length == 0);
      check(length <= literalBytes - literal && length + match <= blockEnd - written);
      System.arraycopy(literals, literal, out, written, length);
      literal += length;
      written += length;
      check(distance <= written - frameStart);
      copyMatch(distance, match);
    }
    check(stream.left() == 0);
    return literal;
  }

  /** Section 3.1.1.5: small values name one of the last three distances. */
  private int distance(long value, boolean noLiterals) {
    int distance;
    int moved;
    if (value > 3) {
      check(value - 3 <= Integer.MAX_VALUE);
      distance = (int) (value - 3);
      moved = 2;
    } else {
      int index = (int) value - 1 + (noLiterals ? 1 : 0);
      distance = index == 3 ? repeat[0] - 1 : repeat[index];
      moved = Math.min(index, 2);
      check(distance > 0);
    }
    for (int i = moved; i > 0; i--) {
      repeat[i] = repeat[i - 1];
    }
    repeat[0] = distance;
    return distance;
  }

  private void copyMatch(int distance, int match) {
    int from = written - distance;
    if (distance >= match) {
      System.arraycopy(out, from, out, written, match);
    } else {
      for (int i = 0; i < match; i++) {
        out[written + i] = out[from + i];
      }
    }
    written += match;
  }
}
