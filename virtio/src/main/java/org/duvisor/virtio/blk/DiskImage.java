package org.duvisor.virtio.blk;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import org.duvisor.virtio.host.Pinned;

/**
 * Opens disk images by format.
 *
 * <p>Nothing is guessed from content: a guest that owns a raw disk can write any header to it, and
 * the next start would read what that header names. The format is what the user or the image above
 * says, otherwise it follows from the file's name; a file whose content says something else is
 * refused.
 */
public final class DiskImage {
  /** How bytes of a disk are kept in a file. */
  public enum Format {
    /** As they are. */
    raw,
    /** QEMU's copy-on-write format. */
    qcow2;

    /** What the file's name says. */
    static Format of(Path file) {
      String name = String.valueOf(file.getFileName());
      return name.endsWith(".qcow2") || name.endsWith(".qcow") ? qcow2 : raw;
    }
  }

  /** Images on top of each other; more are a mistake, or a circle. */
  private static final int MAX_DEPTH = 16;

  private DiskImage() {}

  /**
   * Opens an image; follows every link to it.
   *
   * @see #open(Path, Optional, boolean, boolean, Collection)
   */
  public static BlockBackend open(
      Path file, Optional<Format> format, boolean readOnly, boolean anyBacking) throws IOException {
    return open(file, format, readOnly, anyBacking, List.of());
  }

  /**
   * Opens an image.
   *
   * @param format empty to go by the file's name
   * @param readOnly refuses writes
   * @param anyBacking whether backing files may lie outside of their image's folder
   * @param folders that guests write to, in which no link is followed
   * @throws IOException with one line for the user
   */
  public static BlockBackend open(
      Path file,
      Optional<Format> format,
      boolean readOnly,
      boolean anyBacking,
      Collection<Path> folders)
      throws IOException {
    Pinned pinned = Pinned.open("disk image " + file, file, folders);
    return new Chain(anyBacking, folders).open(file, pinned, format, readOnly, 1);
  }

  /**
   * Images on top of each other.
   *
   * @param anyBacking whether backing files may lie outside of their image's folder
   * @param folders that guests write to
   */
  private record Chain(boolean anyBacking, Collection<Path> folders) {
    BlockBackend open(
        Path file, Pinned pinned, Optional<Format> format, boolean readOnly, int depth)
        throws IOException {
      RawFile raw = RawFile.open(file, pinned, readOnly);
      try {
        ByteBuffer head = ByteBuffer.allocate((int) Math.min(Qcow2Header.HEAD_BYTES, raw.length()));
        raw.read(0, head);
        head.flip();
        if (format.orElseGet(() -> Format.of(file)) == Format.qcow2) {
          return qcow2(file, raw, head, depth);
        }
        if (format.isEmpty()) {
          Signature.refuse(file, head);
        }
        return raw;
      } catch (IOException | RuntimeException e) {
        raw.close();
        throw e;
      }
    }

    private BlockBackend qcow2(Path file, RawFile raw, ByteBuffer head, int depth)
        throws IOException {
      Qcow2Header header;
      Optional<Qcow2Header.Writing> writing = Optional.empty();
      try {
        header = Qcow2Header.parse(head, raw.length());
        if (!raw.readOnly()) {
          writing = Optional.of(header.writing(head, raw.length()));
        }
      } catch (IOException e) {
        throw new IOException("disk image " + file + " " + e.getMessage(), e);
      }
      Optional<BlockBackend> backing = Optional.empty();
      if (header.backing().isPresent()) {
        if (depth == MAX_DEPTH) {
          throw new IOException(
              "disk image " + file + ": more than " + MAX_DEPTH + " images on top of each other");
        }
        String name = header.backing().get();
        Format format = backingFormat(file, name, header);
        Pinned below = backingFile(file, raw.name().getParent(), name);
        backing = Optional.of(open(below.name(), below, Optional.of(format), true, depth + 1));
      }
      try {
        return new Qcow2File(file, raw, raw.length(), header, backing, writing);
      } catch (IOException | RuntimeException e) {
        if (backing.isPresent()) {
          backing.get().close();
        }
        throw e;
      }
    }

    /**
     * The file that an image names. Whoever made the image chose the name: outside of the image's
     * own folder it could be any file of the host, for the guest to read.
     */
    private Pinned backingFile(Path file, Path folder, String name) throws IOException {
      if (name.startsWith("json:") || name.matches("[a-z0-9+-]+:.*")) {
        throw new IOException("disk image " + file + ": its backing file is no plain file");
      }
      Pinned below;
      try {
        below =
            Pinned.open(
                "disk image " + file + ": backing file " + name, folder.resolve(name), folders);
      } catch (InvalidPathException | NoSuchFileException e) {
        throw new IOException("disk image " + file + ": its backing file is missing", e);
      }
      if (!anyBacking && !folder.equals(below.name().getParent())) {
        below.close();
        throw new IOException(
            "disk image "
                + file
                + ": its backing file "
                + name
                + " is not in the same folder; add ,backing=any if you trust the image");
      }
      return below;
    }
  }

  /**
   * The format of a backing file: nothing is taken as raw that is not said to be. Any file of the
   * host is a raw image, for a guest to read.
   */
  private static Format backingFormat(Path file, String name, Qcow2Header header)
      throws IOException {
    String format = header.backingFormat().orElseGet(() -> name.endsWith(".qcow2") ? "qcow2" : "");
    return switch (format) {
      case "raw" -> Format.raw;
      case "qcow2" -> Format.qcow2;
      case "" ->
          throw new IOException(
              "disk image "
                  + file
                  + " does not say which format its backing file has; if that is raw, write it"
                  + " down: qemu-img rebase -u -F raw -b "
                  + name
                  + " "
                  + file);
      default ->
          throw new IOException(
              "disk image " + file + ": its backing file has a format that is not supported");
    };
  }
}
