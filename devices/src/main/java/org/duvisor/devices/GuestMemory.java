package org.duvisor.devices;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Guest-physical memory as devices see it (DMA): RAM regions at guest-physical addresses.
 * Everything outside is refused by returning null, never by an exception. Thread-safe once built.
 */
public final class GuestMemory {
  /** One contiguous piece of RAM. */
  public record Region(long base, MemorySegment memory) {}

  private final List<Region> regions;

  /** Memory made of regions that do not overlap. */
  public GuestMemory(List<Region> regions) {
    this.regions = List.copyOf(new ArrayList<>(regions));
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
}
