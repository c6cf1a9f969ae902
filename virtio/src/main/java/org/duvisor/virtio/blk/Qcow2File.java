package org.duvisor.virtio.blk;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;
import org.duvisor.devices.images.Zstd;
import org.jspecify.annotations.Nullable;

/**
 * A qcow2 image (QEMU, "qcow2 image format"): versions 2 and 3, compressed clusters, backing files.
 *
 * <p>Written data goes to the file at once, entries of tables at a flush, behind it, and counts of
 * clusters that are not used any more come last ({@link Qcow2Tables}, {@link Qcow2Refcounts}).
 * Whatever ends the process, the image is as it was at some flush, with what was written over
 * since; clusters may be lost, until {@code qemu-img check -r leaks}.
 *
 * <p>The image may be made by an adversary. Its tables are looked up, never walked: two look-ups
 * and one cluster for each piece of a read, whatever they say. What points outside the file is an
 * I/O error. Caches are bounded in bytes.
 */
final class Qcow2File implements BlockBackend {
  private static final int CLUSTER_CACHE = 2 << 20;

  /** Clusters that wait for a flush to be free. */
  private static final int MOST_FREED = 1 << 16;

  private static final long OFFSET = Qcow2Tables.OFFSET;
  private static final long COMPRESSED = 1L << 62;
  private static final long ALL_ZEROS = 1;

  private final Path path;
  private final RawFile file;
  private final long length;
  private final Qcow2Header header;
  private final Optional<BlockBackend> backing;
  private final Qcow2Tables tables;
  private final @Nullable Qcow2Refcounts refcounts;
  private final Recent<byte[]> clusters;
  private final List<Long> freed = new ArrayList<>();

  /**
   * An image.
   *
   * @param file its bytes; closed with it
   * @param length of the file in bytes, not rounded
   * @param backing what is below; closed with it
   * @param writing what a writer needs; empty for an image that is only read
   */
  Qcow2File(
      Path path,
      RawFile file,
      long length,
      Qcow2Header header,
      Optional<BlockBackend> backing,
      Optional<Qcow2Header.Writing> writing)
      throws IOException {
    this.path = path;
    this.file = file;
    this.length = length;
    this.header = header;
    this.backing = backing;
    this.tables = new Qcow2Tables(file, header);
    this.clusters = new Recent<>(CLUSTER_CACHE / header.clusterBytes());
    if (writing.isEmpty()) {
      refcounts = null;
      return;
    }
    refcounts = new Qcow2Refcounts(file, header, writing.get(), length);
    if (writing.get().autoclear() != 0) {
      file.write(Qcow2Header.AUTOCLEAR, ByteBuffer.allocate(8));
      file.flush();
    }
  }

  /** Bytes of the file, those that were added among them. */
  private long length() {
    return refcounts == null ? length : Math.max(length, refcounts.end());
  }

  @Override
  public long size() {
    return header.size();
  }

  @Override
  public boolean readOnly() {
    return refcounts == null;
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
    } else if (isZero(entry)) {
      zeros(into);
    } else if ((entry & OFFSET) != 0) {
      file.read(inside(entry & OFFSET) + inCluster, into); // zeros behind the file's end
    } else {
      below(at, into);
    }
  }

  private boolean isZero(long entry) {
    return header.version() >= 3 && (entry & ALL_ZEROS) != 0;
  }

  private long entry(long at) throws IOException {
    try {
      return tables.entry(at, length());
    } catch (IOException e) {
      throw named(e);
    }
  }

  /** Checks that a cluster, and a byte of it at least, is in the file. */
  private long inside(long offset) throws IOException {
    if (offset > length() - 1 || (offset & header.clusterBytes() - 1) != 0) {
      throw damaged("a cluster at 0x" + Long.toHexString(offset));
    }
    return offset;
  }

  private byte[] expanded(long entry) throws IOException {
    int offsetBits = 62 - (header.clusterBits() - 8);
    long offset = entry & (1L << offsetBits) - 1;
    if (offset < 0 || offset >= length()) {
      throw damaged("a compressed cluster at 0x" + Long.toHexString(offset));
    }
    byte[] cluster = clusters.get(entry);
    if (cluster == null) {
      byte[] in = new byte[(int) Math.min(compressedBytes(entry), length() - offset)];
      file.read(offset, ByteBuffer.wrap(in));
      cluster = header.zstd() ? unzstd(in) : inflate(in);
      clusters.put(entry, cluster);
    }
    return cluster;
  }

  private long compressedBytes(long entry) {
    int offsetBits = 62 - (header.clusterBits() - 8);
    long sectors = (entry & ~(3L << 62)) >>> offsetBits;
    return (sectors + 1) * Blk.SECTOR - (entry & Blk.SECTOR - 1);
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

  private IOException named(IOException e) {
    return new IOException("disk image " + path + " " + e.getMessage(), e);
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

  // ---- writing

  @Override
  public int discardBytes() {
    return header.clusterBytes();
  }

  private Qcow2Refcounts writable() throws IOException {
    if (refcounts == null) {
      throw new IOException("disk image " + path + " is read-only");
    }
    return refcounts;
  }

  @Override
  public synchronized void write(long offset, ByteBuffer from) throws IOException {
    Qcow2Refcounts counts = writable();
    int end = from.limit();
    for (long at = offset; from.position() < end; ) {
      long inCluster = at & header.clusterBytes() - 1;
      int bytes = (int) Math.min(end - from.position(), header.clusterBytes() - inCluster);
      from.limit(from.position() + bytes);
      store(counts, at, inCluster, from);
      from.limit(end);
      at += bytes;
    }
  }

  /** Writes bytes of one cluster of the disk. */
  private void store(Qcow2Refcounts counts, long at, long inCluster, ByteBuffer from)
      throws IOException {
    long entry = entry(at);
    boolean own =
        (entry & Qcow2Tables.COPIED) != 0 && (entry & COMPRESSED) == 0 && (entry & OFFSET) != 0;
    if (own && !isZero(entry)) {
      file.write(ownCluster(counts, entry) + inCluster, from);
      return;
    }
    if (own) {
      file.write(ownCluster(counts, entry), whole(at, inCluster, from)); // kept for it
      set(counts, at, entry & ~ALL_ZEROS);
      return;
    }
    long end = counts.end();
    long cluster = allocate(counts);
    try {
      if (cluster >= end && readsAsZeros(entry, hidden(at - inCluster))) {
        file.write(cluster + inCluster, from); // the file has zeros there
      } else {
        file.write(cluster, whole(at, inCluster, from));
      }
      set(counts, at, cluster | Qcow2Tables.COPIED);
    } catch (IOException e) {
      counts.release(cluster); // nothing refers to it yet
      throw e;
    }
    free(entry);
    settle();
  }

  /** A whole cluster: what it has, with bytes that are written over it. */
  private ByteBuffer whole(long at, long inCluster, ByteBuffer from) throws IOException {
    if (from.remaining() == header.clusterBytes()) {
      return from;
    }
    ByteBuffer whole = ByteBuffer.allocate(header.clusterBytes());
    long first = at - inCluster;
    piece(first, 0, whole.limit((int) Math.min(header.clusterBytes(), size() - first)));
    whole.clear().position((int) inCluster);
    whole.put(from);
    return whole.rewind();
  }

  /** Whether there is nothing below the cluster that begins at a byte of the disk. */
  private boolean hidden(long first) {
    return backing.isEmpty() || first >= backing.get().size();
  }

  private long ownCluster(Qcow2Refcounts counts, long entry) throws IOException {
    long cluster = inside(entry & OFFSET);
    if (counts.isReserved(cluster)) {
      throw damaged("a cluster at 0x" + Long.toHexString(cluster));
    }
    return cluster;
  }

  private long allocate(Qcow2Refcounts counts) throws IOException {
    try {
      return counts.allocate();
    } catch (IOException e) {
      throw named(e);
    }
  }

  private void set(Qcow2Refcounts counts, long at, long entry) throws IOException {
    try {
      tables.set(at, entry, counts);
    } catch (IOException e) {
      throw named(e);
    }
  }

  /** Notes that an entry's clusters have a user less after the next flush. */
  private void free(long entry) {
    if ((entry & COMPRESSED) != 0) {
      int offsetBits = 62 - (header.clusterBits() - 8);
      long offset = entry & (1L << offsetBits) - 1;
      long last = offset + compressedBytes(entry) - 1;
      for (long at = offset & -header.clusterBytes(); at <= last; at += header.clusterBytes()) {
        freed.add(at);
      }
    } else if ((entry & OFFSET) != 0) {
      freed.add(entry & OFFSET);
    }
  }

  /** Keeps what waits for a flush within bounds. */
  private void settle() throws IOException {
    if (tables.isFull() || freed.size() >= MOST_FREED) {
      flush();
    }
  }

  @Override
  public synchronized void zero(long offset, long bytes) throws IOException {
    clear(offset, bytes, true);
  }

  /** Clusters as a whole are free again, and read as zeros. */
  @Override
  public synchronized void discard(long offset, long bytes) throws IOException {
    clear(offset, bytes, false);
  }

  private void clear(long offset, long bytes, boolean exactly) throws IOException {
    Qcow2Refcounts counts = writable();
    long end = offset + bytes;
    for (long at = offset; at < end; ) {
      long first = at & -header.clusterBytes();
      long next = Math.min(end, first + header.clusterBytes());
      boolean whole = at == first && (next - first == header.clusterBytes() || next == size());
      boolean hidden = hidden(first);
      if (whole && (hidden || header.version() >= 3)) {
        clearCluster(counts, first, hidden ? 0 : ALL_ZEROS);
      } else if (exactly && !readsAsZeros(entry(first), hidden)) {
        write(at, ByteBuffer.allocate((int) (next - at)));
      }
      at = next;
    }
  }

  private boolean readsAsZeros(long entry, boolean hidden) {
    boolean nothing = (entry & (COMPRESSED | OFFSET)) == 0;
    return isZero(entry) && (entry & COMPRESSED) == 0 || nothing && hidden;
  }

  private void clearCluster(Qcow2Refcounts counts, long first, long cleared) throws IOException {
    long entry = entry(first);
    if (entry != cleared && !((entry & (COMPRESSED | OFFSET)) == 0 && isZero(entry))) {
      set(counts, first, cleared);
      free(entry);
      settle();
    }
  }

  @Override
  public synchronized void flush() throws IOException {
    if (refcounts == null) {
      return;
    }
    if (!tables.isChanged()) {
      file.flush();
      return;
    }
    tables.write();
    while (!freed.isEmpty()) {
      refcounts.release(freed.removeLast()); // once, whatever happens
    }
  }

  @Override
  public void close() throws IOException {
    try (file) {
      if (backing.isPresent()) {
        backing.get().close();
      }
    }
  }
}
