package org.duvisor.virtio.blk;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.Map;

/**
 * The two levels of tables of a qcow2 image: where the clusters of the disk are. They are looked up
 * and never walked, so an image cannot make its reader loop; caches are bounded in bytes. Changes
 * are kept here until {@link #write}. Not thread-safe.
 */
final class Qcow2Tables {
  /** Set in an entry whose cluster has no other user. */
  static final long COPIED = 1L << 63;

  /** The bits of an entry that are an offset in the file. */
  static final long OFFSET = 0x00ff_ffff_ffff_fe00L;

  private static final int TABLE_CACHE = 4 << 20;

  /** The level-1 table may have 32 MiB; it is read in pieces of so many entries. */
  private static final int L1_PIECE_BITS = 12;

  private static final int L1_PIECES = 32;

  private final RawFile file;
  private final Qcow2Header header;
  private final int l2Bits;
  private final int mostChanged;
  private final Recent<long[]> l1 = new Recent<>(L1_PIECES);
  private final Recent<long[]> tables;

  /** Level-2 tables with changes, by their offset. */
  private final Map<Long, long[]> changed = new HashMap<>();

  /** Level-1 entries with changes, by their number. */
  private final Map<Integer, Long> changedL1 = new HashMap<>();

  Qcow2Tables(RawFile file, Qcow2Header header) {
    this.file = file;
    this.header = header;
    this.l2Bits = header.clusterBits() - 3;
    this.mostChanged = Math.max(1, TABLE_CACHE / header.clusterBytes());
    this.tables = new Recent<>(mostChanged);
  }

  private long[] numbers(long offset, int count) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(8 * count);
    file.read(offset, bytes);
    long[] numbers = new long[count];
    bytes.flip().asLongBuffer().get(numbers);
    return numbers;
  }

  /** The entry of the cluster that holds byte {@code at} of the disk; 0 for none. */
  long entry(long at, long length) throws IOException {
    long table = l1(l1Index(at)) & OFFSET;
    return table == 0 ? 0 : table(table, length)[l2Index(at)];
  }

  private int l1Index(long at) {
    return (int) (at >>> header.clusterBits() + l2Bits);
  }

  private int l2Index(long at) {
    return (int) (at >>> header.clusterBits()) & (1 << l2Bits) - 1;
  }

  private long[] table(long offset, long length) throws IOException {
    long[] entries = changed.get(offset);
    if (entries == null) {
      entries = tables.get(offset);
    }
    if (entries == null) {
      if (offset > length - header.clusterBytes() || (offset & header.clusterBytes() - 1) != 0) {
        throw new IOException("is damaged: a cluster at 0x" + Long.toHexString(offset));
      }
      entries = numbers(offset, 1 << l2Bits);
      tables.put(offset, entries);
    }
    return entries;
  }

  private long l1(int index) throws IOException {
    Long entry = changedL1.get(index);
    return entry != null ? entry : piece(index)[index & (1 << L1_PIECE_BITS) - 1];
  }

  private long[] piece(int index) throws IOException {
    int piece = index >>> L1_PIECE_BITS;
    int first = piece << L1_PIECE_BITS;
    long[] entries = l1.get(piece);
    if (entries == null) {
      int count = Math.min(1 << L1_PIECE_BITS, header.l1Entries() - first);
      entries = numbers(header.l1Offset() + 8L * first, count);
      l1.put(piece, entries);
    }
    return entries;
  }

  // ---- changes

  /** Whether so much has changed that it should be written. */
  boolean isFull() {
    return changed.size() >= mostChanged;
  }

  /** Whether anything has changed. */
  boolean isChanged() {
    return !changed.isEmpty();
  }

  /** Changes the entry of the cluster that holds byte {@code at} of the disk. */
  void set(long at, long entry, Qcow2Refcounts refcounts) throws IOException {
    int index = l1Index(at);
    long l1Entry = l1(index);
    long offset = l1Entry & OFFSET;
    if (offset == 0) {
      offset = refcounts.allocate();
      changed.put(offset, new long[1 << l2Bits]);
      changedL1.put(index, offset | COPIED);
    } else if ((l1Entry & COPIED) == 0 || refcounts.isReserved(offset)) {
      throw new IOException("is damaged: a table that others use");
    }
    long[] entries = table(offset, refcounts.end());
    changed.put(offset, entries);
    entries[l2Index(at)] = entry;
  }

  /**
   * Writes what has changed. What entries refer to is durable before the entries are written; when
   * this returns, they are.
   */
  void write() throws IOException {
    file.flush();
    for (Map.Entry<Long, long[]> table : changed.entrySet()) {
      ByteBuffer bytes = ByteBuffer.allocate(header.clusterBytes());
      bytes.asLongBuffer().put(table.getValue());
      file.write(table.getKey(), bytes);
    }
    file.flush();
    for (Map.Entry<Integer, Long> entry : changedL1.entrySet()) {
      ByteBuffer bytes = ByteBuffer.allocate(8).putLong(0, entry.getValue());
      file.write(header.l1Offset() + 8L * entry.getKey(), bytes);
    }
    if (!changedL1.isEmpty()) {
      file.flush();
    }
    for (Map.Entry<Integer, Long> entry : changedL1.entrySet()) {
      piece(entry.getKey())[entry.getKey() & (1 << L1_PIECE_BITS) - 1] = entry.getValue();
    }
    changed.forEach(tables::put);
    changed.clear();
    changedL1.clear();
  }
}
