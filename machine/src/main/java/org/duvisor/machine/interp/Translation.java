package org.duvisor.machine.interp;

import org.duvisor.machine.Hart;
import org.duvisor.machine.Trap;

/**
 * Translated code with one or more entries. It is bound to the content of physical pages and to
 * their distances in virtual memory.
 */
public abstract class Translation {
  private Source source = Source.NONE;

  /** Exits because of one instruction since the last review, and those of floating point. */
  int sideExits;

  int floatExits;

  /** Instructions until its hart looks whether it should be made anew. */
  long patience = Long.MAX_VALUE;

  /** Another one was ordered in its place. */
  boolean ordered;

  /** A better one was installed. */
  volatile boolean outdated;

  /** For generated subclasses. */
  protected Translation() {}

  /**
   * Says what it was made from; once, before it is installed.
   *
   * @param instructions to execute before the first review
   */
  public final void made(Source from, long instructions) {
    source = from;
    patience = instructions;
  }

  /** What it was made from. */
  final Source source() {
    return source;
  }

  /**
   * Executes from an entry, with {@code hart.pc} at it, until the code leaves the region, traps, or
   * has used its fuel. Sets hart.pc, and hart.sideExit where the next instruction is not for
   * translated code; does not touch hart.retired.
   *
   * @param base virtual address of the start of the page that offsets count from
   * @param entry number of the entry
   * @param fuel instructions it may execute; passed by one block at most
   * @return fuel left, may be negative
   */
  public abstract int run(Hart hart, long base, int entry, int fuel);

  /**
   * Takes an exception raised by an instruction of the region; called by generated code after it
   * has written the registers back.
   *
   * @param site number of the instruction in the region
   * @return the fuel that is left when the instructions that were not executed are given back
   */
  protected final int trap(Hart hart, Trap trap, long base, int site, int fuel) {
    long pc = base + source.offsets[site];
    hart.traps().take(trap, pc, source.bits[site]);
    return fuel + source.refunds[site];
  }
}
