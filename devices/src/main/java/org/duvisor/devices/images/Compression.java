package org.duvisor.devices.images;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import java.util.zip.CRC32;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;

/** How a file is compressed, told by its first bytes. */
enum Compression {
  NONE,
  GZIP,
  ZSTD;

  private static final int GZIP_HEADER_BYTES = 10;
  private static final int GZIP_TRAILER_BYTES = 8;
  private static final int LARGEST_INFLATED = 64 << 20;
  private static final ValueLayout.OfInt LITTLE_ENDIAN_INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  /** Formats that are recognized only to say what is wrong: first bytes, name. */
  private static final Map<String, String> REFUSED =
      Map.of(
          "\u00fd7zXZ",
          "xz",
          "BZh",
          "bzip2",
          "\u0002!L\u0018",
          "lz4",
          "\u0004\"M\u0018",
          "lz4",
          "\u0089LZO",
          "lzop",
          "]\0\0",
          "lzma",
          "PK\u0003\u0004",
          "zip");

  private static final int LONGEST_MAGIC = 5;

  static Compression of(Path file, MemorySegment bytes) {
    if (isGzip(bytes)) {
      return GZIP;
    }
    String magic = magic(bytes);
    if (magic.startsWith("(\u00b5/\u00fd")) {
      return ZSTD;
    }
    for (Map.Entry<String, String> refused : REFUSED.entrySet()) {
      if (magic.startsWith(refused.getKey())) {
        throw new ImageException(
            file,
            "is compressed with " + refused.getValue() + "; only gzip and zstd are supported");
      }
    }
    return NONE;
  }

  private static String magic(MemorySegment bytes) {
    byte[] head = array(bytes.asSlice(0, Math.min(LONGEST_MAGIC, bytes.byteSize())));
    return new String(head, StandardCharsets.ISO_8859_1);
  }

  private static boolean isGzip(MemorySegment bytes) {
    return magic(bytes).startsWith("\u001f\u008b");
  }

  /** The first bytes of the content, {@code count} of them or fewer when it is shorter. */
  MemorySegment head(Path file, MemorySegment bytes, int count) {
    return switch (this) {
      case NONE -> bytes.asSlice(0, Math.min(count, bytes.byteSize()));
      case GZIP -> {
        MemorySegment head = MemorySegment.ofArray(new byte[count]);
        yield head.asSlice(0, gunzip(file, bytes, head, true));
      }
      case ZSTD -> {
        byte[] head = unzstd(file, bytes, Integer.MAX_VALUE, count);
        yield MemorySegment.ofArray(head).asSlice(0, Math.min(count, head.length));
      }
    };
  }

  /**
   * Expands the whole content into {@code to}.
   *
   * @return the bytes written, -1 when there are more than fit
   */
  long expand(Path file, MemorySegment bytes, MemorySegment to) {
    switch (this) {
      case NONE -> {
        if (bytes.byteSize() > to.byteSize()) {
          return -1;
        }
        MemorySegment.copy(bytes, 0, to, 0, bytes.byteSize());
        return bytes.byteSize();
      }
      case GZIP -> {
        return gunzip(file, bytes, to, false);
      }
      case ZSTD -> {
        byte[] content = unzstd(file, bytes, to.byteSize(), Integer.MAX_VALUE);
        if (content.length > to.byteSize()) {
          return -1;
        }
        MemorySegment.copy(MemorySegment.ofArray(content), 0, to, 0, content.length);
        return content.length;
      }
      default -> throw new AssertionError(this);
    }
  }

  /**
   * Expands the whole content into memory of its own; a file that is not compressed is only
   * returned.
   */
  MemorySegment expand(Path file, MemorySegment bytes) {
    if (this == NONE) {
      return bytes;
    }
    for (long capacity = 16 << 20; capacity <= ImageFile.MAX_BYTES; capacity *= 4) {
      MemorySegment to;
      try {
        to = Arena.ofAuto().allocate(capacity);
      } catch (OutOfMemoryError e) {
        throw tooLarge(file);
      }
      long written = expand(file, bytes, to);
      if (written >= 0) {
        return to.asSlice(0, written);
      }
    }
    throw new ImageException(
        file, "expands to more than " + ImageFile.mebibytes(ImageFile.MAX_BYTES));
  }

  /**
   * The content of a file that is one gzip member and nothing else; the file as it is in every
   * other case, damage included: what it means is for the guest's kernel to say.
   */
  static MemorySegment inflateIfWhole(Path file, MemorySegment bytes) {
    long length = bytes.byteSize();
    if (length < GZIP_HEADER_BYTES + GZIP_TRAILER_BYTES || !isGzip(bytes)) {
      return bytes;
    }
    int expanded = bytes.get(LITTLE_ENDIAN_INT, length - 4);
    if (expanded <= 0 || expanded > LARGEST_INFLATED) {
      return bytes;
    }
    byte[] content = new byte[expanded];
    Inflater inflater = new Inflater(true);
    try {
      ByteBuffer in = bytes.asByteBuffer();
      skipGzipHeader(file, in);
      inflater.setInput(in);
      int written = inflater.inflate(content);
      boolean whole =
          written == expanded
              && !moreFollows(inflater)
              && inflater.getRemaining() == GZIP_TRAILER_BYTES;
      return whole ? MemorySegment.ofArray(content) : bytes;
    } catch (ImageException | DataFormatException e) {
      return bytes;
    } finally {
      inflater.end();
    }
  }

  /** RFC 1952, one member. Inflates straight between direct buffers: no copy, no array. */
  private static long gunzip(Path file, MemorySegment bytes, MemorySegment to, boolean prefix) {
    ByteBuffer in = bytes.asByteBuffer();
    skipGzipHeader(file, in);
    ByteBuffer out = to.asSlice(0, Math.min(to.byteSize(), ImageFile.MAX_BYTES)).asByteBuffer();
    Inflater inflater = new Inflater(true);
    try {
      inflater.setInput(in);
      while (!inflater.finished()) {
        if (!out.hasRemaining()) {
          if (prefix) {
            return out.position();
          }
          return moreFollows(inflater) ? -1 : finish(file, in, out);
        }
        if (inflater.inflate(out) == 0 && !inflater.finished()) {
          throw new ImageException(
              file, inflater.needsInput() ? "gzip data is cut short" : "gzip data is damaged");
        }
      }
      return prefix ? out.position() : finish(file, in, out);
    } catch (DataFormatException e) {
      throw new ImageException(file, "gzip data is damaged");
    } finally {
      inflater.end();
    }
  }

  private static boolean moreFollows(Inflater inflater) throws DataFormatException {
    return inflater.inflate(new byte[1]) > 0 || !inflater.finished();
  }

  /** Checks the trailer against the content. */
  private static long finish(Path file, ByteBuffer in, ByteBuffer out) {
    if (in.remaining() < GZIP_TRAILER_BYTES) {
      throw new ImageException(file, "gzip data is cut short");
    }
    CRC32 crc = new CRC32();
    crc.update(out.duplicate().flip());
    in.order(ByteOrder.LITTLE_ENDIAN);
    if (in.getInt() != (int) crc.getValue() || in.getInt() != out.position()) {
      throw new ImageException(file, "gzip data is damaged");
    }
    return out.position();
  }

  private static void skipGzipHeader(Path file, ByteBuffer in) {
    if (in.remaining() < GZIP_HEADER_BYTES + GZIP_TRAILER_BYTES) {
      throw new ImageException(file, "gzip data is cut short");
    }
    int method = in.get(2);
    int flags = in.get(3);
    if (method != 8 || (flags & 0xe0) != 0) {
      throw new ImageException(file, "gzip data is damaged");
    }
    long at = GZIP_HEADER_BYTES;
    if ((flags & 4) != 0) { // extra field
      at += 2 + (in.get(10) & 0xff | (in.get(11) & 0xff) << 8);
    }
    for (int bit = 8; bit <= 16; bit <<= 1) { // file name, comment
      if ((flags & bit) != 0) {
        while (at < in.limit() && in.get((int) at) != 0) {
          at++;
        }
        at++;
      }
    }
    if ((flags & 2) != 0) { // header checksum
      at += 2;
    }
    if (at > in.limit()) {
      throw new ImageException(file, "gzip data is cut short");
    }
    in.position((int) at);
  }

  private static byte[] array(MemorySegment bytes) {
    byte[] array = new byte[(int) bytes.byteSize()];
    bytes.asByteBuffer().get(array);
    return array;
  }

  private static byte[] unzstd(Path file, MemorySegment bytes, long limit, int enough) {
    try {
      byte[] in = array(bytes);
      return new Zstd(in, (int) Math.min(limit, ImageFile.MAX_BYTES), enough).decode();
    } catch (Zstd.Corrupt e) {
      throw new ImageException(file, "zstd data " + e.getMessage());
    } catch (OutOfMemoryError e) {
      throw tooLarge(file);
    }
  }

  /** For a few bytes that are to become more than there is room for. */
  private static ImageException tooLarge(Path file) {
    return new ImageException(
        file, "expands to more than the JVM has memory for (DUVISOR_JAVA_OPTS=-Xmx4g has more)");
  }
}
