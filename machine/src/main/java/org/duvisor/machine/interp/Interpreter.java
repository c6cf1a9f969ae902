package org.duvisor.machine.interp;

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
  private static final Op[] NO_OPS = {};

  /** Blocks and traps in one call: bounds it when nothing retires, as in a loop of traps. */
  private static final int MAX_ROUNDS = 8192;

  /** Instructions a translation runs before it looks up: bounds interrupt latency. */
  private static final int MAX_FUEL = 8192;

  private final Hart h;
  private final DecodedCode code;
  private final TranslationCache cache;
  private final Tiering tiering;

  /** An engine that only interprets. */
  public Interpreter(Hart h) {
    this(h, null);
  }

  /** An engine for a hart. */
  public Interpreter(Hart h, @Nullable Translator translator) {
    this(h, translator, CodeBudget.PROCESS);
  }

  /**
   * An engine that keeps less decoded code, or more.
   *
   * @param budget the heap for it
   */
  public Interpreter(Hart h, @Nullable Translator translator, CodeBudget budget) {
    this.h = h;
    this.code = new DecodedCode(h, Tiering.threshold(translator), budget);
    this.cache = new TranslationCache(translator != null);
    this.tiering = new Tiering(h, translator, cache, code);
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
              tiering.review(translation, base);
              continue;
            }
            int fuel = (int) Math.min(limit - hart.retired, MAX_FUEL);
            int used = fuel - translation.run(hart, base, link.index, fuel);
            hart.retired += used;
            translation.patience -= used + Tiering.VISIT_COST;
            if (tiering.isWatching()) {
              tiering.watch(translation, base, used);
            }
            if (hart.sideExit == 0) {
              continue;
            }
            tiering.noteSideExit(translation);
            block = code.block(hart.pc);
            block.heat++;
          } else {
            block = code.block(hart.pc);
            if ((++block.heat == block.limit || block.entry != null)
                && tiering.isTranslated(block)) {
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

  @Override
  public void step() {
    code.step();
  }

  @Override
  public int fetchedBits(long pc) {
    return code.fetchedBits(pc);
  }

  @Override
  public void codeChanged(long page) {
    if (code.changed(page)) {
      cache.clear();
    }
    h.attend(); // ends translated code
  }

  @Override
  public void forget() {
    tiering.forgetCode();
    h.attend();
  }

  @Override
  public void tidy() {
    code.tidy();
    tiering.tidy();
  }

  @Override
  public void mappingChanged() {
    cache.clear();
    code.contextChanged();
    h.attend(); // ends translated code
  }

  @Override
  public void mappingChanged(long va) {
    cache.drop(va);
    code.mappingChanged(va);
    h.attend(); // ends translated code
  }

  @Override
  public void contextChanged() {
    code.contextChanged();
  }
}
