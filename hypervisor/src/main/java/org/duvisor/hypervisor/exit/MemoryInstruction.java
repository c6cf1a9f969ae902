package org.duvisor.hypervisor.exit;

/**
 * The loads and stores of RV64GC that can be done to a device register, decoded into one long so that nothing is
 * allocated: 0 when the instruction is anything else, floating-point loads and stores and atomics included - the
 * registers of the first are the platform's, and no device here supports the second.
 */
final class MemoryInstruction {
  private static final int VALID = 1;
  private static final int STORE = 2;
  private static final int UNSIGNED = 4;

  /** Quadrant (bits 1:0) and funct3 of the compressed forms, as in the opcode map of the C extension. */
  private static final int C_LW = 0b00_010;

  private static final int C_LD = 0b00_011;
  private static final int C_SW = 0b00_110;
  private static final int C_SD = 0b00_111;
  private static final int C_LWSP = 0b10_010;
  private static final int C_LDSP = 0b10_011;
  private static final int C_SWSP = 0b10_110;
  private static final int C_SDSP = 0b10_111;

  private static final int LOAD_OPCODE = 0x03;
  private static final int STORE_OPCODE = 0x23;
  private static final int SP = 2;

  private MemoryInstruction() {}

  /** Decodes an instruction of 16 (upper half ignored) or 32 bits. */
  static long decode(int insn) {
    return (insn & 3) == 3 ? decode32(insn) : decode16(insn & 0xFFFF);
  }

  /** Length in bytes, told by its lowest bits. */
  static int length(int insn) {
    return (insn & 3) == 3 ? 4 : 2;
  }

  static boolean isStore(long decoded) {
    return (decoded & STORE) != 0;
  }

  /** 1, 2, 4 or 8. */
  static int width(long decoded) {
    return 1 << (decoded >>> 3 & 3);
  }

  /** Register loaded or stored. */
  static int data(long decoded) {
    return (int) (decoded >>> 8) & 31;
  }

  /** Register with the address. */
  static int base(long decoded) {
    return (int) (decoded >>> 16) & 31;
  }

  /** What is added to the base. */
  static long offset(long decoded) {
    return decoded >> 32;
  }

  /** A loaded value as the register gets it: sign- or zero-extended from the width. */
  static long extend(long decoded, long value) {
    int unused = 64 - 8 * width(decoded);
    return (decoded & UNSIGNED) != 0 ? value << unused >>> unused : value << unused >> unused;
  }

  private static long pack(int flags, int log2, int data, int base, int offset) {
    return VALID | flags | (long) log2 << 3 | (long) data << 8 | (long) base << 16 | (long) offset << 32;
  }

  private static long decode32(int insn) {
    int funct3 = insn >>> 12 & 7;
    int base = insn >>> 15 & 31;
    return switch (insn & 0x7F) {
      case LOAD_OPCODE ->
          funct3 == 7 ? 0 : pack((funct3 & 4) != 0 ? UNSIGNED : 0, funct3 & 3, insn >>> 7 & 31, base, insn >> 20);
      case STORE_OPCODE ->
          funct3 > 3 ? 0 : pack(STORE, funct3, insn >>> 20 & 31, base, insn >> 25 << 5 | insn >>> 7 & 31);
      default -> 0;
    };
  }

  private static long decode16(int insn) {
    int low = 8 + (insn >>> 2 & 7);
    int high = 8 + (insn >>> 7 & 7);
    int rd = insn >>> 7 & 31;
    int rs2 = insn >>> 2 & 31;
    return switch ((insn & 3) << 3 | insn >>> 13) {
      case C_LW -> pack(0, 2, low, high, wordOffset(insn));
      case C_LD -> pack(0, 3, low, high, doubleOffset(insn));
      case C_SW -> pack(STORE, 2, low, high, wordOffset(insn));
      case C_SD -> pack(STORE, 3, low, high, doubleOffset(insn));
      case C_LWSP -> rd == 0 ? 0 : pack(0, 2, rd, SP, bits(insn, 12, 1, 5) | bits(insn, 4, 3, 2) | bits(insn, 2, 2, 6));
      case C_LDSP -> rd == 0 ? 0 : pack(0, 3, rd, SP, bits(insn, 12, 1, 5) | bits(insn, 5, 2, 3) | bits(insn, 2, 3, 6));
      case C_SWSP -> pack(STORE, 2, rs2, SP, bits(insn, 9, 4, 2) | bits(insn, 7, 2, 6));
      case C_SDSP -> pack(STORE, 3, rs2, SP, bits(insn, 10, 3, 3) | bits(insn, 7, 3, 6));
      default -> 0;
    };
  }

  private static int wordOffset(int insn) {
    return bits(insn, 10, 3, 3) | bits(insn, 6, 1, 2) | bits(insn, 5, 1, 6);
  }

  private static int doubleOffset(int insn) {
    return bits(insn, 10, 3, 3) | bits(insn, 5, 2, 6);
  }

  /** {@code count} bits from {@code from} on, moved to {@code to}. */
  private static int bits(int insn, int from, int count, int to) {
    return (insn >>> from & (1 << count) - 1) << to;
  }
}
