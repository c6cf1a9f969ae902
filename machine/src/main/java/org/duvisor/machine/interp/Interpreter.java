package org.duvisor.machine.interp;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.duvisor.isa.Decoded;
import org.duvisor.isa.Decoder;
import org.duvisor.isa.InstructionSet;
import org.duvisor.machine.Engine;
import org.duvisor.machine.Hart;
import org.duvisor.machine.Trap;
import org.jspecify.annotations.Nullable;

/**
 * The engine of one hart. It interprets, counts how often blocks run, and hands hot ones to a
 * {@link Translator} if there is one; translations are found by virtual address in a cache that
 * knows the regime they were checked for.
 */
public final class Interpreter implements Engine {
  private static final long PAGE_MASK = -4096L;
  private static final long NONE = 1;

  private static final Decoder DECODER = InstructionSet.standard().decoder();

  private final Hart h;
  private final @Nullable CodePage[] ram;
  private final Map<Long, CodePage> rom = new HashMap<>();
  private int epoch;

  // The page the hart executes from: valid until the context changes.
  private long fetchPage = NONE;
  private @Nullable CodePage page;

  // An instruction that crosses two pages is decoded anew each time.
  private int crossingBits;

  private final @Nullable Translator translator;
  private final TranslationCache cache;
  private final Regions regions;
  private final int threshold;
  private int generation;

  /** An engine that only interprets. */
  public Interpreter(Hart h) {
    this(h, null);
  }

  /** An engine for a hart. */
  public Interpreter(Hart h, @Nullable Translator translator) {
    this.h = h;
    this.ram = new CodePage[(int) (h.memory().ramSize() >>> 12)];
    this.translator = translator;
    this.cache = new TranslationCache(translator != null);
    this.threshold = translator == null ? Integer.MAX_VALUE : translator.threshold();
    this.regions = new Regions(this::knownPage, threshold);
  }

  @Override
  public void run(long limit) {
    Hart hart = h;
    int rounds = MAX_ROUNDS;
    while (hart.retired < limit && !hart.wantsAttention() && rounds > 0) {
      int i = 0;
      Op[] ops = NO_OPS;
      try {
        while (hart.retired < limit && !hart.wantsAttention() && --rounds > 0) {
          i = 0;
          ops = NO_OPS;
          Block block;
          Link link = cache.find(hart.pc, hart.fetchContext);
          if (link != null) {
            Translation translation = link.translation;
            long base = hart.pc - link.offset;
            if (translation.patience < 0) {
              review(translation, base);
              continue;
            }
            int fuel = (int) Math.min(limit - hart.retired, MAX_FUEL);
            int used = fuel - translation.run(hart, base, link.index, fuel);
            hart.retired += used;
            translation.patience -= used + VISIT_COST;
            if (watched != null) {
              watch(translation, base, used);
            }
            if (hart.sideExit == 0) {
              continue;
            }
            noteSideExit(translation);
            block = block(hart.pc);
            block.heat++;
          } else {
            block = block(hart.pc);
            if ((++block.heat == block.limit || block.entry != null) && isTranslated(block)) {
              continue;
            }
          }
          ops = block.ops;
          int last = ops.length - 1;
          while (i < last) {
            ops[i].execute(hart);
            i++;
          }
          hart.retired += last;
          ops[last].execute(hart);
          hart.retired++;
        }
      } catch (Trap t) {
        if (i < ops.length - 1) {
          hart.retired += i;
        }
        long epc = ops.length == 0 ? hart.pc : hart.pc + ops[i].offset;
        hart.traps().take(t, epc);
      }
    }
  }

  private static final Op[] NO_OPS = {};

  /** Blocks and traps in one call: bounds it when nothing retires, as in a loop of traps. */
  private static final int MAX_ROUNDS = 100_000;

  /** Instructions a translation runs before it looks up: bounds interrupt latency. */
  private static final int MAX_FUEL = 8192;

  /** Instructions that translated code executes between two looks whether it is good. */
  private static final long REVIEW = 2_000_000;

  /** The same, for one that was looked at closely. */
  private static final long SETTLED = 16 * REVIEW;

  /** What an exit to the interpreter costs, in translated instructions. */
  private static final int EXIT_COST = 200;

  /** A translation whose visits are shorter, in instructions, should be one with another. */
  private static final int SHORT_VISIT = 100;

  /** What coming in and going out costs, in translated instructions. */
  private static final int VISIT_COST = 30;

  /** Executions of a block inside a region that make it one more entry, in thresholds. */
  private static final int INSIDE = 8;

  /**
   * A hot block: whether its translation can be used from here, which is then in the cache;
   * otherwise one is ordered.
   */
  private boolean isTranslated(Block block) {
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

  private void noteSideExit(Translation t) {
    t.sideExits++;
    if (h.sideExit == Hart.FLOAT_EXIT) {
      t.floatExits++;
    }
    t.patience -= EXIT_COST;
    h.sideExit = 0;
  }

  /** A translation has executed a lot: whether another one would be better. */
  private void review(Translation t, long base) {
    t.patience = REVIEW;
    Translator maker = translator;
    if (maker != null && maker.generation() != generation) {
      generation = maker.generation();
      forgetCode();
      return;
    }
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

  /** Notes how long the visits of the watched translation are, and where control goes then. */
  private void watch(Translation t, long base, int used) {
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
   * Too much has been translated: starts anew, so that what is not used any more can be unloaded.
   */
  private void forgetCode() {
    Arrays.fill(ram, null);
    rom.clear();
    page = null;
    watched = null;
    successors.clear();
    cache.reset();
    contextChanged();
  }

  /** Whether the pages of a region are current and mapped where it needs them. */
  private boolean isMapped(Source source, long base) {
    for (Source.PageUse use : source.pages()) {
      if (knownPage(base + ((long) use.distance() << 12)) != use.page()) {
        return false;
      }
    }
    return source.isCurrent();
  }

  private @Nullable CodePage knownPage(long va) {
    long pa = h.mmu().probeFetch(va);
    return pa == -1 ? null : pageAt(pa & PAGE_MASK);
  }

  private Block block(long pc) {
    CodePage p = page;
    if ((pc & PAGE_MASK) != fetchPage || p == null) {
      p = enterPage(pc);
      if (p == null) {
        return single(pc);
      }
    }
    int offset = (int) pc & 0xfff;
    Block b = p.blocks[offset >>> 1];
    return b != null ? b : build(p, offset, pc);
  }

  /**
   * Finds the page of an address; null when only this one instruction may be executed from it
   * (PMP).
   */
  private @Nullable CodePage enterPage(long pc) {
    long pa = h.mmu().fetch(pc);
    CodePage p = pageAt(pa & PAGE_MASK);
    page = p;
    if (!h.mmu().isFetchCacheable()) {
      fetchPage = NONE;
      return null;
    }
    fetchPage = pc & PAGE_MASK;
    return p;
  }

  private CodePage pageAt(long pa) {
    CodePage p;
    long index = pa - h.memory().ramBase() >>> 12;
    if (Long.compareUnsigned(index, ram.length) < 0) {
      p = ram[(int) index];
      if (p == null) {
        p = new CodePage(h.memory().host(pa, CodePage.BYTES, false), epoch);
        ram[(int) index] = p;
      }
    } else {
      p =
          rom.computeIfAbsent(
              pa, a -> new CodePage(h.memory().host(a, CodePage.BYTES, false), epoch));
    }
    if (p.epoch != epoch) {
      p.revalidate(epoch);
    }
    return p;
  }

  private Block build(CodePage p, int start, long pc) {
    if (p.crosses(start)) {
      return crossing(p, pc);
    }
    List<Op> ops = new ArrayList<>();
    int offset = start;
    while (true) {
      Op op = op(p.bits(offset), offset - start);
      ops.add(op);
      offset += op.length;
      if (op.terminator()) {
        break;
      }
      if (ops.size() == MAX_BLOCK - 1 || offset >= CodePage.BYTES || p.crosses(offset)) {
        ops.add(new FallThrough(offset - start));
        break;
      }
    }
    Block b = new Block(ops.toArray(Op[]::new), threshold);
    p.blocks[start >>> 1] = b;
    return b;
  }

  private static Op op(int bits, int offset) {
    Decoded d = DECODER.decode(bits);
    return d == null ? new Illegal(offset) : Ops.create(d, offset);
  }

  /** One instruction, decoded for this once. */
  private Block single(long pc) {
    CodePage p = pageAt(h.mmu().fetch(pc) & PAGE_MASK);
    page = p;
    int offset = (int) pc & 0xfff;
    if (p.crosses(offset)) {
      return crossing(p, pc);
    }
    int bits = p.bits(offset);
    if ((bits & 3) == 3) {
      h.mmu().fetch(pc + 2); // where PMP divides the page, the second parcel is checked on its own
    }
    return alone(bits);
  }

  private Block crossing(CodePage first, long pc) {
    int low = first.parcel(CodePage.BYTES - 2);
    CodePage second = pageAt(h.mmu().fetch(pc + 2) & PAGE_MASK);
    crossingBits = low | second.parcel(0) << 16;
    int i = (crossingBits ^ crossingBits >>> 16) & CROSSINGS - 1;
    Block known = crossings[i];
    if (known == null || crossingKeys[i] != crossingBits) {
      known = alone(crossingBits);
      crossings[i] = known;
      crossingKeys[i] = crossingBits;
    }
    return known;
  }

  // Instructions that cross pages, decoded, by their bits.
  private static final int CROSSINGS = 256;
  private final @Nullable Block[] crossings = new Block[CROSSINGS];
  private final int[] crossingKeys = new int[CROSSINGS];

  private Block alone(int bits) {
    Op op = op(bits, 0);
    return new Block(
        op.terminator() ? new Op[] {op} : new Op[] {op, new FallThrough(op.length)},
        Integer.MAX_VALUE);
  }

  @Override
  public int fetchedBits(long pc) {
    CodePage p = page;
    int offset = (int) pc & 0xfff;
    if (p == null) {
      return 0;
    }
    return p.crosses(offset) ? crossingBits : p.bits(offset);
  }

  @Override
  public void fenceI() {
    epoch++;
    mappingChanged();
  }

  @Override
  public void mappingChanged() {
    cache.clear();
    contextChanged();
    h.attend(); // ends translated code
  }

  @Override
  public void mappingChanged(long va) {
    cache.drop(va);
    if ((va & PAGE_MASK) == fetchPage) {
      contextChanged();
    }
    h.attend(); // ends translated code
  }

  @Override
  public void contextChanged() {
    fetchPage = NONE;
  }

  /**
   * Ends a block that is cut off: goes on with the next one. Not an instruction, so it gives back
   * the count.
   */
  private static final class FallThrough extends Op {
    FallThrough(int offset) {
      super(offset, 0);
    }

    @Override
    public void execute(Hart h) {
      h.pc += offset;
      h.retired--;
    }

    @Override
    public boolean terminator() {
      return true;
    }
  }

  /** What decodes to nothing. */
  private static final class Illegal extends Op {
    Illegal(int offset) {
      super(offset, 4);
    }

    @Override
    public void execute(Hart h) {
      throw h.illegal();
    }

    @Override
    public boolean terminator() {
      return true;
    }
  }
}
