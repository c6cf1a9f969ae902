package org.duvisor.machine;

import java.lang.foreign.MemorySegment;
import org.duvisor.machine.mem.Raw;

/**
 * A hart's software TLB for one kind of access: direct-mapped, with a hashed index so that buffers
 * at any power-of-two distance do not fight for one entry, tagged with the translation context.
 *
 * <p>An entry is two longs, tag and addend (host address - virtual address). A tag is page |
 * context, so that one comparison with {@code va & (PAGE_MASK | width-1) | context} tests page,
 * context and natural alignment at once. Entries are outside the heap: HotSpot knows that such an
 * access needs no null check and no barrier.
 *
 * <p>A guest chooses all bits of an address, so every page and every low bit is a value that is
 * looked up; only the context is the hart's own. What an empty entry and an access that is never
 * cached carry is therefore told apart by the context alone: see {@link Spaces#NOBODY} and {@link
 * Spaces#UNCACHED}, and docs/decisions/0016.
 */
public final class Tlb {
  /** Entries of a bank, a power of two: 64 MiB of pages. */
  public static final int ENTRIES = 1 << 14;

  /**
   * Banks, one of which is in use: two processes that run in turns, and the kernel, have the same
   * addresses.
   */
  private static final int BANKS = 2;

  /** Bits of an address above the page offset. */
  public static final long PAGE_MASK = -4096L;

  /** Bytes from a tag to its addend. */
  public static final long TO_ADDEND = ENTRIES * 8L;

  private static final long BANK_BYTES = 2 * TO_ADDEND;

  /** Tag of an entry that holds nothing: of the context that no access has. */
  private static final long EMPTY = context(Spaces.NOBODY, 0);

  /**
   * Addend of an empty entry. Nothing reads it; if something did, the host address would be one
   * that no processor accepts.
   */
  private static final long DEAD = 1L << 62;

  @SuppressWarnings("UnusedVariable") // it owns the memory
  private final MemorySegment memory = Raw.allocate(BANKS * BANK_BYTES);

  private final long first = memory.address();

  /** Host address of the tags of the bank in use. */
  private long bank = first;

  Tlb() {
    clear();
  }

  /**
   * Host address of the tag of the entry for an address. Neighbouring pages never share an entry:
   * translated code relies on it when it tests several accesses at once.
   *
   * @param base host address of the tags
   */
  public static long entry(long base, long va) {
    long page = va >>> 12;
    return base + ((page + (page >>> 12) & ENTRIES - 1) << 3);
  }

  /**
   * What a tag says besides the page: bits 11:5 the space, bits 4:3 the permissions of the access.
   *
   * @param permission 0..3
   */
  static long context(int space, int permission) {
    return (long) (space << 2 | permission) << 3;
  }

  /** The space of a context. */
  static int spaceOf(long context) {
    return (int) (context >>> 5);
  }

  /** The tag of an entry. */
  public static long tag(long entry) {
    return Raw.plainLong(entry);
  }

  /** host - virtual of an entry. */
  public static long addend(long entry) {
    return Raw.plainLong(entry + TO_ADDEND);
  }

  /**
   * Uses the bank of a space.
   *
   * @return host address of its tags
   */
  long select(int space) {
    bank = first + space % BANKS * BANK_BYTES;
    return bank;
  }

  /** The entry for an address in the bank in use. */
  long entry(long va) {
    return entry(bank, va);
  }

  /** Enters a page for a context of a regime; others are never entered. */
  void fill(long va, long context, long addend) {
    if (spaceOf(context) < Spaces.FIRST) {
      throw new IllegalArgumentException("no regime has context " + context);
    }
    long e = entry(va);
    Raw.plainLong(e, (va & PAGE_MASK) | context);
    Raw.plainLong(e + TO_ADDEND, addend);
  }

  void clear() {
    for (int b = 0; b < BANKS; b++) {
      long tags = first + b * BANK_BYTES;
      for (int i = 0; i < ENTRIES; i++) {
        empty(tags + i * 8L);
      }
    }
  }

  /**
   * Drops the entries of one page, whatever their context and whatever a program that has pointer
   * masking keeps in the highest 16 bits of an address.
   */
  void dropPage(long va) {
    for (int b = 0; b < BANKS; b++) {
      long e = entry(first + b * BANK_BYTES, va);
      if (((tag(e) ^ va) & PAGE_MASK) << 16 == 0) {
        empty(e);
      }
    }
  }

  /**
   * Drops the entries that lead to one page of memory, at whatever address; some 20 us.
   *
   * @param host the page's host address
   */
  void dropHost(long host) {
    for (int b = 0; b < BANKS; b++) {
      long tags = first + b * BANK_BYTES;
      for (int i = 0; i < ENTRIES; i++) {
        long e = tags + i * 8L;
        if ((tag(e) & PAGE_MASK) + addend(e) == host) {
          empty(e);
        }
      }
    }
  }

  private static void empty(long e) {
    Raw.plainLong(e, EMPTY);
    Raw.plainLong(e + TO_ADDEND, DEAD);
  }
}
