package org.duvisor.virtio.host;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.nio.charset.Charset;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import org.jspecify.annotations.Nullable;

/**
 * A file that was looked up once. What is found out about it is true of what {@link #path} opens
 * later, whatever becomes of its name meanwhile: a descriptor keeps hold of it. Where the host is
 * not Linux, a path without links has to do.
 *
 * <p>Closing one takes no lock of the file away, as closing a file does (fcntl, F_SETLK).
 */
public final class Pinned implements AutoCloseable {
  private static final int EACCES = 13;

  private static final class Calls extends Native {
    private static final MethodHandle OPEN = findVariadic(2, "open", INT, POINTER, INT, INT);
    private static final MethodHandle CLOSE = find("close", INT, INT);

    private int open(Path path) throws Errno {
      try (Arena arena = Arena.ofConfined()) {
        Charset names = Charset.forName(System.getProperty("sun.jnu.encoding"));
        MemorySegment name = arena.allocateFrom(path.toString(), names);
        int flags = O_PATH | O_NOFOLLOW | O_CLOEXEC;
        return (int) check(() -> (int) OPEN.invokeExact(captured, name, flags, 0));
      }
    }

    private void close(int fd) {
      try {
        check(() -> (int) CLOSE.invokeExact(captured, fd));
      } catch (Errno e) {
        // Closed all the same.
      }
    }
  }

  private final @Nullable Calls calls;
  private final int descriptor;
  private final Path path;
  private final Path name;
  private boolean closed;

  private Pinned(@Nullable Calls calls, int descriptor, Path path, Path name) {
    this.calls = calls;
    this.descriptor = descriptor;
    this.path = path;
    this.name = name;
  }

  /**
   * Looks a file up; follows links but for those in some folders.
   *
   * @param what it is and its path, for messages
   * @param folders that guests write to
   * @throws IOException with one line for the user
   */
  public static Pinned open(String what, Path given, Collection<Path> folders) throws IOException {
    Path name = Links.resolve(what, given, folders);
    if (!Native.isLinux()) {
      return new Pinned(null, -1, name, name);
    }
    Calls calls = new Calls();
    try {
      int descriptor = calls.open(name);
      Pinned pinned = new Pinned(calls, descriptor, Path.of("/proc/self/fd/" + descriptor), name);
      if (!pinned.name().equals(name)) {
        pinned.close();
        throw new IOException(what + ": it was exchanged while it was opened");
      }
      return pinned;
    } catch (Errno e) {
      throw e.number() == EACCES
          ? new AccessDeniedException(what)
          : new IOException(what + ": it cannot be opened (error " + e.number() + ")", e);
    }
  }

  /** A path that opens this very file. */
  public Path path() {
    return path;
  }

  /** Where the file is now, by a path without links. */
  public Path name() throws IOException {
    return calls == null ? name : Files.readSymbolicLink(path);
  }

  @Override
  public synchronized void close() {
    if (!closed && calls != null) {
      calls.close(descriptor);
    }
    closed = true;
  }
}
