package org.duvisor.machine.interp;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Entries of translations by virtual address and regime: direct-mapped, 2^15 (2^14 thrashed on wide
 * code). A link holds until the next {@link #clear}, which costs nothing, or until a page that it
 * relies on is dropped.
 */
final class TranslationCache {
  private static final int SIZE = 1 << 15;
  private static final int CONTEXT_BITS = 12;

  /** Groups of pages, by page number, of which the links are known. */
  private static final int GROUPS = 1 << 10;

  private static final int GROUP_SIZE = 200;

  private static final Link[] NO_LINKS = {};

  private final Link[] links;
  private final int mask;
  private long epoch = 1L << CONTEXT_BITS;
  private final Link[][] byPage;
  private final int[] sizes;

  /** A cache; one that is not used takes no room. */
  TranslationCache(boolean used) {
    links = new Link[used ? SIZE : 1];
    Arrays.fill(links, Link.NONE);
    mask = links.length - 1;
    byPage = new Link[used ? GROUPS : 1][0];
    sizes = new int[byPage.length];
  }

  private int index(long pc, long context) {
    return (int) (pc >>> 1 ^ pc >>> 16 ^ context << 4) & mask;
  }

  @Nullable Link find(long pc, long context) {
    Link link = links[index(pc, context)];
    return link.pc == pc && link.tag == (epoch | context) ? link : null;
  }

  /** Makes an entry known. {@code base} is the virtual address its pages count from. */
  void put(long pc, long context, EntryPoint entry, long base) {
    Link link = new Link(pc, epoch | context, entry);
    links[index(pc, context)] = link;
    for (Source.PageUse use : entry.translation.source().pages()) {
      int group = group(base + ((long) use.distance() << 12));
      if (sizes[group] == byPage[group].length) {
        if (sizes[group] == GROUP_SIZE) { // most of them are links that were replaced
          drop(group);
        }
        byPage[group] = Arrays.copyOf(byPage[group], Math.clamp(2L * sizes[group], 8, GROUP_SIZE));
      }
      byPage[group][sizes[group]++] = link;
    }
  }

  private int group(long va) {
    return (int) (va >>> 12) & byPage.length - 1;
  }

  private void drop(int group) {
    for (int i = 0; i < sizes[group]; i++) {
      byPage[group][i].tag = 0;
    }
    sizes[group] = 0;
  }

  /** Forgets what relies on where a page is mapped, and a little more. */
  void drop(long va) {
    drop(group(va));
  }

  /** Forgets everything, and lets go of the translations. */
  void reset() {
    clear();
    Arrays.fill(links, Link.NONE);
  }

  /** Forgets everything. */
  void clear() {
    epoch += 1L << CONTEXT_BITS;
    Arrays.fill(sizes, 0);
    Arrays.fill(byPage, NO_LINKS);
  }
}
