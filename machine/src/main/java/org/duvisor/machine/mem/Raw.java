package org.duvisor.machine.mem;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.internal.misc.Unsafe;

/**
 * Raw host memory, the machine's only user of {@code jdk.internal.misc} (25 to 55 % faster than
 * memory segments on this path, docs/performance.md). Loads and stores are opaque: HotSpot may
 * neither merge nor invent them, which RVWMO's same-address rule needs. No bounds are checked here;
 * callers have translated the address.
 */
public final class Raw {
  /** For generated code, which calls it without a method in between. */
  public static final Unsafe UNSAFE = Unsafe.getUnsafe();

  private static final Unsafe U = UNSAFE;

  static {
    if (ByteOrder.nativeOrder() != ByteOrder.LITTLE_ENDIAN) {
      throw new UnsupportedOperationException(
          "guest memory is little-endian and so must be this computer");
    }
  }

  private Raw() {}

  /**
   * Above this the C library maps fresh zero pages, so that only what is touched costs memory.
   * Below, it may hand out what somebody in this process freed: glibc's threshold adapts up to 32
   * MiB.
   */
  private static final long ALWAYS_FRESH = 64 << 20;

  /**
   * Reserves memory, all zero. It is given back some time after the segment has become unreachable.
   */
  @SuppressWarnings("restricted") // the block is ours, and this long
  public static MemorySegment allocate(long bytes) {
    long address = U.allocateMemory(bytes + 4096);
    long aligned = (address + 4095) & -4096L;
    if (bytes < ALWAYS_FRESH) {
      U.setMemory(aligned, bytes, (byte) 0);
    }
    return MemorySegment.ofAddress(aligned)
        .reinterpret(bytes, Arena.ofAuto(), s -> U.freeMemory(address));
  }

  /** A doubleword that one thread has for itself: HotSpot may keep it in a register. */
  public static long word(long address) {
    return U.getLong(null, address);
  }

  /** Sets a doubleword that one thread has for itself. */
  public static void word(long address, long value) {
    U.putLong(null, address, value);
  }

  /** A doubleword that other threads write, ordered as volatile variables are. */
  public static long getVolatile(long address) {
    return U.getLongVolatile(null, address);
  }

  /** Sets such a doubleword. */
  public static void setVolatile(long address, long value) {
    U.putLongVolatile(null, address, value);
  }

  /** Sign-extended byte. */
  public static long loadByte(long address) {
    return U.getByteOpaque(null, address);
  }

  /** Sign-extended halfword; any alignment. */
  public static long loadShort(long address) {
    return (address & 1) == 0
        ? U.getShortOpaque(null, address)
        : U.getShortUnaligned(null, address);
  }

  /** Sign-extended word; any alignment. */
  public static long loadInt(long address) {
    return (address & 3) == 0 ? U.getIntOpaque(null, address) : U.getIntUnaligned(null, address);
  }

  /** Doubleword; any alignment. */
  public static long loadLong(long address) {
    return (address & 7) == 0 ? U.getLongOpaque(null, address) : U.getLongUnaligned(null, address);
  }

  /** Naturally aligned halfword, sign-extended. */
  public static long loadAlignedShort(long address) {
    return U.getShortOpaque(null, address);
  }

  /** Naturally aligned word, sign-extended. */
  public static long loadAlignedInt(long address) {
    return U.getIntOpaque(null, address);
  }

  /** Naturally aligned doubleword. */
  public static long loadAlignedLong(long address) {
    return U.getLongOpaque(null, address);
  }

  /** Stores a byte. */
  public static void storeByte(long address, long value) {
    U.putByte(null, address, (byte) value);
  }

  /** Stores a halfword; any alignment. */
  public static void storeShort(long address, long value) {
    if ((address & 1) == 0) {
      U.putShortOpaque(null, address, (short) value);
    } else {
      U.putShortUnaligned(null, address, (short) value);
    }
  }

  /** Stores a word; any alignment. */
  public static void storeInt(long address, long value) {
    if ((address & 3) == 0) {
      U.putIntOpaque(null, address, (int) value);
    } else {
      U.putIntUnaligned(null, address, (int) value);
    }
  }

  /** Stores a doubleword; any alignment. */
  public static void storeLong(long address, long value) {
    if ((address & 7) == 0) {
      U.putLongOpaque(null, address, value);
    } else {
      U.putLongUnaligned(null, address, value);
    }
  }

  // Guest stores are plain: HotSpot never tears or invents one, keeps the order of all accesses to
  // raw memory in which one may be a store, and what it may do, drop a store that the next one to
  // the same address replaces, RVWMO allows. C1 makes a volatile store of an opaque one.

  /** Stores a naturally aligned halfword. */
  public static void storeAlignedShort(long address, long value) {
    U.putShort(null, address, (short) value);
  }

  /** Stores a naturally aligned word. */
  public static void storeAlignedInt(long address, long value) {
    U.putInt(null, address, (int) value);
  }

  /** Stores a naturally aligned doubleword. */
  public static void storeAlignedLong(long address, long value) {
    U.putLong(null, address, value);
  }

  /** Atomically replaces a word when it holds {@code expected}; sequentially consistent. */
  public static boolean compareAndSetInt(long address, int expected, int value) {
    return U.compareAndSetInt(null, address, expected, value);
  }

  /** Atomically replaces a doubleword when it holds {@code expected}; sequentially consistent. */
  public static boolean compareAndSetLong(long address, long expected, long value) {
    return U.compareAndSetLong(null, address, expected, value);
  }

  /** Atomic swap of a word; returns the old value. */
  public static int getAndSetInt(long address, int value) {
    return U.getAndSetInt(null, address, value);
  }

  /** Atomic swap of a doubleword. */
  public static long getAndSetLong(long address, long value) {
    return U.getAndSetLong(null, address, value);
  }

  /** Atomic addition to a word. */
  public static int getAndAddInt(long address, int value) {
    return U.getAndAddInt(null, address, value);
  }

  /** Atomic addition to a doubleword. */
  public static long getAndAddLong(long address, long value) {
    return U.getAndAddLong(null, address, value);
  }

  /** Atomically replaces a byte when it holds {@code expected}. */
  public static boolean compareAndSetByte(long address, byte expected, byte value) {
    return U.compareAndSetByte(null, address, expected, value);
  }

  /** Atomic swap of a byte. */
  public static byte getAndSetByte(long address, byte value) {
    return U.getAndSetByte(null, address, value);
  }

  /** Atomic addition to a byte. */
  public static byte getAndAddByte(long address, byte value) {
    return U.getAndAddByte(null, address, value);
  }

  /** Atomically replaces an aligned halfword when it holds {@code expected}. */
  public static boolean compareAndSetShort(long address, short expected, short value) {
    return U.compareAndSetShort(null, address, expected, value);
  }

  /** Atomic swap of a halfword. */
  public static short getAndSetShort(long address, short value) {
    return U.getAndSetShort(null, address, value);
  }

  /** Atomic addition to a halfword. */
  public static short getAndAddShort(long address, short value) {
    return U.getAndAddShort(null, address, value);
  }

  /** Atomically replaces a word when it holds {@code expected}; returns what it held. */
  public static int compareAndExchangeInt(long address, int expected, int value) {
    return U.compareAndExchangeInt(null, address, expected, value);
  }

  /** Atomically replaces a doubleword when it holds {@code expected}; returns what it held. */
  public static long compareAndExchangeLong(long address, long expected, long value) {
    return U.compareAndExchangeLong(null, address, expected, value);
  }

  /** Copies {@code length} bytes of host memory into an array. */
  public static void copyTo(long address, byte[] target, int length) {
    U.copyMemory(null, address, target, Unsafe.ARRAY_BYTE_BASE_OFFSET, length);
  }

  /** Whether {@code length} bytes (a multiple of 8) equal the array's first ones. */
  public static boolean equal(long address, byte[] expected, int length) {
    for (int i = 0; i < length; i += 8) {
      if (U.getLong(null, address + i)
          != U.getLong(expected, Unsafe.ARRAY_BYTE_BASE_OFFSET + (long) i)) {
        return false;
      }
    }
    return true;
  }

  /** A doubleword of this process's own data, which no guest and no other thread writes. */
  public static long plainLong(long address) {
    return U.getLong(null, address);
  }

  /** Sets a doubleword of this process's own data. */
  public static void plainLong(long address, long value) {
    U.putLong(null, address, value);
  }

  /** Zeroes host memory. */
  public static void zero(long address, long length) {
    U.setMemory(address, length, (byte) 0);
  }

  /** Orders all earlier accesses before all later ones. */
  public static void fullFence() {
    U.fullFence();
  }

  /** Orders earlier loads before later loads and stores. */
  public static void loadFence() {
    U.loadFence();
  }

  /** Orders earlier loads and stores before later stores. */
  public static void storeFence() {
    U.storeFence();
  }
}
