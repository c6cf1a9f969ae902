package org.duvisor.virtio.blk;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A raw image: byte n of the file is byte n of the disk. Holes stay holes until written.
 *
 * <p>A file whose length is no multiple of 512 appears with its last sector filled up with zeros;
 * writing that sector makes the file longer, to the whole sector. A file that has become shorter
 * than it was when opened reads as an error, not as zeros. Discarding is a hint that this back end
 * does not follow: Java has no call to punch a hole.
 *
 * <p>The file is locked: exclusively when writable, so that two machines cannot destroy each
 * other's file systems. Of several readers in one process the first that closes takes the lock of
 * all with it.
 */
public final class RawFile implements BlockBackend {
  private static final int ZEROS = 1 << 16;

  private final Path path;
  private final boolean readOnly;
  private final @Nullable Object key;
  private final long length;
  private final long size;
  private final ByteBuffer zeros = ByteBuffer.allocateDirect(ZEROS).asReadOnlyBuffer();
  private FileChannel channel;
  private boolean closed;

  /** A step that a thread's interrupt may have cut short, to be done again from its beginning. */
  @FunctionalInterface
  private interface Step {
    void run(FileChannel channel) throws IOException;
  }

  private RawFile(Path path, boolean readOnly, @Nullable Object key, FileChannel channel)
      throws IOException {
    this.path = path;
    this.readOnly = readOnly;
    this.key = key;
    this.channel = channel;
    this.length = channel.size();
    this.size = Math.ceilDiv(length, (long) Blk.SECTOR) * Blk.SECTOR;
  }

  /**
   * Opens an image.
   *
   * @throws IOException with one line for the user when the file is missing, not readable or
   *     writable, or in use
   */
  public static RawFile open(Path path, boolean readOnly) throws IOException {
    if (!Files.exists(path)) {
      throw new NoSuchFileException("disk image " + path + ": no such file");
    }
    if (!Files.isRegularFile(path)) {
      throw new IOException("disk image " + path + ": not a regular file");
    }
    Object key = OpenImages.key(path);
    if (!OpenImages.claim(key, readOnly)) {
      throw inUse(path);
    }
    try {
      FileChannel channel = openChannel(path, readOnly);
      try {
        return new RawFile(path, readOnly, key, channel);
      } catch (IOException | RuntimeException e) {
        channel.close();
        throw e;
      }
    } catch (IOException | RuntimeException e) {
      OpenImages.release(key);
      throw e;
    }
  }

  private static IOException inUse(Path path) {
    return new IOException("disk image " + path + " is in use by another machine");
  }

  private static FileChannel openChannel(Path path, boolean readOnly) throws IOException {
    Set<? extends OpenOption> options =
        readOnly
            ? Set.of(StandardOpenOption.READ)
            : Set.of(StandardOpenOption.READ, StandardOpenOption.WRITE);
    FileChannel channel;
    try {
      channel = FileChannel.open(path, options);
    } catch (AccessDeniedException e) {
      String fix =
          readOnly
              ? "cannot be read"
              : "cannot be written; open it read-only or change its permissions";
      throw new IOException("disk image " + path + " " + fix, e);
    }
    if (!lock(channel, readOnly)) {
      channel.close();
      throw inUse(path);
    }
    return channel;
  }

  private static boolean lock(FileChannel channel, boolean shared) {
    try {
      FileLock lock = channel.tryLock(0, Long.MAX_VALUE, shared);
      return lock != null;
    } catch (OverlappingFileLockException e) {
      return shared; // another reader of this process has it
    } catch (IOException e) {
      return true; // a file system without locks
    }
  }

  @Override
  public long size() {
    return size;
  }

  /** Length of the file in bytes when it was opened, not rounded to sectors. */
  long length() {
    return length;
  }

  @Override
  public boolean readOnly() {
    return readOnly;
  }

  @Override
  public synchronized void read(long offset, ByteBuffer into) throws IOException {
    int start = into.position();
    perform(
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
    perform(
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
    perform(
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
    perform(
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
    if (!readOnly) {
      perform(file -> file.force(false));
    }
  }

  /**
   * An interrupt of the calling thread closes a file channel for everyone; open it again and
   * repeat.
   */
  private void perform(Step step) throws IOException {
    boolean interrupted = false;
    try {
      while (true) {
        try {
          step.run(channel);
          return;
        } catch (ClosedByInterruptException e) {
          interrupted |= Thread.interrupted();
          if (closed) {
            throw e;
          }
          channel = openChannel(path, readOnly);
        }
      }
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  @Override
  public synchronized void close() throws IOException {
    if (!closed) {
      closed = true;
      OpenImages.release(key);
      channel.close();
    }
  }
}
