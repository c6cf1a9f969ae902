package org.duvisor.devices.images;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.duvisor.devices.GuestMemory;

/** An initial RAM disk: bytes that only the guest's kernel understands. */
public final class Initrd {
  /** Beginnings of what {@link FileKind} says: Linux has more to do with these, or mounts them. */
  private static final List<String> TAKEN =
      List.of("a RAM disk (cpio)", "compressed", "a file system");

  private final Path file;
  private final MemorySegment bytes;

  private Initrd(Path file, MemorySegment bytes) {
    this.file = file;
    this.bytes = bytes;
  }

  /**
   * Opens a file. One that is a single gzip member is inflated here: the guest's kernel would take
   * 35 million instructions for a megabyte. Everything else goes to the guest as it is.
   *
   * @throws ImageException when it cannot be read
   */
  public static Initrd open(Path file) {
    return new Initrd(file, Compression.inflateIfWhole(file, ImageFile.map(file)));
  }

  /**
   * What the file is when Linux, as far as can be told, will not take it for a RAM disk: to follow
   * "is". Compressed content that is not inflated here is not looked into.
   */
  public Optional<String> doubt() {
    ByteBuffer content = ImageFile.view(bytes);
    int first = 0;
    while (first < content.limit() && content.get(first) == 0) {
      first++; // as Linux does before each archive
    }
    Optional<String> kind = FileKind.of(bytes.asSlice(first == content.limit() ? 0 : first));
    boolean fits = kind.isPresent() && TAKEN.stream().anyMatch(kind.get()::startsWith);
    return fits ? Optional.empty() : Optional.of(kind.orElse("of no form that is known"));
  }

  /** Length in bytes of what the guest gets, at least 1. */
  public long bytes() {
    return bytes.byteSize();
  }

  /**
   * Copies it to guest-physical address {@code at}.
   *
   * @throws ImageException when it does not fit there
   */
  public void load(GuestMemory memory, long at) {
    ImageFile.place(file, memory, at, bytes.byteSize()).copyFrom(bytes);
  }
}
