package org.duvisor.hypervisor.sbi;

import java.util.List;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/** Extensions by their ids: a hash table without collisions, for it is looked at in every call. */
final class Extensions {
  private static final int BITS = 5;

  private final List<Extension> all;
  private final int[] ids = new int[1 << BITS];
  private final @Nullable Extension[] table = new Extension[1 << BITS];
  private final int factor;

  /** A table of these, whose ids differ; at most 16. */
  Extensions(List<Extension> extensions) {
    all = List.copyOf(extensions);
    int odd = 0x9E3779B1; // of the golden ratio, and on from there
    while (!fits(extensions, odd)) {
      odd += 2;
    }
    factor = odd;
    for (Extension e : extensions) {
      ids[slot(e.id(), factor)] = e.id();
      table[slot(e.id(), factor)] = e;
    }
  }

  private static boolean fits(List<Extension> extensions, int factor) {
    long slots = extensions.stream().mapToInt(e -> slot(e.id(), factor)).distinct().count();
    return slots == extensions.size();
  }

  private static int slot(int id, int factor) {
    return id * factor >>> 32 - BITS;
  }

  /** The extension of an id, sign-extended as in a7; null when there is none. */
  @Nullable Extension find(long id) {
    int slot = slot((int) id, factor);
    return ids[slot] == id ? table[slot] : null;
  }

  /** All ids. */
  LongStream ids() {
    return all.stream().mapToLong(Extension::id);
  }

  /** See {@link Extension#reset}. */
  void reset() {
    all.forEach(Extension::reset);
  }
}
