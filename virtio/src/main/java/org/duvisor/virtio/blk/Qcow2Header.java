package org.duvisor.virtio.blk;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/**
 * What the header of a qcow2 image says (QEMU, "qcow2 image format", versions 2 and 3), checked: no
 * number in here makes its user allocate, or read, more than a bounded amount.
 *
 * @param version 2 or 3
 * @param clusterBits 9 to 21: clusters of 512 bytes to 2 MiB
 * @param size of the disk in bytes, a multiple of 512
 * @param l1Offset where the level-1 table is in the file, a multiple of the cluster's size
 * @param l1Entries entries of it that the disk needs, at most {@link #MAX_L1_ENTRIES}
 * @param zstd whether compressed clusters are zstd frames; otherwise they are raw deflate streams
 * @param backing the name of the image below, as written
 * @param backingFormat its format, where the header names it
 */
record Qcow2Header(
    int version,
    int clusterBits,
    long size,
    long l1Offset,
    int l1Entries,
    boolean zstd,
    Optional<String> backing,
    Optional<String> backingFormat) {
  /** "QFI\xfb", big-endian as all numbers of the format. */
  static final int MAGIC = 0x514649fb;

  /** 32 MiB, as QEMU has it. */
  static final int MAX_L1_ENTRIES = 4 << 20;

  /** 8 MiB, as QEMU has it. */
  static final int MAX_REFCOUNT_TABLE = 8 << 20;

  /** Bytes that {@link #parse} looks at: the largest cluster would do, but no header needs it. */
  static final int HEAD_BYTES = 64 << 10;

  private static final int V2_BYTES = 72;
  private static final int V3_BYTES = 104;
  private static final int MIN_CLUSTER_BITS = 9;
  private static final int MAX_CLUSTER_BITS = 21;
  private static final int MAX_NAME = 1023;
  private static final long MAX_SIZE = 1L << 60;

  private static final int EXTENSION_END = 0;
  private static final int EXTENSION_BACKING_FORMAT = 0xe2792aca;

  private static final long INCOMPATIBLE_DIRTY = 1;
  private static final long INCOMPATIBLE_CORRUPT = 1 << 1;
  private static final long INCOMPATIBLE_DATA_FILE = 1 << 2;
  private static final long INCOMPATIBLE_COMPRESSION = 1 << 3;
  private static final long INCOMPATIBLE_EXTENDED_L2 = 1 << 4;

  /** The dirty bit is about reference counts, which reading does not use. */
  private static final long UNDERSTOOD = INCOMPATIBLE_DIRTY | INCOMPATIBLE_COMPRESSION;

  /** Where the header has its autoclear features. */
  static final int AUTOCLEAR = 88;

  private static final int COUNT_ORDER = 4;

  /**
   * What a writer needs besides.
   *
   * @param tableOffset of the table of reference counts
   * @param tableClusters its length, at least 1
   * @param autoclear features that whoever does not know them switches off by writing
   */
  record Writing(long tableOffset, int tableClusters, long autoclear) {}

  /**
   * Reads what a writer needs of a header that {@link #parse} has read.
   *
   * @throws IOException with what is wrong, to be put behind the file's name
   */
  Writing writing(ByteBuffer head, long length) throws IOException {
    refuse(
        head.getInt(60) != 0,
        "has internal snapshots, which cannot be kept when it is written to; add ,snapshot or ,ro,"
            + " or delete them (qemu-img snapshot -d)");
    refuse(
        version >= 3 && (head.getLong(72) & INCOMPATIBLE_DIRTY) != 0,
        "was not closed by who wrote to it last; repair it first (qemu-img check -r all)");
    refuse(
        version >= 3 && head.getInt(96) != COUNT_ORDER,
        "has reference counts of another width than 16 bits, and cannot be written to; add"
            + " ,snapshot or ,ro");
    long offset = head.getLong(48);
    long clusters = head.getInt(56) & 0xffff_ffffL;
    refuse(
        clusters < 1
            || clusters << clusterBits > MAX_REFCOUNT_TABLE
            || offset < clusterBytes()
            || (offset & clusterBytes() - 1) != 0
            || offset > length - (clusters << clusterBits),
        "is damaged: its reference counts are not in the file");
    return new Writing(offset, (int) clusters, version >= 3 ? head.getLong(AUTOCLEAR) : 0);
  }

  /** Bytes in a cluster. */
  int clusterBytes() {
    return 1 << clusterBits;
  }

  /**
   * Reads a header.
   *
   * @param head the first bytes of the file, {@link #HEAD_BYTES} or all there are
   * @param length of the file in bytes
   * @throws IOException with what is wrong, to be put behind the file's name
   */
  static Qcow2Header parse(ByteBuffer head, long length) throws IOException {
    refuse(head.limit() < V2_BYTES || head.getInt(0) != MAGIC, "is no qcow2 image");
    int version = head.getInt(4);
    refuse(version != 2 && version != 3, "is qcow2 of version " + version + ", not 2 or 3");
    refuse(version == 3 && head.limit() < V3_BYTES, "is cut short");
    refuse(head.getInt(32) != 0, "is encrypted, which is not supported");
    long headerBytes = version == 2 ? V2_BYTES : head.getInt(100) & 0xffff_ffffL;
    boolean zstd = version == 3 && features(head, headerBytes);
    int clusterBits = head.getInt(20);
    refuse(
        clusterBits < MIN_CLUSTER_BITS || clusterBits > MAX_CLUSTER_BITS,
        "has clusters of an impossible size");
    long size = head.getLong(24);
    refuse(size < 0 || size > MAX_SIZE, "has an impossible size");
    size = Math.ceilDiv(size, (long) Blk.SECTOR) * Blk.SECTOR;
    long l1Offset = head.getLong(40);
    long perEntry = 1L << 2 * clusterBits - 3;
    long needed = Math.ceilDiv(size, perEntry);
    refuse(needed > MAX_L1_ENTRIES, "is a disk too large for its clusters");
    refuse(
        (head.getInt(36) & 0xffff_ffffL) < needed
            || l1Offset < 0
            || l1Offset > length - 8 * needed
            || (l1Offset & (1L << clusterBits) - 1) != 0,
        "is damaged: its level-1 table is not in the file");
    return new Qcow2Header(
        version,
        clusterBits,
        size,
        l1Offset,
        (int) needed,
        zstd,
        backingName(head),
        extension(head, headerBytes, clusterBits));
  }

  /** Refuses what a reader must not ignore; returns whether compression is zstd. */
  private static boolean features(ByteBuffer head, long headerBytes) throws IOException {
    long incompatible = head.getLong(72);
    refuse((incompatible & INCOMPATIBLE_CORRUPT) != 0, "is marked as corrupt (qemu-img check -r)");
    refuse((incompatible & INCOMPATIBLE_DATA_FILE) != 0, "has an external data file: unsupported");
    refuse((incompatible & INCOMPATIBLE_EXTENDED_L2) != 0, "has extended L2 entries: unsupported");
    refuse(
        (incompatible & ~UNDERSTOOD) != 0,
        "needs features that are not known here (bits 0x%x)".formatted(incompatible & ~UNDERSTOOD));
    refuse(headerBytes < V3_BYTES || headerBytes > head.limit(), "is damaged: its header's length");
    int type = headerBytes > V3_BYTES ? head.get(V3_BYTES) : 0;
    refuse(
        (type != 0) != ((incompatible & INCOMPATIBLE_COMPRESSION) != 0) || type < 0 || type > 1,
        "is compressed in a way that is not known here");
    return type == 1;
  }

  private static Optional<String> backingName(ByteBuffer head) throws IOException {
    long offset = head.getLong(8);
    int bytes = head.getInt(16);
    if (offset == 0) {
      return Optional.empty();
    }
    refuse(
        bytes < 1 || bytes > MAX_NAME || offset < 0 || offset > head.limit() - bytes,
        "is damaged: the name of its backing file");
    return Optional.of(text(head, (int) offset, bytes));
  }

  /** The extension that names the backing file's format. Each step passes at least 8 bytes. */
  private static Optional<String> extension(ByteBuffer head, long from, int clusterBits)
      throws IOException {
    long end = Math.min(head.limit(), 1L << clusterBits);
    long backingOffset = head.getLong(8);
    if (backingOffset > from) {
      end = Math.min(end, backingOffset); // the name is what follows the extensions
    }
    long at = from;
    while (at <= end - 8 && head.getInt((int) at) != EXTENSION_END) {
      int type = head.getInt((int) at);
      long bytes = head.getInt((int) at + 4) & 0xffff_ffffL;
      refuse(bytes > end - 8 - at, "is damaged: a header extension is cut short");
      if (type == EXTENSION_BACKING_FORMAT) {
        return Optional.of(text(head, (int) at + 8, (int) bytes));
      }
      at += 8 + (bytes + 7 & -8L);
    }
    return Optional.empty();
  }

  private static String text(ByteBuffer head, int at, int bytes) {
    byte[] name = new byte[bytes];
    head.get(at, name);
    return new String(name, StandardCharsets.UTF_8);
  }

  private static void refuse(boolean condition, String reason) throws IOException {
    if (condition) {
      throw new IOException(reason);
    }
  }
}
