package org.duvisor.devices.images;

import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import org.duvisor.devices.GuestMemory;

/** An initial RAM disk: bytes that only the guest's kernel understands. */
public final class Initrd {
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
