package org.duvisor.devices;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Guest-physical memory as devices see it (DMA): RAM regions at guest-physical addresses.
 * Everything outside is refused by returning null, never by an exception. Thread-safe once built.
 */
public final class GuestMemory {
  /** One contiguous piece of RAM. */
  public record Region(long base, MemorySegment memory) {}

  private final List<Region> regions;
  private final Consumer<MemorySegment> observer;

  /** Memory made of regions that do not overlap. */
  public GuestMemory(List<Region> regions) {
    this(regions, part -> {});
  }

  /**
   * The same.
   *
   * @param observer told what devices have written, see {@link #written}
   */
  public GuestMemory(List<Region> regions, Consumer<MemorySegment> observer) {
    this.regions = List.copyOf(new ArrayList<>(regions));
    this.observer = observer;
  }

  /** The regions. */
  public List<Region> regions() {
    return regions;
  }

  /**
   * The {@code length} bytes at guest-physical {@code address}, or null when not all of them are
   * RAM of one region.
   */
  public @Nullable MemorySegment slice(long address, long length) {
    for (Region r : regions) {
      long offset = address - r.base;
      if (offset >= 0 && length >= 0 && offset <= r.memory.byteSize() - length) {
        return r.memory.asSlice(offset, length);
      }
    }
    return null;
  }

  /**
   * A device has written to a part of a {@link #slice}, and is going to tell the driver: processors
   * that keep decoded instructions drop those that were there.
   */
  public void written(MemorySegment part) {
    observer.accept(part);
  }
}
