package org.duvisor.virtio.blk;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Optional;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;
import org.duvisor.devices.images.Zstd;

/**
 * A qcow2 image, read-only (QEMU, "qcow2 image format"): versions 2 and 3, compressed clusters,
 * backing files. An {@link Overlay} in front of it takes writes.
 *
 * <p>The image may be made by an adversary. Its tables are looked up, never walked: two look-ups
 * and one cluster for each piece of a read, whatever they say. What points outside the file is an
 * I/O error. Caches are bounded in bytes.
 */
final class Qcow2File implements BlockBackend {
  private static final int TABLE_CACHE = 4 << 20;
  private static final int CLUSTER_CACHE = 2 << 20;

  /** The level-1 table may have 32 MiB; it is read in pieces of so many entries. */
  private static final int L1_PIECE_BITS = 12;

  private static final int L1_PIECES = 32;

  private static final long OFFSET = 0x00ff_ffff_ffff_fe00L;
  private static final long COMPRESSED = 1L << 62;
  private static final long ALL_ZEROS = 1;

  private final Path path;
  private final RawFile file;
  private final long length;
  private final Qcow2Header header;
  private final Optional<BlockBackend> backing;
  private final Recent<long[]> l1 = new Recent<>(L1_PIECES);
  private final Recent<long[]> tables;
  private final Recent<byte[]> clusters;

  /**
   * An image.
   *
   * @param file its bytes; closed with it
   * @param length of the file in bytes, not rounded
   * @param backing what is below; closed with it
   */
  Qcow2File(
      Path path, RawFile file, long length, Qcow2Header header, Optional<BlockBackend> backing) {
    this.path = path;
    this.file = file;
    this.length = length;
    this.header = header;
    this.backing = backing;
    int cluster = header.clusterBytes();
    this.tables = new Recent<>(TABLE_CACHE / cluster);
    this.clusters = new Recent<>(CLUSTER_CACHE / cluster);
  }

  private long[] numbers(long offset, int count) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(8 * count);
    file.read(offset, bytes);
    long[] numbers = new long[count];
    bytes.flip().asLongBuffer().get(numbers);
    return numbers;
  }

  @Override
  public long size() {
    return header.size();
  }

  @Override
  public boolean readOnly() {
    return true;
  }

  @Override
  public synchronized void read(long offset, ByteBuffer into) throws IOException {
    int end = into.limit();
    for (long at = offset; into.position() < end; ) {
      long inCluster = at & header.clusterBytes() - 1;
      int bytes = (int) Math.min(end - into.position(), header.clusterBytes() - inCluster);
      into.limit(into.position() + bytes);
      piece(at, inCluster, into);
      into.limit(end);
      at += bytes;
    }
  }

  /** Reads bytes of one cluster of the disk. */
  private void piece(long at, long inCluster, ByteBuffer into) throws IOException {
    long entry = entry(at);
    if ((entry & COMPRESSED) != 0) {
      into.put(expanded(entry), (int) inCluster, into.remaining());
    } else if (header.version() >= 3 && (entry & ALL_ZEROS) != 0) {
      zeros(into);
    } else if ((entry & OFFSET) != 0) {
      file.read(inside(entry & OFFSET, 1) + inCluster, into); // zeros behind the file's end
    } else {
      below(at, into);
    }
  }

  /** The level-2 entry of the cluster that holds byte {@code at} of the disk; 0 for none. */
  private long entry(long at) throws IOException {
    long cluster = at >>> header.clusterBits();
    int l2Bits = header.clusterBits() - 3;
    long table = l1((int) (cluster >>> l2Bits)) & OFFSET;
    if (table == 0) {
      return 0;
    }
    long[] entries = tables.get(table);
    if (entries == null) {
      entries = numbers(inside(table, header.clusterBytes()), 1 << l2Bits);
      tables.put(table, entries);
    }
    return entries[(int) cluster & (1 << l2Bits) - 1];
  }

  private long l1(int index) throws IOException {
    int piece = index >>> L1_PIECE_BITS;
    int first = piece << L1_PIECE_BITS;
    long[] entries = l1.get(piece);
    if (entries == null) {
      int count = Math.min(1 << L1_PIECE_BITS, header.l1Entries() - first);
      entries = numbers(header.l1Offset() + 8L * first, count);
      l1.put(piece, entries);
    }
    return entries[index - first];
  }

  /** Checks that a cluster, and {@code bytes} of it at least, is in the file. */
  private long inside(long offset, long bytes) throws IOException {
    if (offset > length - bytes || (offset & header.clusterBytes() - 1) != 0) {
      throw damaged("a cluster at 0x" + Long.toHexString(offset));
    }
    return offset;
  }

  private byte[] expanded(long entry) throws IOException {
    int offsetBits = 62 - (header.clusterBits() - 8);
    long offset = entry & (1L << offsetBits) - 1;
    long known = offset >= 0 && offset < length ? offset : -1;
    if (known < 0) {
      throw damaged("a compressed cluster at 0x" + Long.toHexString(offset));
    }
    byte[] cluster = clusters.get(entry);
    if (cluster == null) {
      long sectors = (entry & ~(3L << 62)) >>> offsetBits;
      long bytes = (sectors + 1) * Blk.SECTOR - (offset & Blk.SECTOR - 1);
      byte[] in = new byte[(int) Math.min(bytes, length - offset)];
      file.read(offset, ByteBuffer.wrap(in));
      cluster = header.zstd() ? unzstd(in) : inflate(in);
      clusters.put(entry, cluster);
    }
    return cluster;
  }

  private byte[] inflate(byte[] in) throws IOException {
    byte[] cluster = new byte[header.clusterBytes()];
    Inflater inflater = new Inflater(true);
    try {
      inflater.setInput(in);
      int done = 0;
      while (done < cluster.length) {
        int more = inflater.inflate(cluster, done, cluster.length - done);
        if (more == 0) {
          throw damaged("a compressed cluster");
        }
        done += more;
      }
      return cluster;
    } catch (DataFormatException e) {
      throw damaged("a compressed cluster");
    } finally {
      inflater.end();
    }
  }

  private byte[] unzstd(byte[] in) throws IOException {
    try {
      byte[] cluster = Zstd.decode(in, header.clusterBytes());
      if (cluster.length == header.clusterBytes()) {
        return cluster;
      }
    } catch (Zstd.Corrupt e) {
      // Said below.
    }
    throw damaged("a compressed cluster");
  }

  private IOException damaged(String what) {
    return new IOException("disk image " + path + " is damaged: " + what);
  }

  /** What the image does not hold is in the one below, and zero where that has ended. */
  private void below(long at, ByteBuffer into) throws IOException {
    int end = into.limit();
    if (backing.isPresent() && at < backing.get().size()) {
      int bytes = (int) Math.min(into.remaining(), backing.get().size() - at);
      backing.get().read(at, into.limit(into.position() + bytes));
      into.limit(end);
    }
    zeros(into);
  }

  private static void zeros(ByteBuffer into) {
    while (into.hasRemaining()) {
      into.put((byte) 0);
    }
  }

  @Override
  public void write(long offset, ByteBuffer from) throws IOException {
    throw new IOException("disk image " + path + " is read-only");
  }

  @Override
  public void zero(long offset, long bytes) throws IOException {
    throw new IOException("disk image " + path + " is read-only");
  }

  @Override
  public void discard(long offset, long bytes) {}

  @Override
  public void flush() {}

  @Override
  public void close() throws IOException {
    try (file) {
      if (backing.isPresent()) {
        backing.get().close();
      }
    }
  }
}
