package org.duvisor.machine;

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
  /** Numbers 1..LIMIT-1 are given out; 7 bits of the tag. */
  static final int LIMIT = 128;

  private final boolean[] virtual = new boolean[LIMIT];
  private final long[] satp = new long[LIMIT];
  private final long[] gatp = new long[LIMIT];
  private final boolean[] live = new boolean[LIMIT];
  private final boolean[] global = new boolean[LIMIT];

  /**
   * The largest stage-1 leaf that was entered for each half of a space, bytes: kernels map their
   * half with large leaves, processes seldom do, and a fence of one small page need not look at
   * every entry.
   */
  private final long[] largestLeaf = new long[2 * LIMIT];

  private int next = 1;

  /**
   * The number of a regime, or 0 when numbers have run out: the caller then flushes all and calls
   * {@link #reset}.
   */
  int of(boolean v, long satpValue, long gatpValue) {
    return of(v, satpValue, gatpValue, false);
  }

  /** The number of what is global under a regime, whatever its ASID and root; 0 as above. */
  int global(boolean v, long satpValue, long gatpValue) {
    return of(v, satpValue >>> 60 << 60, gatpValue, true);
  }

  private int of(boolean v, long satpValue, long gatpValue, boolean isGlobal) {
    for (int i = next - 1; i > 0; i--) {
      if (live[i]
          && virtual[i] == v
          && satp[i] == satpValue
          && gatp[i] == gatpValue
          && global[i] == isGlobal) {
        return i;
      }
    }
    if (next == LIMIT) {
      return 0;
    }
    int id = next++;
    virtual[id] = v;
    satp[id] = satpValue;
    gatp[id] = gatpValue;
    live[id] = true;
    global[id] = isGlobal;
    largestLeaf[2 * id] = largestLeaf[2 * id + 1] = 0;
    return id;
  }

  /** Whether a number stands for what is global. */
  boolean isGlobal(int id) {
    return global[id];
  }

  void reset() {
    next = 1;
    java.util.Arrays.fill(live, false);
  }

  /**
   * Retires spaces. {@code asid} or {@code vmid} -1 = any; vmid is looked at for virtual spaces
   * only.
   */
  void retire(boolean v, long asid, long vmid) {
    for (int i = 1; i < next; i++) {
      if (virtual[i] == v
          && (asid < 0 || !global[i] && asid == asidOf(satp[i]))
          && (!v || vmid < 0 || vmid == vmidOf(gatp[i]))) {
        live[i] = false;
      }
    }
  }

  private static int half(int id, long va) {
    return 2 * id + (int) (va >>> 63);
  }

  /** Notes the leaf that maps an address. */
  void note(int id, long va, long leafBytes) {
    int i = half(id, va);
    if (leafBytes > largestLeaf[i]) {
      largestLeaf[i] = leafBytes;
    }
  }

  /** The largest leaf on this side of the spaces that a fence concerns. */
  long largestLeaf(boolean v, long va, long asid, long vmid) {
    long largest = 0;
    for (int i = 1; i < next; i++) {
      if (live[i]
          && virtual[i] == v
          && (asid < 0 || !global[i] && asid == asidOf(satp[i]))
          && (!v || vmid < 0 || vmid == vmidOf(gatp[i]))) {
        largest = Math.max(largest, largestLeaf[half(i, va)]);
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
