package org.duvisor.machine.interp;

import java.util.HashMap;
import java.util.Map;
import org.duvisor.machine.Hart;
import org.jspecify.annotations.Nullable;

/**
 * Decides what a hart has translated: hot blocks with their regions, blocks inside regions that are
 * reached from outside, regions in another style, and regions that are better one.
 */
final class Tiering {
  /** Instructions that translated code executes between two looks whether it is good. */
  private static final long REVIEW = 2_000_000;

  /** The same, for one that was looked at closely. */
  private static final long SETTLED = 16 * REVIEW;

  /** What an exit to the interpreter costs, in translated instructions. */
  private static final int EXIT_COST = 200;

  /** A translation whose visits are shorter, in instructions, should be one with another. */
  private static final int SHORT_VISIT = 100;

  /** What coming in and going out costs, in translated instructions. */
  static final int VISIT_COST = 30;

  /** Executions of a block inside a region that make it one more entry, in thresholds. */
  private static final int INSIDE = 8;

  private final Hart h;
  private final @Nullable Translator translator;
  private final TranslationCache cache;
  private final DecodedCode code;
  private final Regions regions;
  private final int threshold;
  private int generation;

  /** Of a hart; one without a translator has nothing translated. */
  Tiering(Hart h, @Nullable Translator translator, TranslationCache cache, DecodedCode code) {
    this.h = h;
    this.translator = translator;
    this.cache = cache;
    this.code = code;
    this.threshold = threshold(translator);
    this.regions = new Regions(code::knownPage, code.decoder(), threshold);
  }

  /** The heat at which a block is hot. */
  static int threshold(@Nullable Translator translator) {
    return translator == null ? Integer.MAX_VALUE : translator.threshold();
  }

  /**
   * A hot block: whether its translation can be used from here, which is then in the cache;
   * otherwise one is ordered.
   */
  boolean isTranslated(Block block) {
    EntryPoint e = block.entry;
    if (e == null) {
      Source home = block.home;
      if (home == null || !home.isAlive()) {
        orderFirst();
      } else if (block.limit > threshold) {
        enterInside(home, block);
      }
      block.limit = block.heat + INSIDE * threshold;
      return false;
    }
    if (!isMapped(e.translation.source(), h.pc - e.offset)) {
      return false;
    }
    cache.put(h.pc, h.fetchContext, e, h.pc - e.offset);
    return true;
  }

  private void orderFirst() {
    Translator maker = translator;
    if (maker != null) {
      Source same = regions.adopt(h.pc, first -> maker.known((int) h.pc & 0xfff, first));
      order(same != null ? same : regions.pick(h.pc));
    }
  }

  /** A block inside a region is reached from outside all the time: make it an entry. */
  private void enterInside(Source home, Block block) {
    Translation t = home.translation();
    int offset = home.offsetOf(block);
    if (t != null && !t.ordered && offset != Integer.MIN_VALUE && isMapped(home, h.pc - offset)) {
      t.ordered = true;
      order(home.withEntry(block), t);
    }
  }

  private void order(@Nullable Source source, Translation... replaced) {
    Translator maker = translator;
    if (source == null || maker == null) {
      return;
    }
    if (replaced.length == 0) {
      source.claim();
    }
    maker.offer(
        source,
        new Translator.Sink() {
          @Override
          public void install(Translation translation) {
            source.install(translation);
            for (Translation old : replaced) {
              old.outdated = true;
            }
          }

          @Override
          public void refuse() {
            source.refuse();
            for (Translation old : replaced) {
              old.ordered = false;
            }
          }
        });
  }

  /** A translation left one instruction to the interpreter. */
  void noteSideExit(Translation t) {
    t.sideExits++;
    if (h.sideExit == Hart.FLOAT_EXIT) {
      t.floatExits++;
    }
    t.patience -= EXIT_COST;
    h.sideExit = 0;
  }

  /** A translation has executed a lot: whether another one would be better. */
  void review(Translation t, long base) {
    t.patience = REVIEW;
    if (t.outdated) {
      cache.clear(); // blocks know the new one
      return;
    }
    if (t.ordered || watched != null && ++waiting < MAX_WAITING) {
      return; // but the watched one may never run again
    }
    waiting = 0;
    watched = t;
    watchedBase = base;
    visits = 0;
    executed = 0;
    wasInside = false;
    successors.clear();
    t.sideExits = 0;
    t.floatExits = 0;
  }

  // ---- regions that are left and entered all the time become one

  private static final int VISITS = 1000;

  /** Reviews that are put off for the one that is watched. */
  private static final int MAX_WAITING = 4;

  private record Successor(Translation translation, int distance) {}

  private @Nullable Translation watched;
  private long watchedBase;
  private int waiting;
  private int visits;
  private long executed;
  private boolean wasInside;
  private final Map<Successor, Integer> successors = new HashMap<>();

  /** Whether visits are to be noted. */
  boolean isWatching() {
    return watched != null;
  }

  /** Notes how long the visits of the watched translation are, and where control goes then. */
  void watch(Translation t, long base, int used) {
    Translation from = watched;
    if (t == from) {
      wasInside = true;
      executed += used;
      if (++visits == VISITS) {
        watched = null;
        t.patience = SETTLED;
        decide(t);
        successors.clear();
      }
    } else if (wasInside) {
      wasInside = false;
      long distance = base - watchedBase >> 12;
      if (!t.ordered && Math.abs(distance) < Regions.MAX_DISTANCE >> 12) {
        successors.merge(new Successor(t, (int) distance), 1, Integer::sum);
      }
    }
  }

  private void decide(Translation t) {
    Source source = t.source();
    boolean floats = t.floatExits * 100L > executed / 100;
    boolean apart = (t.sideExits - t.floatExits) * 100L > executed / 20;
    var style =
        new Source.Style(source.style().floatCalls() || floats, source.style().apart() || apart);
    if (!style.equals(source.style())) {
      t.ordered = true;
      order(source.with(style), t);
    } else if (executed < VISITS * SHORT_VISIT) {
      successors.entrySet().stream()
          .filter(s -> mayUnite(source, s.getKey().translation.source()))
          .max(Map.Entry.comparingByValue())
          .filter(s -> s.getValue() > VISITS / 20)
          .ifPresent(s -> unite(t, s.getKey()));
    }
  }

  private static boolean mayUnite(Source a, Source b) {
    return a.size() + b.size() <= Regions.MAX_GROWN
        && a.bytes() + b.bytes() <= Regions.MAX_GROWN_BYTES;
  }

  private void unite(Translation from, Successor to) {
    Source union = from.source().union(to.translation.source(), to.distance);
    if (union != null && !from.ordered && !to.translation.ordered) {
      from.ordered = true;
      to.translation.ordered = true;
      union.claim();
      order(union, from, to.translation);
    }
  }

  /**
   * When too much has been translated: starts anew, so that what is not used any more can be
   * unloaded.
   */
  void tidy() {
    Translator maker = translator;
    if (maker != null && maker.generation() != generation) {
      generation = maker.generation();
      forgetCode();
    }
  }

  /** Drops all code, translated or not. */
  void forgetCode() {
    code.forget();
    watched = null;
    successors.clear();
    cache.reset();
  }

  /** Whether the pages of a region are current and mapped where it needs them. */
  private boolean isMapped(Source source, long base) {
    for (Source.PageUse use : source.pages()) {
      if (code.knownPage(base + ((long) use.distance() << 12)) != use.page()) {
        return false;
      }
    }
    return source.isCurrent();
  }
}
