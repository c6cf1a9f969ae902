package org.duvisor.virtio.blk;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * Which clusters of a qcow2 file are in use: its reference counts, of 16 bits. Each change is
 * written at once; what makes it durable, and in which order, is the caller's: counts go up before
 * anything refers to their cluster, and down when nothing does any more. So a crash leaves clusters
 * that nobody uses, and never one with two users.
 *
 * <p>The image may be made by an adversary: a search looks at one block of counts at most, and
 * clusters of the header and of the two tables are never given out. Not thread-safe.
 */
final class Qcow2Refcounts {
  private static final int COUNT_BYTES = 2;
  private static final int ENTRY_BYTES = 8;
  private static final long BLOCK_OFFSET = ~0x1ffL;
  private static final int BLOCK_CACHE = 1 << 20;

  /** Where the header has the table's offset, and its clusters behind it. */
  private static final int HEADER_TABLE = 48;

  private final RawFile file;
  private final Qcow2Header header;

  /** Clusters that a block counts. */
  private final int perBlock;

  private final Recent<ByteBuffer> blocks;
  private long tableCluster;
  private long[] table;

  /** Where the search for a free cluster goes on. */
  private long next;

  /** The cluster behind the file's last one. */
  private long end;

  /**
   * The counts of an image.
   *
   * @param length of the file in bytes
   */
  Qcow2Refcounts(RawFile file, Qcow2Header header, Qcow2Header.Writing writing, long length)
      throws IOException {
    this.file = file;
    this.header = header;
    this.perBlock = header.clusterBytes() / COUNT_BYTES;
    this.blocks = new Recent<>(BLOCK_CACHE / header.clusterBytes());
    this.end = Math.ceilDiv(length, (long) header.clusterBytes());
    this.tableCluster = writing.tableOffset() >>> header.clusterBits();
    this.table = new long[writing.tableClusters() * (header.clusterBytes() / ENTRY_BYTES)];
    ByteBuffer bytes = ByteBuffer.allocate(table.length * ENTRY_BYTES);
    file.read(writing.tableOffset(), bytes);
    bytes.flip().asLongBuffer().get(table);
  }

  /** The file's length with all clusters that were given out, in bytes. */
  long end() {
    return end << header.clusterBits();
  }

  /** Whether a cluster at an offset is the header's, or a part of one of the two tables. */
  boolean isReserved(long offset) {
    long cluster = offset >>> header.clusterBits();
    long l1 = header.l1Offset() >>> header.clusterBits();
    long l1Clusters = clusters((long) header.l1Entries() * ENTRY_BYTES);
    return cluster == 0
        || cluster >= l1 && cluster < l1 + l1Clusters
        || cluster >= tableCluster && cluster < tableCluster + clusters(8L * table.length);
  }

  private long clusters(long bytes) {
    return Math.ceilDiv(bytes, (long) header.clusterBytes());
  }

  /**
   * Gives a cluster out, counted once.
   *
   * @return its offset; at {@link #end} before the call or behind, when nothing was there before
   */
  long allocate() throws IOException {
    long found = search();
    return (found >= 0 ? found : append()) << header.clusterBits();
  }

  /** A free cluster among those of one block, from the last one found on; -1 for none. */
  private long search() throws IOException {
    long stop = Math.min(end, next + perBlock);
    while (next < stop) {
      int block = (int) Math.min(next / perBlock, Integer.MAX_VALUE);
      if (block >= table.length || table[block] == 0) {
        next = Math.min(stop, (next / perBlock + 1) * perBlock);
      } else if (count(next) != 0) {
        next++;
      } else if (isReserved(next << header.clusterBits())) {
        throw new IOException("is damaged: its tables are in clusters that are free");
      } else {
        set(next, 1);
        return next++;
      }
    }
    return -1;
  }

  private long append() throws IOException {
    long block = end / perBlock;
    if (block >= table.length) {
      growTable();
      block = end / perBlock;
    }
    if (table[(int) block] == 0) {
      addBlock((int) block);
    }
    set(end, 1);
    return end++;
  }

  /** Makes the block that counts the cluster behind the file's last one, in this cluster. */
  private void addBlock(int block) throws IOException {
    long offset = end();
    ByteBuffer counts = ByteBuffer.allocate(header.clusterBytes());
    counts.putShort((int) (end % perBlock) * COUNT_BYTES, (short) 1);
    file.write(offset, counts);
    file.flush(); // the block before what refers to it
    ByteBuffer entry = ByteBuffer.allocate(ENTRY_BYTES).putLong(0, offset);
    file.write((tableCluster << header.clusterBits()) + (long) block * ENTRY_BYTES, entry);
    table[block] = offset;
    end++;
  }

  /** Makes a larger table, behind the block that counts it; both are new at the file's end. */
  private void growTable() throws IOException {
    int bytes = header.clusterBytes();
    long before = clusters((long) table.length * ENTRY_BYTES);
    long after = before + before / 2 + 1;
    if (end != (long) table.length * perBlock
        || after + 1 >= perBlock
        || after * bytes > Qcow2Header.MAX_REFCOUNT_TABLE) {
      throw new IOException("is as large as an image with its clusters can be");
    }
    ByteBuffer counts = ByteBuffer.allocate(bytes);
    for (int i = 0; i <= after; i++) {
      counts.putShort(i * COUNT_BYTES, (short) 1);
    }
    long[] larger = Arrays.copyOf(table, (int) after * (bytes / ENTRY_BYTES));
    larger[table.length] = end();
    ByteBuffer entries = ByteBuffer.allocate(larger.length * ENTRY_BYTES);
    entries.asLongBuffer().put(larger);
    file.write(end(), counts);
    file.write(end() + bytes, entries);
    file.flush();
    ByteBuffer place = ByteBuffer.allocate(ENTRY_BYTES + 4);
    place.putLong(0, end() + bytes).putInt(ENTRY_BYTES, (int) after);
    file.write(HEADER_TABLE, place);
    file.flush(); // the header before the old table is free
    long old = tableCluster;
    tableCluster = end + 1;
    table = larger;
    end += 1 + after;
    for (long i = old; i < old + before; i++) {
      release(i << header.clusterBits());
    }
  }

  /** One user less of the cluster at an offset. */
  void release(long offset) throws IOException {
    long cluster = offset >>> header.clusterBits();
    long block = cluster / perBlock;
    if (block >= table.length || table[(int) block] == 0 || count(cluster) == 0) {
      return; // was not counted: the image's own mistake, and no harm
    }
    int count = count(cluster) - 1;
    set(cluster, count);
    if (count == 0) {
      next = Math.min(next, cluster);
    }
  }

  private int count(long cluster) throws IOException {
    return block(cluster).getShort((int) (cluster % perBlock) * COUNT_BYTES) & 0xffff;
  }

  private void set(long cluster, int count) throws IOException {
    int at = (int) (cluster % perBlock) * COUNT_BYTES;
    ByteBuffer bytes = ByteBuffer.allocate(COUNT_BYTES).putShort(0, (short) count);
    file.write(offset(cluster) + at, bytes);
    block(cluster).putShort(at, (short) count);
  }

  private long offset(long cluster) throws IOException {
    long offset = table[(int) (cluster / perBlock)] & BLOCK_OFFSET;
    if (offset <= 0
        || offset >= end()
        || (offset & header.clusterBytes() - 1) != 0
        || isReserved(offset)) {
      throw new IOException("is damaged: its reference counts are not in the file");
    }
    return offset;
  }

  private ByteBuffer block(long cluster) throws IOException {
    long offset = offset(cluster);
    ByteBuffer block = blocks.get(offset);
    if (block == null) {
      block = ByteBuffer.allocate(header.clusterBytes());
      file.read(offset, block);
      blocks.put(offset, block);
    }
    return block;
  }
}
