package org.duvisor.isa;

/**
 * A decoded instruction. A compressed one appears as its expansion, with length 2.
 *
 * @param instruction the base (32-bit) instruction
 * @param length bytes the instruction occupies: 2 or 4
 * @param rd destination register number, 0..31; 0 when absent, as for the others
 * @param rs1 first source register number; the 5-bit immediate of csrr*i
 * @param rs2 second source register number
 * @param rs3 third source register number
 * @param imm immediate, sign-extended where the format says so, branch and jump offsets in bytes;
 *     the CSR number; for atomics aq (2) and rl (1)
 * @param rm rounding mode field, 0..7, as encoded (7 dynamic, 5 and 6 reserved)
 * @param bits the instruction word; for a compressed one only the low 16 bits count, the others are
 *     0
 */
public record Decoded(
    Instruction instruction,
    int length,
    int rd,
    int rs1,
    int rs2,
    int rs3,
    long imm,
    int rm,
    int bits) {

  /** The CSR number of a CSR instruction. */
  public int csr() {
    return (int) imm;
  }

  /** The 5-bit immediate of csrrwi, csrrsi and csrrci. */
  public int zimm() {
    return rs1;
  }

  /**
   * The 32-bit encoding: the word itself, or that of the base instruction a compressed one stands
   * for.
   */
  public int expanded() {
    return length == 4 ? bits : instruction.encode(rd, rs1, rs2, rs3, imm, rm);
  }
}
