package org.duvisor.devices.images;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.duvisor.devices.GuestMemory;

/** A user's file in memory, and places for its content in a guest's. */
final class ImageFile {

  /**
   * Files larger than this are a mistake; it also bounds what a compressed ELF file may grow to.
   */
  static final long MAX_BYTES = 1L << 30;

  private ImageFile() {}

  /** The bytes of a file, mapped read-only as long as they are reachable. */
  static MemorySegment map(Path file) {
    if (Files.isDirectory(file)) {
      throw new ImageException(file, "is a directory");
    }
    if (Files.exists(file) && !Files.isRegularFile(file)) {
      throw new ImageException(file, "is not a regular file");
    }
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      long size = channel.size();
      if (size == 0) {
        throw new ImageException(file, "is empty");
      }
      if (size > MAX_BYTES) {
        throw new ImageException(
            file,
            "is too large (" + mebibytes(size) + ", the limit is " + mebibytes(MAX_BYTES) + ")");
      }
      return channel.map(FileChannel.MapMode.READ_ONLY, 0, size, Arena.ofAuto());
    } catch (NoSuchFileException e) {
      throw new ImageException(file, "no such file");
    } catch (AccessDeniedException e) {
      throw new ImageException(file, "permission denied");
    } catch (IOException e) {
      throw new ImageException(file, "cannot be read (" + e.getMessage() + ")");
    }
  }

  /**
   * A little-endian look at a segment. (Its own accessors cost a cold JVM tens of milliseconds.)
   */
  static ByteBuffer view(MemorySegment bytes) {
    return bytes.asByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
  }

  /** The {@code bytes} bytes of RAM at {@code address}, for what {@code file} holds. */
  static MemorySegment place(Path file, GuestMemory memory, long address, long bytes) {
    MemorySegment place = memory.slice(address, bytes);
    if (place == null) {
      throw new ImageException(
          file,
          "needs "
              + mebibytes(bytes)
              + " at 0x"
              + Long.toHexString(address)
              + ", which is not all RAM");
    }
    return place;
  }

  static String mebibytes(long bytes) {
    return (bytes + (1 << 20) - 1 >> 20) + " MiB";
  }
}
