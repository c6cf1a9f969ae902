package org.duvisor.platform.sim;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.duvisor.machine.mem.PhysicalMemory;
import org.duvisor.platform.DvException;

/**
 * The page-frame allocator: first fit over free extents. What it hands out is zero: fresh memory
 * is, and memory that was handed out before is zeroed first (the original handed out old contents,
 * D-4). Not when it comes back: that would touch what its owner never did.
 */
final class Frames {
  private final PhysicalMemory memory;
  private final TreeMap<Long, Long> free = new TreeMap<>(); // address to length
  private long fresh; // memory from here on was never handed out

  Frames(PhysicalMemory memory) {
    this.memory = memory;
    free.put(memory.ramBase(), memory.ramSize());
    fresh = memory.ramBase();
  }

  /** Physical address of {@code bytes} free, zeroed, aligned bytes. */
  synchronized long allocate(long bytes, long alignment) {
    for (Map.Entry<Long, Long> extent : List.copyOf(free.entrySet())) {
      long start = (extent.getKey() + alignment - 1) & -alignment;
      long end = extent.getKey() + extent.getValue();
      if (end - start >= bytes) {
        long head = extent.getKey();
        free.remove(head);
        if (start > head) {
          free.put(head, start - head);
        }
        if (end > start + bytes) {
          free.put(start + bytes, end - start - bytes);
        }
        if (start < fresh) {
          MemorySegment used = segment(start, Math.min(bytes, fresh - start));
          used.fill((byte) 0);
          memory.code().written(used);
        }
        fresh = Math.max(fresh, start + bytes);
        return start;
      }
    }
    throw new DvException(
        DvException.Reason.NO_MEMORY, "the host has no " + (bytes >> 20) + " MiB of free memory");
  }

  synchronized void release(long address, long bytes) {
    long start = address;
    long length = bytes;
    Map.Entry<Long, Long> before = free.lowerEntry(start);
    if (before != null && before.getKey() + before.getValue() == start) {
      start = before.getKey();
      length += before.getValue();
      free.remove(start);
    }
    Long after = free.remove(address + bytes);
    free.put(start, after == null ? length : length + after);
  }

  MemorySegment segment(long address, long bytes) {
    return memory.ram().asSlice(address - memory.ramBase(), bytes);
  }

  /** Free bytes, for tests of leaks. */
  synchronized long freeBytes() {
    return free.values().stream().mapToLong(Long::longValue).sum();
  }
}
