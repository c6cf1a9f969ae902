package org.duvisor.virtio.blk;

import java.io.IOException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.AccessDeniedException;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Set;
import org.duvisor.virtio.host.Pinned;

/** An image file with its lock and all who use it. {@link OpenImages} makes and ends it. */
final class SharedFile {
  private final Object key;
  private final Pinned pinned;
  private final boolean readOnly;
  private FileChannel channel;
  private int users = 1;
  private boolean closed;

  /** A step that a thread's interrupt may have cut short, to be done again from its beginning. */
  @FunctionalInterface
  interface Step {
    void run(FileChannel channel) throws IOException;
  }

  SharedFile(Object key, Pinned pinned, boolean readOnly) throws IOException {
    this.key = key;
    this.pinned = pinned;
    this.readOnly = readOnly;
    this.channel = openChannel();
  }

  Object key() {
    return key;
  }

  Pinned pinned() {
    return pinned;
  }

  boolean readOnly() {
    return readOnly;
  }

  void join() {
    users++;
  }

  /** Whether that was the last user. */
  boolean leave() {
    users--;
    return users == 0;
  }

  private static IOException inUse(Path name) {
    return new IOException("disk image " + name + " is in use by another machine");
  }

  private FileChannel openChannel() throws IOException {
    Set<? extends OpenOption> options =
        readOnly
            ? Set.of(StandardOpenOption.READ)
            : Set.of(StandardOpenOption.READ, StandardOpenOption.WRITE);
    FileChannel opened;
    try {
      opened = FileChannel.open(pinned.path(), options);
    } catch (AccessDeniedException e) {
      String fix =
          readOnly
              ? "cannot be read"
              : "cannot be written; open it read-only or change its permissions";
      throw new IOException("disk image " + pinned.name() + " " + fix, e);
    }
    if (!lock(opened)) {
      opened.close();
      throw inUse(pinned.name());
    }
    return opened;
  }

  private boolean lock(FileChannel opened) {
    try {
      FileLock lock = opened.tryLock(0, Long.MAX_VALUE, readOnly);
      return lock != null;
    } catch (OverlappingFileLockException e) {
      return false;
    } catch (IOException e) {
      return true; // a file system without locks
    }
  }

  synchronized long size() throws IOException {
    return channel.size();
  }

  /**
   * Does a step, alone. An interrupt of the calling thread closes a file channel for everyone: open
   * it again and repeat.
   */
  synchronized void perform(Step step) throws IOException {
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
          channel = openChannel();
        }
      }
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  synchronized void close() throws IOException {
    closed = true;
    try (pinned) {
      channel.close();
    }
  }
}
