package org.duvisor.machine.mem;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.duvisor.devices.GuestMemory;

/**
 * The RAM and ROM of a machine by physical address. Built before harts run; then read without
 * locks.
 */
public final class PhysicalMemory {
  private static final long PAGE = 4096;

  private final long ramBase;
  private final long ramSize;
  private final long ramHost;
  private final MemorySegment ram;
  private final CodeDirectory code;
  private final Map<Long, MemorySegment> roms = new HashMap<>();

  /** Memory with one RAM region; base and size are multiples of 4 KiB. */
  public PhysicalMemory(long ramBase, long ramSize) {
    this(ramBase, Raw.allocate(ramSize));
  }

  /**
   * Memory whose RAM is a piece of host memory.
   *
   * @param ram native, page-aligned, a multiple of 4 KiB long
   */
  public PhysicalMemory(long ramBase, MemorySegment ram) {
    this.ramBase = ramBase;
    this.ramSize = ram.byteSize();
    this.ram = ram;
    this.ramHost = ram.address();
    this.code = new CodeDirectory(ramHost, ramSize);
  }

  /**
   * Adds a ROM, or gives the one at that place new content; its size is rounded up to whole pages.
   */
  public void writeRom(long base, byte[] content) {
    long size = (content.length + PAGE - 1) & -PAGE;
    MemorySegment old = roms.get(base);
    MemorySegment memory = old != null && old.byteSize() == size ? old : Raw.allocate(size);
    memory.fill((byte) 0);
    MemorySegment.copy(content, 0, memory, ValueLayout.JAVA_BYTE, 0, content.length);
    roms.put(base, memory);
  }

  /** The doubleword at an address of RAM; 0 elsewhere. */
  public long peek(long address) {
    return isRam(address, 8) ? Raw.loadLong(ramHost + (address - ramBase)) : 0;
  }

  /** Whether [address, address + length) is RAM. */
  public boolean isRam(long address, long length) {
    return Long.compareUnsigned(address - ramBase, ramSize - length) <= 0;
  }

  /**
   * Host address of the memory at a physical address, or 0 when it is not memory (or not writable,
   * if asked for).
   *
   * @param length bytes that must lie in the same region, at most 4096
   */
  public long host(long address, int length, boolean write) {
    if (isRam(address, length)) {
      return ramHost + (address - ramBase);
    }
    if (!write) {
      for (Map.Entry<Long, MemorySegment> rom : roms.entrySet()) {
        MemorySegment m = rom.getValue();
        if (Long.compareUnsigned(address - rom.getKey(), m.byteSize() - length) <= 0) {
          return m.address() + (address - rom.getKey());
        }
      }
    }
    return 0;
  }

  /** First physical address of RAM. */
  public long ramBase() {
    return ramBase;
  }

  /** Bytes of RAM. */
  public long ramSize() {
    return ramSize;
  }

  /** RAM as a segment. */
  public MemorySegment ram() {
    return ram;
  }

  /** Who holds code of the RAM. What stores to it past the harts tells this directory. */
  public CodeDirectory code() {
    return code;
  }

  /** RAM as devices see it. */
  public GuestMemory forDevices() {
    return new GuestMemory(List.of(new GuestMemory.Region(ramBase, ram)), code::written);
  }
}
