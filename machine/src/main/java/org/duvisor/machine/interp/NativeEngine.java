package org.duvisor.machine.interp;

import java.util.List;
import java.util.function.Function;
import org.duvisor.isa.Decoded;
import org.duvisor.machine.Engine;
import org.duvisor.machine.Hart;
import org.duvisor.machine.Trap;

/**
 * The engine of one hart with code of this computer: blocks that have run a few times are compiled,
 * and what the code leaves to it is interpreted.
 */
public final class NativeEngine implements Engine {
  private static final Op[] NO_OPS = {};

  /**
   * Visits, blocks and traps in one call: bounds it when nothing retires, as in a loop of traps.
   */
  private static final int MAX_ROUNDS = 8192;

  /** Instructions of a visit before the hart looks up: bounds interrupt latency. */
  private static final int MAX_FUEL = 8192;

  private final Hart h;
  private final DecodedCode code;
  private final HostCode host;

  /**
   * An engine for a hart.
   *
   * @param budget the heap for decoded code
   */
  public NativeEngine(Hart h, Function<Hart, HostCode> host, CodeBudget budget) {
    this.h = h;
    this.host = host.apply(h);
    this.code = new DecodedCode(h, this.host.threshold(), budget);
  }

  @Override
  public void run(long limit) {
    Hart hart = h;
    int rounds = MAX_ROUNDS;
    while (hart.retired < limit && !hart.wantsAttention() && rounds > 0) {
      int i = 0;
      Op[] ops = NO_OPS;
      try {
        int reason = HostCode.FUEL;
        while (hart.retired < limit && !hart.wantsAttention() && --rounds > 0) {
          i = 0;
          ops = NO_OPS;
          Block block = code.block(hart.pc);
          if (++block.heat == block.limit && !compile(block)) {
            continue;
          }
          if (block.code != 0 && reason != HostCode.INTERPRET) {
            if (reason == HostCode.JUMP) {
              link(block);
            }
            int fuel = (int) Math.min(limit - hart.retired, MAX_FUEL);
            reason = host.run(hart, block.code, fuel);
            int used = fuel - host.fuelLeft();
            hart.retired += used;
            if (used == 0 && reason == HostCode.FUEL) {
              reason = HostCode.INTERPRET; // a block that is longer than what is left
            }
            continue;
          }
          reason = HostCode.FUEL;
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

  /** A hot block, at the pc: makes code of it. False when all code had to go first. */
  private boolean compile(Block block) {
    CodePage page = code.page();
    if (page == null) {
      return true;
    }
    int offset = (int) h.pc & 0xfff;
    List<Decoded> instructions = code.instructions(page, offset);
    if (instructions.isEmpty()) {
      return true;
    }
    long made = host.compile(page.number, offset, instructions);
    if (made == HostCode.FULL) {
      forgetCode();
      return false;
    }
    page.inRegion = true;
    block.code = made;
    return true;
  }

  /** Code has gone to the pc, and did not know the block there. */
  private void link(Block block) {
    CodePage page = code.page();
    if (page != null && code.knownPage(h.pc) == page) {
      host.link(h.pc, h.fetchContext, block.code);
    }
  }

  private void forgetCode() {
    code.forget();
    host.clear();
  }

  @Override
  public int fetchedBits(long pc) {
    return code.fetchedBits(pc);
  }

  @Override
  public void codeChanged(long page) {
    if (code.changed(page)) {
      host.unlink();
    }
    h.attend();
  }

  @Override
  public void forget() {
    forgetCode();
    h.attend();
  }

  @Override
  public void tidy() {
    code.tidy();
  }

  @Override
  public void mappingChanged() {
    host.unlink();
    code.contextChanged();
    h.attend();
  }

  @Override
  public void mappingChanged(long va) {
    host.unlink(va);
    code.mappingChanged(va);
    h.attend();
  }

  @Override
  public void contextChanged() {
    code.contextChanged();
  }
}
