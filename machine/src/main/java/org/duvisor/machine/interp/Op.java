package org.duvisor.machine.interp;

import org.duvisor.machine.Hart;

/**
 * One decoded instruction at its place in a block of straight-line code. While a block runs, {@code
 * pc} of the hart is the address of its first instruction; a terminator, the last op of a block,
 * sets it to what comes next. When a semantics method throws, pc is still the block's start and the
 * faulting address is pc plus {@link #offset}.
 */
public abstract class Op {
  /** Bytes from the start of the block. */
  protected final int offset;

  /** Bytes of the instruction: 2 or 4. */
  protected final int length;

  /** An op at an offset from its block's start, both in bytes. */
  protected Op(int offset, int length) {
    this.offset = offset;
    this.length = length;
  }

  /** Executes the instruction; traps are thrown by the semantics method and leave pc alone. */
  public abstract void execute(Hart h);

  /**
   * Whether the block ends here: branches, jumps, and what changes the state that decoding depends
   * on.
   */
  public boolean terminator() {
    return false;
  }

  /** Bytes from the start of the block. */
  public final int offset() {
    return offset;
  }

  /** Bytes of the instruction: 2 or 4. */
  public final int length() {
    return length;
  }
}
