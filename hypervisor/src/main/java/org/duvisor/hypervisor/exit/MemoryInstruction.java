package org.duvisor.hypervisor.exit;

/**
 * The loads and stores of RV64 that can be done to a device register, decoded into one long so that
 * nothing is allocated: 0 when the instruction is anything else, floating-point loads and stores
 * and atomics included - the registers of the first are the platform's, and no device here supports
 * the second.
 */
final class MemoryInstruction {
  private static final int VALID = 1;
  private static final int STORE = 2;
  private static final int UNSIGNED = 4;

  private static final int LOAD_OPCODE = 0x03;
  private static final int STORE_OPCODE = 0x23;

  private MemoryInstruction() {}

  /**
   * Decodes an instruction of 32 bits, a compressed one expanded; in the transformed form of
   * hutinst as well.
   */
  static long decode(int insn) {
    int funct3 = insn >>> 12 & 7;
    int base = insn >>> 15 & 31;
    return switch (insn & 0x7F) {
      case LOAD_OPCODE ->
          funct3 == 7
              ? 0
              : pack(
                  (funct3 & 4) != 0 ? UNSIGNED : 0, funct3 & 3, insn >>> 7 & 31, base, insn >> 20);
      case STORE_OPCODE ->
          funct3 > 3
              ? 0
              : pack(STORE, funct3, insn >>> 20 & 31, base, insn >> 25 << 5 | insn >>> 7 & 31);
      default -> 0;
    };
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
    return VALID
        | flags
        | (long) log2 << 3
        | (long) data << 8
        | (long) base << 16
        | (long) offset << 32;
  }
}
