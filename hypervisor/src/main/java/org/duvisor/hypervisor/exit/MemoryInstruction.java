package org.duvisor.hypervisor.exit;

/**
 * The loads and stores of RV64 that can be done to a device register, as instructions of 32 bits, a
 * compressed one expanded, or in the transformed form of hutinst, where bit 1 says something else.
 * Anything else is neither: floating-point loads and stores and atomics included - the registers of
 * the first are the platform's, and no device here supports the second.
 */
final class MemoryInstruction {
  private static final int OPCODE = 0x7D;
  private static final int LOAD = 0x01;
  private static final int STORE = 0x21;
  private static final int FUNCT3 = 7 << 12;
  private static final int UNSIGNED = 4 << 12;

  private MemoryInstruction() {}

  static boolean isLoad(int insn) {
    return (insn & OPCODE) == LOAD && (insn & FUNCT3) != FUNCT3;
  }

  static boolean isStore(int insn) {
    return (insn & (OPCODE | UNSIGNED)) == STORE;
  }

  /** 1, 2, 4 or 8. */
  static int width(int insn) {
    return 1 << (insn >>> 12 & 3);
  }

  /** Register that a load writes. */
  static int loaded(int insn) {
    return insn >>> 7 & 31;
  }

  /** Register that a store reads. */
  static int stored(int insn) {
    return insn >>> 20 & 31;
  }

  /** Register with the address. */
  static int base(int insn) {
    return insn >>> 15 & 31;
  }

  /** What a load adds to the base. */
  static int loadOffset(int insn) {
    return insn >> 20;
  }

  /** What a store adds to the base. */
  static int storeOffset(int insn) {
    return insn >> 25 << 5 | insn >>> 7 & 31;
  }

  /** A loaded value as the register gets it: sign- or zero-extended from the width. */
  static long extend(int insn, long value) {
    int unused = 64 - 8 * width(insn);
    return (insn & UNSIGNED) != 0 ? value << unused >>> unused : value << unused >> unused;
  }
}
