package org.duvisor.isa;

import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Finds the instruction of a word. Immutable and shared by all harts. 32-bit words are looked up by
 * opcode and funct3, and by funct7 where many instructions share those; 16-bit words by quadrant
 * and funct3. The candidates left are tried in turn, more specific ones first.
 */
public final class Decoder {
  private static final Instruction[] NONE = {};
  private static final int SPLIT_ABOVE = 4;

  private final Instruction[][] byFunct3 = new Instruction[256][];
  private final Instruction[][][] byFunct7 = new Instruction[256][][];
  private final Instruction[][] compressed = new Instruction[32][];

  /**
   * A decoder for these instructions, in which special cases come before the instructions they
   * refine.
   */
  Decoder(List<Instruction> instructions) {
    Instruction[] all = instructions.toArray(NONE);
    Arrays.fill(byFunct3, NONE);
    for (int opcode = 0; opcode < 32; opcode++) {
      Instruction[] sameOpcode = select(all, 4, 3 | opcode << 2, 0x7f);
      for (int funct3 = 0; funct3 < 8 && sameOpcode.length > 0; funct3++) {
        index(opcode, funct3, sameOpcode);
      }
    }
    for (int i = 0; i < 32; i++) {
      compressed[i] = select(all, 2, (i & 3) | (i >> 2) << 13, 0xe003);
    }
  }

  private void index(int opcode, int funct3, Instruction[] sameOpcode) {
    int i = opcode | funct3 << 5;
    int key = 3 | opcode << 2 | funct3 << 12;
    byFunct3[i] = select(sameOpcode, 4, key, 0x707f);
    if (byFunct3[i].length > SPLIT_ABOVE) {
      Instruction[][] split = new Instruction[128][];
      for (int funct7 = 0; funct7 < 128; funct7++) {
        split[funct7] = select(byFunct3[i], 4, key | funct7 << 25, 0xfe00707f);
      }
      byFunct7[i] = split;
    }
  }

  private static Instruction[] select(Instruction[] from, int length, int key, int keyMask) {
    int n = 0;
    Instruction[] found = NONE;
    for (Instruction i : from) {
      if (i.length() == length && ((i.match() ^ key) & i.mask() & keyMask) == 0) {
        if (n == found.length) {
          found = Arrays.copyOf(found, n == 0 ? 4 : n * 2);
        }
        found[n++] = i;
      }
    }
    return n == found.length ? found : Arrays.copyOf(found, n);
  }

  /**
   * The instruction of a word, or null when the word is no instruction (reserved or unknown).
   *
   * @param bits the 32 bits at pc; only the low 16 count when they are a compressed instruction
   *     (bits 1:0 not 11)
   */
  public @Nullable Decoded decode(int bits) {
    int word = (bits & 3) == 3 ? bits : bits & 0xffff;
    Instruction found = row(word);
    return found == null ? null : found.decode(word);
  }

  /** The table row of a word, the compressed one included. */
  @Nullable Instruction row(int bits) {
    if ((bits & 3) != 3) {
      int half = bits & 0xffff;
      return first(compressed[(half & 3) | (half >>> 13) << 2], half);
    }
    int index = ((bits >>> 2) & 31) | ((bits >>> 12) & 7) << 5;
    Instruction[][] split = byFunct7[index];
    return first(split == null ? byFunct3[index] : split[bits >>> 25], bits);
  }

  private static @Nullable Instruction first(Instruction[] candidates, int bits) {
    for (Instruction i : candidates) {
      if (i.matches(bits)) {
        return i;
      }
    }
    return null;
  }
}
