package org.duvisor.machine.interp;

import java.util.ArrayList;
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

  /** Instructions executed by translations, and how often one was entered; for statistics. */
  private long translated;

  private long entries;

  private final @Nullable Translator translator;
  private final TranslationCache cache;
  private final Regions regions;
  private final int threshold;

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
    while (hart.retired < limit && !hart.wantsAttention()) {
      int i = 0;
      Op[] ops = NO_OPS;
      try {
        while (hart.retired < limit && !hart.wantsAttention()) {
          i = 0;
          ops = NO_OPS;
          Translation translation = cache.find(hart.pc, hart.fetchContext);
          if (translation != null) {
            int fuel = (int) Math.min(limit - hart.retired, MAX_FUEL);
            int used = fuel - translation.run(hart, fuel);
            hart.retired += used;
            translated += used;
            entries++;
            translation.entries++;
            if ((translation.patience -= used) < 0) {
              improve(translation);
            }
            continue;
          }
          Block block = block(hart.pc);
          if ((++block.heat == threshold || block.translation != null) && isTranslated(block)) {
            continue;
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

  /** Instructions a translation runs before it looks up: bounds interrupt latency. */
  private static final int MAX_FUEL = 8192;

  /**
   * A hot block: whether its translation can be used from here, which is then in the cache;
   * otherwise one is ordered.
   */
  private boolean isTranslated(Block block) {
    Translation t = block.translation;
    Translator maker = translator;
    if (t == null) {
      if (maker != null) {
        Source source = regions.pick(h.pc);
        if (source != null) {
          maker.offer(source, false, translation -> block.translation = translation);
        }
      }
      return false;
    }
    if (!isMapped(t.source(), h.pc)) {
      return false;
    }
    Translation better = t.better;
    if (better != null) {
      block.translation = better;
      t = better;
    }
    cache.put(h.pc, h.fetchContext, t);
    return true;
  }

  /**
   * Instructions a translation must execute at a time, on average, to be worth registers in locals.
   */
  private static final int LOOPING = 100;

  /** Instructions between looks for the better translation that was ordered. */
  private static final long LOOK_AGAIN = 1_000_000;

  /**
   * A translation has executed a lot: order a better one if it loops, or use the one that was
   * ordered.
   */
  private void improve(Translation t) {
    Translation better = t.better;
    Translator maker = translator;
    if (better != null) {
      cache.replace(t, better);
    } else if (t.entries < 0) { // ordered
      t.patience = LOOK_AGAIN;
    } else if (maker != null && t.entries * LOOPING < LOOK_AGAIN) {
      t.entries = Long.MIN_VALUE;
      t.patience = LOOK_AGAIN;
      maker.offer(t.source(), true, translation -> t.better = translation);
    } else {
      t.entries = 0;
      t.patience = LOOK_AGAIN;
    }
  }

  /** Whether the pages of a region are current and mapped where it needs them. */
  private boolean isMapped(Source source, long pc) {
    long base = pc & PAGE_MASK;
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
    Block b = new Block(ops.toArray(Op[]::new));
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
    return alone(crossingBits);
  }

  private static Block alone(int bits) {
    Op op = op(bits, 0);
    return new Block(op.terminator() ? new Op[] {op} : new Op[] {op, new FallThrough(op.length)});
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

  /** One line for a person. */
  public String statistics() {
    return "%d of %d instructions in translated code, entered %d times"
        .formatted(translated, h.retired, entries);
  }

  @Override
  public void locate(long pc) {
    long pa = h.mmu().probeFetch(pc);
    if (pa != -1) {
      page = pageAt(pa & PAGE_MASK);
      fetchPage = pc & PAGE_MASK;
    }
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
