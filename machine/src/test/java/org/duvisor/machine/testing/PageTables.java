package org.duvisor.machine.testing;

import java.util.function.LongUnaryOperator;

/** Builds page tables in the memory of a machine; Sv39 and Sv39x4. */
public final class PageTables {
  /** Valid, readable, writable and executable, accessed and dirty: an ordinary supervisor page. */
  public static final long RWX = 0xcf;

  /** The same for user mode, and for all of stage 2. */
  public static final long URWX = 0xdf;

  /** Writes a doubleword of memory. */
  public interface Poke {
    /** Writes {@code value} at a physical address. */
    void poke(long address, long value);
  }

  private final Poke poke;
  private final LongUnaryOperator peek;
  private final long root;
  private final boolean stage2;
  private long next;

  /**
   * An empty table.
   *
   * @param root 16 KiB aligned; the pages after it are for further tables
   * @param stage2 Sv39x4 with its root of 16 KiB
   */
  public PageTables(Poke poke, LongUnaryOperator peek, long root, boolean stage2) {
    this.poke = poke;
    this.peek = peek;
    this.root = root;
    this.stage2 = stage2;
    this.next = root + 0x4000;
  }

  /** satp, vsatp or hgatp: Sv39 with this root; ASID or VMID {@code id}. */
  public long atp(int id) {
    return 8L << 60 | (long) id << 44 | root >>> 12;
  }

  /**
   * Maps a page of 4 KiB (level 0), 2 MiB (1) or 1 GiB (2); returns the address of its entry.
   *
   * @param flags low ten bits of the entry, and those above the page number
   */
  public long map(long va, long pa, long flags, int level) {
    long table = root;
    for (int l = 2; ; l--) {
      long mask = stage2 && l == 2 ? 2047 : 511;
      long entry = table + ((va >>> (12 + 9 * l)) & mask) * 8;
      if (l == level) {
        poke.poke(entry, pa >>> 12 << 10 | flags);
        return entry;
      }
      if ((peek.applyAsLong(entry) & 1) == 0) {
        poke.poke(entry, next >>> 12 << 10 | 1);
        next += 4096;
      }
      table = peek.applyAsLong(entry) >>> 10 << 12;
    }
  }
}
