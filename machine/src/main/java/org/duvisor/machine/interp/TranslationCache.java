package org.duvisor.machine.interp;

import org.jspecify.annotations.Nullable;

/**
 * Entries of translations by virtual address: direct-mapped, 2^15 (2^14 thrashed on wide code). An
 * entry holds for one regime and until the next {@link #clear}, which costs nothing.
 */
final class TranslationCache {
  private static final int SIZE = 1 << 15;
  private static final int CONTEXT_BITS = 12;

  private final long[] pcs;
  private final long[] tags;
  private final @Nullable EntryPoint[] entries;
  private final int mask;
  private long epoch = 1L << CONTEXT_BITS;

  /** A cache; one that is not used takes no room. */
  TranslationCache(boolean used) {
    int size = used ? SIZE : 1;
    pcs = new long[size];
    tags = new long[size];
    entries = new EntryPoint[size];
    mask = size - 1;
  }

  private int index(long pc) {
    return (int) (pc >>> 1 ^ pc >>> 16) & mask;
  }

  @Nullable EntryPoint find(long pc, long context) {
    int i = index(pc);
    return pcs[i] == pc && tags[i] == (epoch | context) ? entries[i] : null;
  }

  void put(long pc, long context, EntryPoint entry) {
    int i = index(pc);
    pcs[i] = pc;
    tags[i] = epoch | context;
    entries[i] = entry;
  }

  void clear() {
    epoch += 1L << CONTEXT_BITS;
  }
}
