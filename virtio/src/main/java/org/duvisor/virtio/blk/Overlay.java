package org.duvisor.virtio.blk;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.Map;

/**
 * A disk over another one that is only read: what is written goes to a temporary file, which is
 * gone when the disk is closed. Its blocks are those of the guest; the file is sparse, so it takes
 * what was written and no more.
 */
public final class Overlay implements BlockBackend {
  private static final int BLOCK_BITS = 12;
  private static final int BLOCK = 1 << BLOCK_BITS;

  /** Blocks a word of {@link #written} tells of: 64. */
  private static final int WORD_BITS = 6;

  private final BlockBackend below;
  private final FileChannel file;
  private final Map<Long, Long> written = new HashMap<>();

  private Overlay(BlockBackend below, FileChannel file) {
    this.below = below;
    this.file = file;
  }

  /**
   * An overlay without any writes yet; closes {@code below} with itself.
   *
   * @throws IOException when there is no room for temporary files
   */
  public static Overlay over(BlockBackend below) throws IOException {
    Path path = Files.createTempFile("duvisor-disk", null);
    return new Overlay(
        below,
        FileChannel.open(
            path,
            StandardOpenOption.READ,
            StandardOpenOption.WRITE,
            StandardOpenOption.DELETE_ON_CLOSE));
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
      boolean here = isWritten(at >>> BLOCK_BITS);
      long next = (at >>> BLOCK_BITS) + 1;
      while ((next << BLOCK_BITS) - at < end - into.position() && isWritten(next) == here) {
        next++;
      }
      int bytes = (int) Math.min(end - into.position(), (next << BLOCK_BITS) - at);
      into.limit(into.position() + bytes);
      if (here) {
        fill(at, into);
      } else {
        below.read(at, into);
      }
      into.limit(end);
      at += bytes;
    }
  }

  /** Reads written bytes: a block is written as a whole, up to the disk's end. */
  private void fill(long at, ByteBuffer into) throws IOException {
    for (long from = at; into.hasRemaining(); ) {
      int bytes = file.read(into, from);
      if (bytes < 0) {
        throw new IOException("a temporary file has become shorter");
      }
      from += bytes;
    }
  }

  @Override
  public synchronized void write(long offset, ByteBuffer from) throws IOException {
    complete(offset);
    complete(offset + from.remaining());
    long end = offset + from.remaining();
    for (long at = offset; from.hasRemaining(); ) {
      at += file.write(from, at);
    }
    for (long block = offset >>> BLOCK_BITS; block << BLOCK_BITS < end; block++) {
      mark(block);
    }
  }

  /** Brings the block here that a write cuts at {@code at}. */
  private void complete(long at) throws IOException {
    long block = at >>> BLOCK_BITS;
    if ((at & BLOCK - 1) != 0 && !isWritten(block)) {
      long start = block << BLOCK_BITS;
      ByteBuffer whole = ByteBuffer.allocate((int) Math.min(BLOCK, size() - start));
      below.read(start, whole);
      for (whole.flip(); whole.hasRemaining(); ) {
        file.write(whole, start + whole.position());
      }
      mark(block);
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

  private boolean isWritten(long block) {
    return (written.getOrDefault(block >>> WORD_BITS, 0L) >>> block & 1) != 0;
  }

  private void mark(long block) {
    written.merge(block >>> WORD_BITS, 1L << block, (a, b) -> a | b);
  }

  @Override
  public synchronized void close() throws IOException {
    try (file) {
      below.close();
    }
  }
}
