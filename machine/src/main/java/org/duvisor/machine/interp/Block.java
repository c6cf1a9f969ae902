package org.duvisor.machine.interp;

import org.duvisor.machine.Hart;
import org.duvisor.machine.Trap;
import org.jspecify.annotations.Nullable;

/** Straight-line code: all but the last op fall through, the last one sets the pc. */
final class Block {
  final Op[] ops;

  /** How often it was interpreted. */
  int heat;

  /** The heat at which something should be done about it. */
  int limit;

  /** Where host code of it is entered, 0 if there is none; see {@link HostCode}. */
  long code;

  /** Where a translation can be entered here, if one can. Written by the translator's thread. */
  volatile @Nullable EntryPoint entry;

  /** The region that has this block, from when it is picked. Its hart's own. */
  @Nullable Source home;

  /** Makes the block end before the next op, if it is being executed. */
  void end() {
    for (int i = 0; i < ops.length; i++) {
      ops[i] = new Gone(ops[i].offset, ops[i].length);
    }
  }

  /** What stands for an op of a block that has ended. */
  private static final class Gone extends Op {
    Gone(int offset, int length) {
      super(offset, length);
    }

    @Override
    public void execute(Hart h) {
      throw Trap.AGAIN;
    }
  }

  Block(Op[] ops, int limit) {
    this.ops = ops;
    this.limit = limit;
  }
}
