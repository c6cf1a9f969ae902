package org.duvisor.isa;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

/**
 * All 65,536 halfwords against an oracle that builds the 32-bit expansion by bit arithmetic,
 * written from the instruction listings of C, Zcb and Zcmop and independent of the tables. 0 stands
 * for a reserved encoding.
 */
class CompressedTest {
  private static final int LOAD = 0x03;
  private static final int LOAD_FP = 0x07;
  private static final int STORE = 0x23;
  private static final int STORE_FP = 0x27;
  private static final int OP_IMM = 0x13;
  private static final int OP_IMM_32 = 0x1b;
  private static final int OP = 0x33;
  private static final int OP_32 = 0x3b;

  @Test
  void everyHalfwordExpandsAsTheOracleSays() {
    Decoder decoder = InstructionSet.standard().decoder();
    for (int half = 0; half < 0x10000; half++) {
      if ((half & 3) == 3) {
        continue;
      }
      Decoded d = decoder.decode(0xabcd0000 | half);
      int actual = d == null ? 0 : d.expanded();
      assertEquals(
          Integer.toHexString(expand(half)),
          Integer.toHexString(actual),
          Integer.toHexString(half));
    }
  }

  private static int expand(int h) {
    return switch (h & 3) {
      case 0 -> quadrant0(h);
      case 1 -> quadrant1(h);
      default -> quadrant2(h);
    };
  }

  private static int bits(int h, int high, int low) {
    return (h >> low) & ((1 << (high - low + 1)) - 1);
  }

  private static int bit(int h, int from, int to) {
    return (h >> from & 1) << to;
  }

  private static int quadrant0(int h) {
    int rd = 8 + bits(h, 4, 2);
    int rs1 = 8 + bits(h, 9, 7);
    int words = bits(h, 12, 10) << 3 | bit(h, 6, 2) | bit(h, 5, 6);
    int doubles = bits(h, 12, 10) << 3 | bits(h, 6, 5) << 6;
    int stack = bits(h, 12, 11) << 4 | bits(h, 10, 7) << 6 | bit(h, 6, 2) | bit(h, 5, 3);
    return switch (h >> 13) {
      case 0 -> stack == 0 ? 0 : i(OP_IMM, 0, rd, 2, stack);
      case 1 -> i(LOAD_FP, 3, rd, rs1, doubles);
      case 2 -> i(LOAD, 2, rd, rs1, words);
      case 3 -> i(LOAD, 3, rd, rs1, doubles);
      case 4 -> narrow(h, rd, rs1);
      case 5 -> s(STORE_FP, 3, rs1, rd, doubles);
      case 6 -> s(STORE, 2, rs1, rd, words);
      case 7 -> s(STORE, 3, rs1, rd, doubles);
      default -> 0;
    };
  }

  private static int narrow(int h, int rd, int rs1) {
    int half = bit(h, 5, 1);
    int octet = half | bit(h, 6, 0);
    boolean other = (h >> 6 & 1) != 0;
    return switch (bits(h, 12, 10)) {
      case 0 -> i(LOAD, 4, rd, rs1, octet);
      case 1 -> i(LOAD, other ? 1 : 5, rd, rs1, half);
      case 2 -> s(STORE, 0, rs1, rd, octet);
      case 3 -> other ? 0 : s(STORE, 1, rs1, rd, half);
      default -> 0;
    };
  }

  private static int quadrant1(int h) {
    int rd = bits(h, 11, 7);
    int imm = (bit(h, 12, 5) | bits(h, 6, 2)) << 26 >> 26;
    return switch (h >> 13) {
      case 0 -> i(OP_IMM, 0, rd, rd, imm);
      case 1 -> rd == 0 ? 0 : i(OP_IMM_32, 0, rd, rd, imm);
      case 2 -> i(OP_IMM, 0, rd, 0, imm);
      case 3 -> rd == 2 ? stackAdjust(h) : imm == 0 ? mayBe(rd) : imm << 12 | rd << 7 | 0x37;
      case 4 -> arithmetic(h, 8 + bits(h, 9, 7), imm);
      case 5 -> jump(h);
      default -> branch(h);
    };
  }

  private static int mayBe(int rd) {
    return rd < 16 && rd % 2 != 0 ? i(OP_IMM, 0, 0, 0, 0) : 0;
  }

  private static int stackAdjust(int h) {
    int imm =
        (bit(h, 12, 9) | bit(h, 6, 4) | bit(h, 5, 6) | bits(h, 4, 3) << 7 | bit(h, 2, 5))
            << 22
            >> 22;
    return imm == 0 ? 0 : i(OP_IMM, 0, 2, 2, imm);
  }

  private static int arithmetic(int h, int rd, int imm) {
    int rs2 = 8 + bits(h, 4, 2);
    return switch (bits(h, 11, 10)) {
      case 0 -> i(OP_IMM, 5, rd, rd, imm & 63);
      case 1 -> i(OP_IMM, 5, rd, rd, (imm & 63) | 0x400);
      case 2 -> i(OP_IMM, 7, rd, rd, imm);
      default ->
          switch (bits(h, 6, 5) | bit(h, 12, 2)) {
            case 0 -> r(OP, 0, rd, rd, rs2, 0x20);
            case 1 -> r(OP, 4, rd, rd, rs2, 0);
            case 2 -> r(OP, 6, rd, rd, rs2, 0);
            case 3 -> r(OP, 7, rd, rd, rs2, 0);
            case 4 -> r(OP_32, 0, rd, rd, rs2, 0x20);
            case 5 -> r(OP_32, 0, rd, rd, rs2, 0);
            case 6 -> r(OP, 0, rd, rd, rs2, 1);
            case 7 -> unary(bits(h, 4, 2), rd);
            default -> 0;
          };
    };
  }

  private static int unary(int function, int rd) {
    return switch (function) {
      case 0 -> i(OP_IMM, 7, rd, rd, 0xff);
      case 1 -> i(OP_IMM, 1, rd, rd, 0x604);
      case 2 -> r(OP_32, 4, rd, rd, 0, 4);
      case 3 -> i(OP_IMM, 1, rd, rd, 0x605);
      case 4 -> r(OP_32, 0, rd, rd, 0, 4);
      case 5 -> i(OP_IMM, 4, rd, rd, -1);
      default -> 0;
    };
  }

  private static int jump(int h) {
    int low = bit(h, 11, 4) | bits(h, 10, 9) << 8 | bit(h, 8, 10) | bit(h, 7, 6);
    int offset =
        (bit(h, 12, 11) | low | bit(h, 6, 7) | bits(h, 5, 3) << 1 | bit(h, 2, 5)) << 20 >> 20;
    int sign = offset >> 31;
    return (sign & 1) << 31
        | (offset >> 1 & 0x3ff) << 21
        | (offset >> 11 & 1) << 20
        | (sign & 0xff) << 12
        | 0x6f;
  }

  private static int branch(int h) {
    int low = bits(h, 11, 10) << 3 | bits(h, 6, 5) << 6 | bits(h, 4, 3) << 1 | bit(h, 2, 5);
    int offset = (bit(h, 12, 8) | low) << 23 >> 23;
    int rs1 = 8 + bits(h, 9, 7);
    int upper = (offset >> 12 & 1) << 31 | (offset >> 5 & 63) << 25;
    int lower = (offset >> 1 & 15) << 8 | (offset >> 11 & 1) << 7;
    return upper | rs1 << 15 | (h >> 13 & 1) << 12 | lower | 0x63;
  }

  private static int quadrant2(int h) {
    int rd = bits(h, 11, 7);
    int rs2 = bits(h, 6, 2);
    int wordLoad = bit(h, 12, 5) | bits(h, 6, 4) << 2 | bits(h, 3, 2) << 6;
    int doubleLoad = bit(h, 12, 5) | bits(h, 6, 5) << 3 | bits(h, 4, 2) << 6;
    int wordStore = bits(h, 12, 9) << 2 | bits(h, 8, 7) << 6;
    int doubleStore = bits(h, 12, 10) << 3 | bits(h, 9, 7) << 6;
    return switch (h >> 13) {
      case 0 -> i(OP_IMM, 1, rd, rd, bit(h, 12, 5) | rs2);
      case 1 -> i(LOAD_FP, 3, rd, 2, doubleLoad);
      case 2 -> rd == 0 ? 0 : i(LOAD, 2, rd, 2, wordLoad);
      case 3 -> rd == 0 ? 0 : i(LOAD, 3, rd, 2, doubleLoad);
      case 4 -> moves(h, rd, rs2);
      case 5 -> s(STORE_FP, 3, 2, rs2, doubleStore);
      case 6 -> s(STORE, 2, 2, rs2, wordStore);
      default -> s(STORE, 3, 2, rs2, doubleStore);
    };
  }

  private static int moves(int h, int rd, int rs2) {
    boolean links = (h >> 12 & 1) != 0;
    if (rs2 != 0) {
      return r(OP, 0, rd, links ? rd : 0, rs2, 0);
    }
    if (rd == 0) {
      return links ? 0x00100073 : 0;
    }
    return i(0x67, 0, links ? 1 : 0, rd, 0);
  }

  private static int i(int opcode, int funct3, int rd, int rs1, int imm) {
    return imm << 20 | rs1 << 15 | funct3 << 12 | rd << 7 | opcode;
  }

  private static int s(int opcode, int funct3, int rs1, int rs2, int imm) {
    return imm >> 5 << 25 | rs2 << 20 | rs1 << 15 | funct3 << 12 | (imm & 31) << 7 | opcode;
  }

  private static int r(int opcode, int funct3, int rd, int rs1, int rs2, int funct7) {
    return funct7 << 25 | rs2 << 20 | rs1 << 15 | funct3 << 12 | rd << 7 | opcode;
  }
}
