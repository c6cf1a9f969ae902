package org.duvisor.nativecode;

import org.jspecify.annotations.Nullable;

/**
 * Memory at base + index * scale + displacement.
 *
 * @param index null for none
 * @param scale 1, 2, 4 or 8
 */
record Mem(Reg base, @Nullable Reg index, int scale, int displacement) implements Operand {
  /** Memory at base + displacement. */
  static Mem at(Reg base, int displacement) {
    return new Mem(base, null, 1, displacement);
  }
}
