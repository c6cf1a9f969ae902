package org.duvisor.machine;

import java.util.Arrays;

/**
 * Small numbers for translation regimes. A space is one value of (V, satp or vsatp, hgatp): entries
 * of the TLBs carry its number, so a change of address space or of VM flushes nothing. Flushing a
 * space is giving its key a new number; when numbers run out, everything is flushed once and
 * numbering starts again.
 *
 * <p>What supervisors map as global (G) is the same in all address spaces, and fences by ASID leave
 * it alone: it has a space of its own, so that a kernel's translations survive its processes.
 */
final class Spaces {
  /** The space of empty entries. No regime has it, and no access is ever looked up in it. */
  static final int NOBODY = 0;

  /**
   * The space of accesses under regimes that are too odd to cache (MXR, and guest memory from
   * outside the guest): looked up as all are, but nothing is ever entered in it.
   */
  static final int UNCACHED = 1;

  /** The first number that is given out. */
  static final int FIRST = 2;

  /** Numbers FIRST..LIMIT-1 are given out; 7 bits of the tag. */
  static final int LIMIT = 128;

  private final boolean[] virtual = new boolean[LIMIT];
  private final long[] satp = new long[LIMIT];
  private final long[] gatp = new long[LIMIT];
  private final boolean[] live = new boolean[LIMIT];
  private final boolean[] global = new boolean[LIMIT];

  private static final int PARTS = 64;
  private static final int MEGA = 21;
  private static final int GIGA = 30;

  /**
   * The largest stage-1 leaf that was entered for each part of a space, bytes: kernels map memory
   * with large leaves and everything else with small ones, and a fence of one small page need not
   * look further. Noted by the address in units of 1 GiB and, leaves of up to 2 MiB, in units of
   * that, both as hashes.
   */
  private final long[] leafByMega = new long[PARTS * LIMIT];

  private final long[] leafByGiga = new long[PARTS * LIMIT];

  private int next = FIRST;

  /**
   * The number of a regime, or {@link #NOBODY} when numbers have run out: the caller then flushes
   * all and calls {@link #reset}.
   */
  int of(boolean v, long satpValue, long gatpValue) {
    return of(v, satpValue, gatpValue, false);
  }

  /** The number of what is global under a regime, whatever its ASID and root; as above. */
  int global(boolean v, long satpValue, long gatpValue) {
    return of(v, satpValue >>> 60 << 60, gatpValue, true);
  }

  private int of(boolean v, long satpValue, long gatpValue, boolean isGlobal) {
    for (int i = next - 1; i >= FIRST; i--) {
      if (live[i]
          && virtual[i] == v
          && satp[i] == satpValue
          && gatp[i] == gatpValue
          && global[i] == isGlobal) {
        return i;
      }
    }
    if (next == LIMIT) {
      return NOBODY;
    }
    int id = next++;
    virtual[id] = v;
    satp[id] = satpValue;
    gatp[id] = gatpValue;
    live[id] = true;
    global[id] = isGlobal;
    Arrays.fill(leafByMega, PARTS * id, PARTS * (id + 1), 0);
    Arrays.fill(leafByGiga, PARTS * id, PARTS * (id + 1), 0);
    return id;
  }

  /** Whether a number stands for what is global. */
  boolean isGlobal(int id) {
    return global[id];
  }

  void reset() {
    next = FIRST;
    Arrays.fill(live, false);
  }

  /**
   * Retires spaces. {@code asid} or {@code vmid} -1 = any; vmid is looked at for virtual spaces
   * only.
   */
  void retire(boolean v, long asid, long vmid) {
    for (int i = FIRST; i < next; i++) {
      if (virtual[i] == v
          && (asid < 0 || !global[i] && asid == asidOf(satp[i]))
          && (!v || vmid < 0 || vmid == vmidOf(gatp[i]))) {
        live[i] = false;
      }
    }
  }

  /** Kernels begin their parts of the address space at powers of two, so upper bits count too. */
  private static int part(int id, long va, int unit) {
    long n = va >>> unit;
    return PARTS * id + ((int) (n ^ n >>> 9 ^ n >>> 18) & PARTS - 1);
  }

  /** Notes the leaf that maps an address. */
  void note(int id, long va, long leafBytes) {
    if (leafBytes > 1L << GIGA) {
      Arrays.fill(leafByGiga, PARTS * id, PARTS * (id + 1), leafBytes);
      return;
    }
    int giga = part(id, va, GIGA);
    leafByGiga[giga] = Math.max(leafByGiga[giga], leafBytes);
    if (leafBytes <= 1L << MEGA) {
      int mega = part(id, va, MEGA);
      leafByMega[mega] = Math.max(leafByMega[mega], leafBytes);
    }
  }

  /** The largest leaf that may map an address. */
  private long leaf(int id, long va) {
    long giga = leafByGiga[part(id, va, GIGA)];
    return giga > 1L << MEGA ? giga : Math.min(giga, leafByMega[part(id, va, MEGA)]);
  }

  /** The largest leaf in the part of the spaces that a fence concerns. */
  long largestLeaf(boolean v, long va, long asid, long vmid) {
    long largest = 0;
    for (int i = FIRST; i < next; i++) {
      if (live[i]
          && virtual[i] == v
          && (asid < 0 || !global[i] && asid == asidOf(satp[i]))
          && (!v || vmid < 0 || vmid == vmidOf(gatp[i]))) {
        largest = Math.max(largest, leaf(i, va));
      }
    }
    return largest;
  }

  static long asidOf(long satpValue) {
    return (satpValue >>> 44) & 0xffff;
  }

  static long vmidOf(long gatpValue) {
    return (gatpValue >>> 44) & 0x3fff;
  }
}
