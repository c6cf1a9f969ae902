package org.duvisor.machine.mem;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.duvisor.devices.GuestMemory;

/** The RAM and ROM of a machine by physical address. Built before harts run; then read without locks. */
public final class PhysicalMemory {
  private static final long PAGE = 4096;

  /** A piece of memory; {@code host} is its address in this process. */
  private record Region(long base, long size, long host, boolean writable) {}

  private final long ramBase;
  private final long ramSize;
  private final long ramHost;
  private final MemorySegment ram;
  private final List<Region> roms = new ArrayList<>();

  /** Memory with one RAM region; base and size are multiples of 4 KiB. */
  public PhysicalMemory(long ramBase, long ramSize) {
    this.ramBase = ramBase;
    this.ramSize = ramSize;
    this.ram = Raw.allocate(ramSize);
    this.ramHost = ram.address();
  }

  /** Adds a ROM; its size is rounded up to whole pages. */
  public void addRom(long base, byte[] content) {
    long size = (content.length + PAGE - 1) & -PAGE;
    MemorySegment memory = Raw.allocate(size);
    memory.fill((byte) 0);
    MemorySegment.copy(content, 0, memory, java.lang.foreign.ValueLayout.JAVA_BYTE, 0, content.length);
    roms.add(new Region(base, size, memory.address(), false));
  }

  /** Whether [address, address + length) is RAM. */
  public boolean isRam(long address, long length) {
    return Long.compareUnsigned(address - ramBase, ramSize - length) <= 0;
  }

  /**
   * Host address of the memory at a physical address, or 0 when it is not memory (or not writable, if asked for).
   *
   * @param length bytes that must lie in the same region, at most 4096
   */
  public long host(long address, int length, boolean write) {
    if (isRam(address, length)) {
      return ramHost + (address - ramBase);
    }
    for (Region r : roms) {
      if (!write && Long.compareUnsigned(address - r.base, r.size - length) <= 0) {
        return r.host + (address - r.base);
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

  /** RAM as devices see it. */
  public GuestMemory forDevices() {
    return new GuestMemory(List.of(new GuestMemory.Region(ramBase, ram)));
  }
}
