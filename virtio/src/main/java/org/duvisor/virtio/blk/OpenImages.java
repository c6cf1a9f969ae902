package org.duvisor.virtio.blk;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import org.duvisor.virtio.host.Pinned;

/**
 * The image files that this process has open, each once for all who read it. Locks of files are of
 * no use inside it: they belong to the whole process, and whoever in it opens such a file once
 * more, and closes it again, gives the lock away (POSIX, fcntl, F_SETLK).
 */
public final class OpenImages {
  private static final Map<Object, SharedFile> OPEN = new HashMap<>();

  private OpenImages() {}

  /** Whether there are any. */
  public static boolean any() {
    synchronized (OPEN) {
      return !OPEN.isEmpty();
    }
  }

  /** Whether a file is an image that a machine of this process has open. */
  public static boolean has(Path file) throws IOException {
    synchronized (OPEN) {
      return !OPEN.isEmpty() && OPEN.containsKey(key(file));
    }
  }

  /** Whether a folder, by its path without links, is on the way to such an image. */
  public static boolean isAbove(Path folder) throws IOException {
    synchronized (OPEN) {
      for (SharedFile image : OPEN.values()) {
        if (image.pinned().name().startsWith(folder)) {
          return true;
        }
      }
      return false;
    }
  }

  /** What the host knows a file by, whatever its name. */
  private static Object key(Path file) throws IOException {
    Object key = Files.readAttributes(file, BasicFileAttributes.class).fileKey();
    return Objects.requireNonNullElse(key, file); // hosts without such a thing
  }

  /** Opens an image, which takes {@code pinned} over, or joins those who read it already. */
  static SharedFile open(Pinned pinned, boolean readOnly) throws IOException {
    synchronized (OPEN) {
      Object key = key(pinned.path());
      SharedFile image = OPEN.get(key);
      if (image == null) {
        image = new SharedFile(key, pinned, readOnly);
        OPEN.put(key, image);
      } else if (readOnly && image.readOnly()) {
        image.join();
        pinned.close();
      } else {
        throw new IOException(
            "disk image "
                + pinned.name()
                + " is in use by another disk or machine of this process");
      }
      return image;
    }
  }

  /** One user less; the last one closes it. */
  static void release(SharedFile image) throws IOException {
    synchronized (OPEN) {
      if (image.leave()) {
        OPEN.remove(image.key());
        image.close();
      }
    }
  }
}
