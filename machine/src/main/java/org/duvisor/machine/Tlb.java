package org.duvisor.machine;

import java.lang.foreign.MemorySegment;
import org.duvisor.machine.mem.Raw;

/**
 * A hart's software TLB for one kind of access: direct-mapped, with a hashed index so that buffers
 * at any power-of-two distance do not fight for one entry, tagged with the translation context.
 *
 * <p>An entry is two longs, tag and addend (host address - virtual address). A tag is page |
 * context &lt;&lt; 3, so that one comparison with {@code va & (PAGE_MASK | width-1) | context << 3}
 * tests page, context and natural alignment at once. Entries are outside the heap: HotSpot knows
 * that such an access needs no null check and no barrier.
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
  private static final long EMPTY = 1;

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

  void fill(long va, long context, long addend) {
    long e = entry(va);
    Raw.plainLong(e, (va & PAGE_MASK) | context);
    Raw.plainLong(e + TO_ADDEND, addend);
  }

  void clear() {
    for (int b = 0; b < BANKS; b++) {
      long tags = first + b * BANK_BYTES;
      for (int i = 0; i < ENTRIES; i++) {
        Raw.plainLong(tags + i * 8L, EMPTY);
      }
    }
  }

  /** Drops the entries of one page, whatever their context. */
  void dropPage(long va) {
    for (int b = 0; b < BANKS; b++) {
      long e = entry(first + b * BANK_BYTES, va);
      if (((tag(e) ^ va) & PAGE_MASK) == 0) {
        Raw.plainLong(e, EMPTY);
      }
    }
  }
}
