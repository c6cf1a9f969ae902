package org.duvisor.machine;

import java.util.Arrays;
import org.duvisor.machine.mem.Raw;

/**
 * A hart's software TLB for one kind of access: direct-mapped, with a hashed index so that buffers
 * at any power-of-two distance do not fight for one entry, tagged with the translation context.
 *
 * <p>An entry is two longs, tag and addend (host address - virtual address). A tag is page |
 * context &lt;&lt; 3, so that one comparison with {@code va & (PAGE_MASK | width-1) | context << 3}
 * tests page, context and natural alignment at once.
 */
public final class Tlb {
  static final int ENTRIES = 4096;

  /** Bits of an address above the page offset. */
  public static final long PAGE_MASK = -4096L;

  private static final long EMPTY = 1;

  final long[] entries = new long[2 * ENTRIES];

  Tlb() {
    clear();
  }

  /** Index of the entry for an address. */
  static int index(long va) {
    long v = va >>> 12;
    return (int) (v ^ (v >>> 12) ^ (v >>> 24)) & (ENTRIES - 1);
  }

  /** Position of the tag of an address in the entries; the addend follows it. */
  public static int slot(long va) {
    return index(va) << 1;
  }

  /** Whether the entry at {@code index} has this tag. */
  boolean hit(int index, long tag) {
    return Raw.element(entries, index << 1) == tag;
  }

  /** host - virtual of the entry at {@code index}. */
  long addend(int index) {
    return Raw.element(entries, (index << 1) + 1);
  }

  void fill(long va, long context, long addend) {
    int i = index(va) << 1;
    entries[i] = (va & PAGE_MASK) | context;
    entries[i + 1] = addend;
  }

  void clear() {
    Arrays.fill(entries, EMPTY);
  }

  /** Drops the entry of one page, whatever its context. */
  void dropPage(long va) {
    int i = index(va) << 1;
    if (((entries[i] ^ va) & PAGE_MASK) == 0) {
      entries[i] = EMPTY;
    }
  }

  /**
   * Drops all entries inside the naturally aligned region of {@code size} bytes around {@code va}.
   */
  void dropRegion(long va, long size) {
    for (int i = 0; i < entries.length; i += 2) {
      if (((entries[i] ^ va) & -size) == 0) {
        entries[i] = EMPTY;
      }
    }
  }
}
