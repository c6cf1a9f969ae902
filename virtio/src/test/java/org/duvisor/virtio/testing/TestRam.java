package org.duvisor.virtio.testing;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.List;
import org.duvisor.devices.GuestMemory;

/** A piece of guest RAM between two walls of known bytes, with an allocator that never frees. */
public final class TestRam {
  /** Guest-physical address of the first byte. */
  public static final long BASE = 0x8000_0000L;

  private static final int WALL = 4096;
  private static final byte BRICK = (byte) 0xa5;
  private static final ValueLayout.OfShort U16 =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt U32 =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong U64 =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final MemorySegment all;
  private final MemorySegment ram;
  private final GuestMemory memory;
  private long free;

  /** RAM of {@code size} bytes. */
  public TestRam(long size) {
    all = Arena.ofAuto().allocate(size + 2 * WALL, 4096);
    all.fill(BRICK);
    ram = all.asSlice(WALL, size);
    ram.fill((byte) 0);
    memory = new GuestMemory(List.of(new GuestMemory.Region(BASE, ram)));
  }

  /** As devices see it. */
  public GuestMemory memory() {
    return memory;
  }

  /** The bytes. */
  public MemorySegment segment() {
    return ram;
  }

  /** Whether nobody wrote before or behind the RAM. */
  public boolean wallsStand() {
    MemorySegment wall = MemorySegment.ofArray(new byte[WALL]);
    wall.fill(BRICK);
    return all.asSlice(0, WALL).mismatch(wall) < 0
        && all.asSlice(all.byteSize() - WALL, WALL).mismatch(wall) < 0;
  }

  /** Address of {@code length} fresh bytes, aligned to 16. */
  public long allocate(long length) {
    long at = free;
    free = free + length + 15 & -16L;
    if (free > ram.byteSize()) {
      throw new IllegalStateException("test RAM is used up");
    }
    return BASE + at;
  }

  /** Address of a copy of {@code bytes}. */
  public long allocate(byte[] bytes) {
    long address = allocate(bytes.length);
    MemorySegment.copy(bytes, 0, ram, ValueLayout.JAVA_BYTE, address - BASE, bytes.length);
    return address;
  }

  /** A copy of bytes. */
  public byte[] bytes(long address, int length) {
    return ram.asSlice(address - BASE, length).toArray(ValueLayout.JAVA_BYTE);
  }

  /** Reads 16 bits. */
  public int get16(long address) {
    return ram.get(U16, address - BASE) & 0xffff;
  }

  /** Writes 16 bits. */
  public void set16(long address, int value) {
    ram.set(U16, address - BASE, (short) value);
  }

  /** Reads 32 bits. */
  public int get32(long address) {
    return ram.get(U32, address - BASE);
  }

  /** Writes 32 bits. */
  public void set32(long address, int value) {
    ram.set(U32, address - BASE, value);
  }

  /** Writes 64 bits. */
  public void set64(long address, long value) {
    ram.set(U64, address - BASE, value);
  }
}
