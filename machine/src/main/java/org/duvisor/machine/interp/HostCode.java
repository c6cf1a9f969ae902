package org.duvisor.machine.interp;

import java.util.List;
import org.duvisor.isa.Decoded;
import org.duvisor.machine.Hart;

/**
 * Code of this computer for the blocks of one hart, and how it is entered. Blocks of one page go to
 * each other by themselves; to other pages, and where registers point, by links, which hold an
 * address in a context.
 */
public interface HostCode {
  /** What {@link #compile} says when there is no room; nothing was made then. */
  long FULL = -1;

  /** Instructions were executed, and the next one is at the pc. */
  int JUMP = 0;

  /** The next block needs more fuel than is left. */
  int FUEL = 1;

  /** The instruction at the pc is to be interpreted. */
  int INTERPRET = 2;

  /** Interpreted executions of a block after which there should be code of it. */
  int threshold();

  /**
   * Makes code of a block.
   *
   * @param page a number that is never used for another page
   * @param offset of the first instruction in the page
   * @param code up to the end of straight-line code, or of the page; at least one
   * @return where it is entered; 0 when its first instruction has to be interpreted, or {@link
   *     #FULL}
   */
  long compile(int page, int offset, List<Decoded> code);

  /** Forgets all code, and all links; nothing of it is entered any more. */
  void clear();

  /** Jumps to an address in a context go to code of its block from now on. */
  void link(long pc, long context, long code);

  /** Forgets all links. */
  void unlink();

  /** Forgets the links to addresses on a page, as far as 48 bits of them tell. */
  void unlink(long va);

  /**
   * Executes from code of the block at the pc on, and sets the pc to the next instruction.
   *
   * @param fuel instructions it may execute
   * @return why it has ended
   */
  int run(Hart hart, long code, int fuel);

  /** Instructions that the last run has not used. */
  int fuelLeft();
}
