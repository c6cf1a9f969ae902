package org.duvisor.machine.interp;

import org.jspecify.annotations.Nullable;

/** Straight-line code: all but the last op fall through, the last one sets the pc. */
final class Block {
  final Op[] ops;

  /** How often it was interpreted; translated blocks are not counted on. */
  int heat;

  /** The translation that starts here, if there is one. Written by the translator's thread. */
  volatile @Nullable Translation translation;

  Block(Op[] ops) {
    this.ops = ops;
  }
}
