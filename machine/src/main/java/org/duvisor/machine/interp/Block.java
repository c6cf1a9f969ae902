package org.duvisor.machine.interp;

import org.jspecify.annotations.Nullable;

/** Straight-line code: all but the last op fall through, the last one sets the pc. */
final class Block {
  final Op[] ops;

  /**
   * How many ops are executed before the last one: all others, and none any more when an op of this
   * block has changed the page.
   */
  int straight;

  /** How often it was interpreted. */
  int heat;

  /** The heat at which something should be done about it. */
  int limit;

  /** Where a translation can be entered here, if one can. Written by the translator's thread. */
  volatile @Nullable EntryPoint entry;

  /** The region that has this block, from when it is picked. Its hart's own. */
  @Nullable Source home;

  Block(Op[] ops, int limit) {
    this.ops = ops;
    this.straight = ops.length - 1;
    this.limit = limit;
  }
}
