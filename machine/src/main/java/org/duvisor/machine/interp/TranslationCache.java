package org.duvisor.machine.interp;

import org.jspecify.annotations.Nullable;

/**
 * Translations by virtual address: direct-mapped, 2^15 entries (2^14 thrashed on wide code). An
 * entry holds for one regime and until the next {@link #clear}, which costs nothing.
 */
final class TranslationCache {
  private static final int SIZE = 1 << 15;
  private static final int CONTEXT_BITS = 12;

  private final long[] pcs;
  private final long[] tags;
  private final @Nullable Translation[] translations;
  private final int mask;
  private long epoch = 1L << CONTEXT_BITS;

  /** A cache; one that is not used takes no room. */
  TranslationCache(boolean used) {
    int size = used ? SIZE : 1;
    pcs = new long[size];
    tags = new long[size];
    translations = new Translation[size];
    mask = size - 1;
  }

  private int index(long pc) {
    return (int) (pc >>> 1 ^ pc >>> 16) & mask;
  }

  @Nullable Translation find(long pc, long context) {
    int i = index(pc);
    return pcs[i] == pc && tags[i] == (epoch | context) ? translations[i] : null;
  }

  void put(long pc, long context, Translation translation) {
    int i = index(pc);
    pcs[i] = pc;
    tags[i] = epoch | context;
    translations[i] = translation;
  }

  /** Puts a better translation where the other one is. */
  void replace(Translation old, Translation better) {
    for (int i = 0; i < translations.length; i++) {
      if (translations[i] == old) {
        translations[i] = better;
      }
    }
  }

  void clear() {
    epoch += 1L << CONTEXT_BITS;
  }
}
