package org.duvisor.virtio.blk;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.duvisor.virtio.host.Pinned;

/**
 * A raw image: byte n of the file is byte n of the disk. Holes stay holes until written.
 *
 * <p>A file whose length is no multiple of 512 appears with its last sector filled up with zeros;
 * writing that sector makes the file longer, to the whole sector. A file that has become shorter
 * than it was when opened reads as an error, not as zeros. Discarding is a hint that this back end
 * does not follow: Java has no call to punch a hole.
 *
 * <p>The file is locked: exclusively when writable, so that two machines cannot destroy each
 * other's file systems.
 */
public final class RawFile implements BlockBackend {
  private static final int ZEROS = 1 << 16;

  private final Path path;
  private final SharedFile shared;
  private final long length;
  private final long size;
  private final ByteBuffer zeros = ByteBuffer.allocateDirect(ZEROS).asReadOnlyBuffer();
  private boolean closed;

  private RawFile(Path path, SharedFile shared) throws IOException {
    this.path = path;
    this.shared = shared;
    this.length = shared.size();
    this.size = Math.ceilDiv(length, (long) Blk.SECTOR) * Blk.SECTOR;
  }

  /**
   * Opens an image.
   *
   * @throws IOException with one line for the user when the file is missing, not readable or
   *     writable, or in use
   */
  public static RawFile open(Path path, boolean readOnly) throws IOException {
    return open(path, Pinned.open("disk image " + path, path, List.of()), readOnly);
  }

  /** The same with a file that was looked up, which is not the caller's any more. */
  static RawFile open(Path path, Pinned pinned, boolean readOnly) throws IOException {
    SharedFile shared;
    try {
      if (!Files.isRegularFile(pinned.path())) {
        throw new IOException("disk image " + path + ": not a regular file");
      }
      shared = OpenImages.open(pinned, readOnly);
    } catch (IOException | RuntimeException e) {
      pinned.close();
      throw e;
    }
    try {
      return new RawFile(path, shared);
    } catch (IOException | RuntimeException e) {
      OpenImages.release(shared);
      throw e;
    }
  }

  @Override
  public long size() {
    return size;
  }

  /** Where the file is, by a path without links. */
  Path name() throws IOException {
    return shared.pinned().name();
  }

  /** Length of the file in bytes when it was opened, not rounded to sectors. */
  long length() {
    return length;
  }

  @Override
  public boolean readOnly() {
    return shared.readOnly();
  }

  @Override
  public synchronized void read(long offset, ByteBuffer into) throws IOException {
    int start = into.position();
    shared.perform(
        file -> {
          into.position(start);
          while (into.hasRemaining()) {
            long at = offset + into.position() - start;
            if (file.read(into, at) < 0) {
              if (at < length) {
                throw new EOFException(path + " has become shorter");
              }
              into.put(zeros.duplicate().limit(Math.min(ZEROS, into.remaining())));
            }
          }
        });
  }

  @Override
  public synchronized void write(long offset, ByteBuffer from) throws IOException {
    int start = from.position();
    shared.perform(
        file -> {
          from.position(start);
          while (from.hasRemaining()) {
            file.write(from, offset + from.position() - start);
          }
        });
  }

  /** Two system calls for all buffers: Java has none that scatters from a place of its own. */
  @Override
  public synchronized void read(long offset, ByteBuffer[] into) throws IOException {
    long bytes = remaining(into);
    if (into.length < 3 || offset + bytes > length) {
      BlockBackend.super.read(offset, into); // fewer calls, or a last sector that is filled up
      return;
    }
    transfer(
        offset,
        into,
        bytes,
        file -> {
          long n = file.read(into);
          if (n < 0) {
            throw new EOFException(path + " has become shorter");
          }
          return n;
        });
  }

  @Override
  public synchronized void write(long offset, ByteBuffer[] from) throws IOException {
    if (from.length < 3) {
      BlockBackend.super.write(offset, from);
      return;
    }
    transfer(offset, from, remaining(from), file -> file.write(from));
  }

  /** What a file's channel does at its own position; how many bytes. */
  @FunctionalInterface
  private interface Vector {
    long run(FileChannel channel) throws IOException;
  }

  private void transfer(long offset, ByteBuffer[] buffers, long bytes, Vector vector)
      throws IOException {
    for (ByteBuffer b : buffers) {
      b.mark();
    }
    shared.perform(
        file -> {
          for (ByteBuffer b : buffers) {
            b.reset();
          }
          file.position(offset);
          for (long done = 0; done < bytes; ) {
            done += vector.run(file);
          }
        });
  }

  private static long remaining(ByteBuffer[] buffers) {
    long bytes = 0;
    for (ByteBuffer b : buffers) {
      bytes += b.remaining();
    }
    return bytes;
  }

  @Override
  public synchronized void zero(long offset, long length) throws IOException {
    shared.perform(
        file -> {
          for (long done = 0; done < length; ) {
            ByteBuffer piece = zeros.duplicate().limit((int) Math.min(ZEROS, length - done));
            done += file.write(piece, offset + done);
          }
        });
  }

  @Override
  public void discard(long offset, long length) {}

  @Override
  public synchronized void flush() throws IOException {
    if (!readOnly()) {
      shared.perform(file -> file.force(false));
    }
  }

  @Override
  public synchronized void close() throws IOException {
    if (!closed) {
      closed = true;
      OpenImages.release(shared);
    }
  }
}
