package org.duvisor.isa;

import java.util.Random;
import org.jspecify.annotations.Nullable;

/** Random instruction words, shared by the tests. */
final class Words {
  private Words() {}

  /**
   * A canonical word of a row with random operands, or null when these make a reserved encoding or
   * a more special instruction.
   */
  static @Nullable Integer random(Instruction row, Random random) {
    int any = random.nextInt();
    long[] slots = new long[Slot.COUNT];
    for (Slot slot : Slot.values()) {
      slots[slot.index()] = row.slot(slot, any);
    }
    try {
      int word = row.encode(slots);
      return InstructionSet.standard().decoder().row(word) == row ? word : null;
    } catch (IllegalArgumentException e) {
      return null;
    }
  }

  /** The little-endian word at the start of an assembly. */
  static int first(Assembly assembly) {
    int word = 0;
    byte[] bytes = assembly.bytes();
    for (int i = 0; i < bytes.length && i < 4; i++) {
      word |= (bytes[i] & 0xff) << (8 * i);
    }
    return word;
  }
}
