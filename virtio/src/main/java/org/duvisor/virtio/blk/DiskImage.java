package org.duvisor.virtio.blk;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.FileSystemException;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Optional;

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
   * Opens an image.
   *
   * @param format empty to go by the file's name
   * @param readOnly refuses writes; a qcow2 image can only be opened so
   * @param anyBacking whether backing files may lie outside of their image's folder
   * @throws IOException with one line for the user
   */
  public static BlockBackend open(
      Path file, Optional<Format> format, boolean readOnly, boolean anyBacking) throws IOException {
    if (format.orElseGet(() -> Format.of(file)) == Format.qcow2 && !readOnly) {
      throw new IOException(
          "disk image "
              + file
              + ": a qcow2 image is not written to; add ,ro or ,snapshot (writes are forgotten)");
    }
    return open(file, format, readOnly, anyBacking, 1);
  }

  private static BlockBackend open(
      Path file, Optional<Format> format, boolean readOnly, boolean anyBacking, int depth)
      throws IOException {
    RawFile raw = RawFile.open(file, readOnly);
    try {
      ByteBuffer head = ByteBuffer.allocate((int) Math.min(Qcow2Header.HEAD_BYTES, raw.length()));
      raw.read(0, head);
      head.flip();
      if (format.orElseGet(() -> Format.of(file)) == Format.qcow2) {
        return qcow2(file, raw, head, anyBacking, depth);
      }
      if (format.isEmpty() && head.limit() >= 4 && head.getInt(0) == Qcow2Header.MAGIC) {
        throw new IOException(
            "disk image "
                + file
                + " has the header of a qcow2 image; say format=qcow2, or format=raw if it is not");
      }
      return raw;
    } catch (IOException | RuntimeException e) {
      raw.close();
      throw e;
    }
  }

  private static BlockBackend qcow2(
      Path file, RawFile raw, ByteBuffer head, boolean anyBacking, int depth) throws IOException {
    Qcow2Header header;
    try {
      header = Qcow2Header.parse(head, raw.length());
    } catch (IOException e) {
      throw new IOException("disk image " + file + " " + e.getMessage(), e);
    }
    Optional<BlockBackend> backing = Optional.empty();
    if (header.backing().isPresent()) {
      if (depth == MAX_DEPTH) {
        throw new IOException(
            "disk image " + file + ": more than " + MAX_DEPTH + " images on top of each other");
      }
      Optional<Format> format = backingFormat(file, header);
      Path below = backingFile(file, header.backing().get(), anyBacking);
      backing = Optional.of(open(below, format, true, anyBacking, depth + 1));
    }
    return new Qcow2File(file, raw, raw.length(), header, backing);
  }

  private static Optional<Format> backingFormat(Path file, Qcow2Header header) throws IOException {
    if (header.backingFormat().isEmpty()) {
      return Optional.empty();
    }
    return switch (header.backingFormat().get()) {
      case "raw" -> Optional.of(Format.raw);
      case "qcow2" -> Optional.of(Format.qcow2);
      default ->
          throw new IOException(
              "disk image " + file + ": its backing file has a format that is not supported");
    };
  }

  /**
   * The file that an image names. Whoever made the image chose the name: outside of the image's own
   * folder it could be any file of the host, for the guest to read.
   */
  private static Path backingFile(Path file, String name, boolean anywhere) throws IOException {
    if (name.startsWith("json:") || name.matches("[a-z0-9+-]+:.*")) {
      throw new IOException("disk image " + file + ": its backing file is no plain file");
    }
    try {
      Path folder = file.toRealPath().getParent();
      Path below = folder.resolve(name).toRealPath();
      if (anywhere || below.startsWith(folder)) {
        return below;
      }
      throw new IOException(
          "disk image "
              + file
              + ": its backing file "
              + below
              + " is not in the same folder; add ,backing=any if you trust the image");
    } catch (InvalidPathException | FileSystemException e) {
      throw new IOException("disk image " + file + ": its backing file is missing", e);
    }
  }
}
