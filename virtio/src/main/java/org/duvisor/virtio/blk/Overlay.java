package org.duvisor.virtio.blk;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.duvisor.virtio.host.Scratch;

/**
 * A disk over another one that is only read: what is written goes to a temporary file without a
 * name, which is gone when the disk is closed or its process ends.
 *
 * <p>The file is made of clusters of 64 KiB in the order in which the guest came to write to them,
 * wherever they are on its disk; each has blocks of 4 KiB, there or not. So the file takes what was
 * written and little more. It stops growing while the host's file system still has a sixteenth of
 * its space, and when the table of clusters has an eighth of the heap; the guest gets errors then.
 */
public final class Overlay implements BlockBackend {
  private static final int BLOCK_BITS = 12;
  private static final int BLOCK = 1 << BLOCK_BITS;
  private static final int CLUSTER_BITS = 16;

  /** A cluster's entry: its place in the file, counted in clusters, above a bit for each block. */
  private static final int BLOCKS = 1 << CLUSTER_BITS - BLOCK_BITS;

  private static final int ENTRY_BYTES = 96;
  private static final int HEAP_PART = 8;
  private static final int FREE_PART = 16;

  /** How often the host is asked for its free space: after so many new blocks, 1 MiB. */
  private static final int ASK = 256;

  private final BlockBackend below;
  private final FileChannel file;
  private final Path folder;
  private final FileStore host;
  private final Map<Long, Long> clusters = new HashMap<>();
  private final long maxClusters = Runtime.getRuntime().maxMemory() / HEAP_PART / ENTRY_BYTES;

  /** New blocks until the host is asked again. */
  private int unasked;

  private Overlay(BlockBackend below, Path folder) throws IOException {
    this.below = below;
    this.folder = folder;
    this.host = Files.getFileStore(folder);
    this.file = Scratch.open(folder);
  }

  /**
   * An overlay without any writes yet; closes {@code below} with itself.
   *
   * @throws IOException with one line for the user when there can be no temporary file
   */
  public static Overlay over(BlockBackend below) throws IOException {
    return over(below, Scratch.folder());
  }

  /** The same with its file in a certain folder. */
  static Overlay over(BlockBackend below, Path folder) throws IOException {
    try {
      return new Overlay(below, folder);
    } catch (IOException e) {
      throw new IOException(
          "a snapshot needs a temporary file, and there can be none in "
              + folder
              + " (TMPDIR names another folder)",
          e);
    }
  }

  @Override
  public long size() {
    return below.size();
  }

  @Override
  public boolean readOnly() {
    return false;
  }

  @Override
  public synchronized void read(long offset, ByteBuffer into) throws IOException {
    int end = into.limit();
    for (long at = offset; into.position() < end; ) {
      long place = place(at);
      long next = (at | BLOCK - 1) + 1;
      while (next - at < end - into.position() && follows(place, at, next)) {
        next += BLOCK;
      }
      int bytes = (int) Math.min(end - into.position(), next - at);
      into.limit(into.position() + bytes);
      if (place < 0) {
        below.read(at, into);
      } else {
        fill(place, into);
      }
      into.limit(end);
      at += bytes;
    }
  }

  /** Where the file has a byte of the disk, -1 when that is below. */
  private long place(long at) {
    long entry = clusters.getOrDefault(at >>> CLUSTER_BITS, 0L);
    boolean here = (entry >>> (at >>> BLOCK_BITS & BLOCKS - 1) & 1) != 0;
    return here ? entry >>> BLOCKS << CLUSTER_BITS | at & (1 << CLUSTER_BITS) - 1 : -1;
  }

  private boolean follows(long place, long at, long next) {
    long there = place(next);
    return place < 0 ? there < 0 : there == place + next - at;
  }

  /** Reads written bytes: a block is written as a whole, up to the disk's end. */
  private void fill(long place, ByteBuffer into) throws IOException {
    for (long from = place; into.hasRemaining(); ) {
      int bytes = file.read(into, from);
      if (bytes < 0) {
        throw new IOException("a temporary file has become shorter");
      }
      from += bytes;
    }
  }

  @Override
  public synchronized void write(long offset, ByteBuffer from) throws IOException {
    long end = offset + from.remaining();
    complete(offset);
    complete(end);
    int limit = from.limit();
    for (long at = offset; at < end; ) {
      long next = Math.min(end, (at | (1 << CLUSTER_BITS) - 1) + 1);
      from.limit(from.position() + (int) (next - at));
      store(at, from);
      from.limit(limit);
      at = next;
    }
  }

  /** Stores bytes of one cluster, whose blocks are complete with them. */
  private void store(long at, ByteBuffer from) throws IOException {
    long cluster = at >>> CLUSTER_BITS;
    Long known = clusters.get(cluster);
    long entry = known == null ? (long) clusters.size() << BLOCKS : known;
    long inCluster = at & (1 << CLUSTER_BITS) - 1;
    int first = (int) (inCluster >>> BLOCK_BITS);
    int last = (int) (inCluster + from.remaining() - 1 >>> BLOCK_BITS);
    long all = entry | (1L << last + 1) - (1L << first);
    if (all != entry) {
      grow(known == null, Long.bitCount(all ^ entry));
    }
    for (long to = entry >>> BLOCKS << CLUSTER_BITS | inCluster; from.hasRemaining(); ) {
      to += file.write(from, to);
    }
    clusters.put(cluster, all);
  }

  private void grow(boolean oneMore, int blocks) throws IOException {
    unasked -= blocks;
    if ((oneMore && clusters.size() >= maxClusters) || (unasked < 0 && isScarce())) {
      throw new IOException(
          "the snapshot is full: "
              + folder
              + ", where what the guest writes is kept, has to keep some space too (TMPDIR names"
              + " another folder)");
    }
    if (unasked < 0) {
      unasked = ASK;
    }
  }

  private boolean isScarce() throws IOException {
    return host.getUsableSpace() < host.getTotalSpace() / FREE_PART;
  }

  /** Brings the block here that a write cuts at {@code at}. */
  private void complete(long at) throws IOException {
    if ((at & BLOCK - 1) != 0 && place(at) < 0) {
      long start = at & -BLOCK;
      ByteBuffer whole = ByteBuffer.allocate((int) Math.min(BLOCK, size() - start));
      below.read(start, whole);
      store(start, whole.flip());
    }
  }

  @Override
  public synchronized void zero(long offset, long length) throws IOException {
    ByteBuffer zeros = ByteBuffer.allocate(1 << 16);
    for (long done = 0; done < length; ) {
      int bytes = (int) Math.min(zeros.capacity(), length - done);
      write(offset + done, zeros.clear().limit(bytes));
      done += bytes;
    }
  }

  @Override
  public void discard(long offset, long length) {}

  @Override
  public void flush() {}

  @Override
  public synchronized void close() throws IOException {
    try (file) {
      below.close();
    }
  }
}
