package org.duvisor.virtio.blk;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The image files that this process has open. Locks of files are of no use inside it: they belong
 * to the whole process, and whoever in it opens such a file for something else, and closes it
 * again, gives the lock away (POSIX, fcntl, F_SETLK).
 */
public final class OpenImages {
  private static final int WRITER = -1;

  /** Readers of each file, or {@link #WRITER}; by what the host knows it by. */
  private static final Map<Object, Integer> USERS = new HashMap<>();

  private OpenImages() {}

  /** Whether a file is an image that a machine of this process has open. */
  public static boolean has(Path file) throws IOException {
    synchronized (USERS) {
      return !USERS.isEmpty() && USERS.containsKey(key(file));
    }
  }

  /** What the host knows a file by, whatever its name; null where hosts have no such thing. */
  static @Nullable Object key(Path file) throws IOException {
    return Files.readAttributes(file, BasicFileAttributes.class).fileKey();
  }

  /** Notes a user of a file; false when another one forbids it. */
  static boolean claim(@Nullable Object key, boolean readOnly) {
    if (key == null) {
      return true; // the lock has to do
    }
    synchronized (USERS) {
      int users = USERS.getOrDefault(key, 0);
      if (users == WRITER || users > 0 && !readOnly) {
        return false;
      }
      USERS.put(key, readOnly ? users + 1 : WRITER);
      return true;
    }
  }

  /** Undoes a claim. */
  static void release(@Nullable Object key) {
    synchronized (USERS) {
      USERS.computeIfPresent(key, (_, users) -> users > 1 ? Integer.valueOf(users - 1) : null);
    }
  }
}
