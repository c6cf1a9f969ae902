package org.duvisor.machine.interp;

import org.duvisor.machine.Hart;
import org.jspecify.annotations.Nullable;

/**
 * Translated code with one entry. It is bound to the content of physical pages and to their
 * distances in virtual memory.
 */
public abstract class Translation {
  private Source source = Source.NONE;

  /**
   * Instructions it may still execute before its hart looks whether it is worth a better
   * translation.
   */
  long patience = Long.MAX_VALUE;

  /** How often it was entered since patience was set. */
  long entries;

  /** The better translation, once there is one. */
  volatile @Nullable Translation better;

  /** For generated subclasses. */
  protected Translation() {}

  /**
   * Says what it was made from; once, before it is installed.
   *
   * @param untilBetter instructions to execute before a better translation is considered
   */
  public final void made(Source from, long untilBetter) {
    source = from;
    patience = untilBetter;
  }

  /** What it was made from. */
  final Source source() {
    return source;
  }

  /**
   * Executes from the entry, with {@code hart.pc} at it, until the code leaves the region, traps,
   * or has used its fuel. Sets hart.pc; does not touch hart.retired.
   *
   * @param fuel instructions it may execute; passed by one block at most
   * @return fuel left, may be negative
   */
  public abstract int run(Hart hart, int fuel);

  /**
   * Takes an exception raised by an instruction of the region; called by generated code after it
   * has written the registers back.
   *
   * @param base virtual address of the page of the entry
   * @param site number of the instruction in the region
   * @return the fuel that is left when the instructions that were not executed are given back
   */
  protected final int trap(
      Hart hart, org.duvisor.machine.Trap trap, long base, int site, int fuel) {
    long pc = base + source.offsets[site];
    hart.engine().locate(pc);
    hart.traps().take(trap, pc);
    return fuel + source.refunds[site];
  }
}
