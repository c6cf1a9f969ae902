package org.duvisor.isa;

import java.util.List;

/**
 * Instruction words as text that {@link Assembler} reads back. Registers have the names of the ABI,
 * CSRs those of the specifications.
 */
public final class Disassembler {
  static final String[] ROUNDING = {"rne", "rtz", "rdn", "rup", "rmm", "5", "6", "dyn"};
  private static final String[] ORDERING = {"", ".rl", ".aq", ".aqrl"};

  private Disassembler() {}

  /**
   * The usual text: pseudo-instructions where one fits, compressed instructions as what they stand
   * for.
   *
   * @param bits the word at pc; only the low 16 bits count for a compressed instruction
   * @param pc its address, for the targets of branches and jumps
   */
  public static String text(int bits, long pc) {
    Decoded d = InstructionSet.standard().decoder().decode(bits);
    if (d == null) {
      return data(bits);
    }
    long[] slots = {d.rd(), d.rs1(), d.rs2(), d.rs3(), d.imm(), d.rm()};
    for (Aliases.Alias alias : Aliases.standard().of(d.instruction())) {
      long[] matched = alias.mapping().match(slots);
      if (matched != null) {
        return format(alias.mnemonic(), alias.operands(), matched, pc);
      }
    }
    return format(mnemonic(d.instruction(), slots), d.instruction().operands(), slots, pc);
  }

  /**
   * The text of exactly this encoding: no pseudo-instructions, compressed instructions under their
   * own names, and data where bits that the instruction ignores have a value that no text says.
   */
  public static String exact(int bits, long pc) {
    Instruction row = InstructionSet.standard().decoder().row(bits);
    if (row == null) {
      return data(bits);
    }
    long[] slots = new long[Slot.COUNT];
    for (Slot slot : Slot.values()) {
      slots[slot.index()] = row.slot(slot, bits);
    }
    int ignored = row.encode(slots) ^ bits;
    if ((row.length() == 2 ? ignored & 0xffff : ignored) != 0) {
      return data(bits);
    }
    return format(mnemonic(row, slots), row.operands(), slots, pc);
  }

  private static String data(int bits) {
    return (bits & 3) == 3
        ? String.format(".word 0x%08x", bits)
        : String.format(".half 0x%04x", bits & 0xffff);
  }

  private static String mnemonic(Instruction row, long[] slots) {
    return row.ordered()
        ? row.mnemonic() + ORDERING[(int) slots[Slot.IMM.index()]]
        : row.mnemonic();
  }

  private static String format(String mnemonic, List<Operand> operands, long[] slots, long pc) {
    StringBuilder out = new StringBuilder(mnemonic);
    for (int i = 0; i < operands.size(); i++) {
      Operand next = i + 1 < operands.size() ? operands.get(i + 1) : Operand.CLOSE;
      if (next.slot() == Slot.RM && slots[Slot.RM.index()] == Operand.defaultRounding(next)) {
        break;
      }
      if (i == 0) {
        out.append(' ');
      }
      append(out, operands.get(i), slots, pc);
    }
    return out.toString();
  }

  private static void append(StringBuilder out, Operand operand, long[] slots, long pc) {
    Slot slot = operand.slot();
    long value = slot == null ? 0 : slots[slot.index()];
    switch (operand) {
      case RD, RS1, RS2 -> out.append(Registers.integer((int) value));
      case FRD, FRS1, FRS2, FRS3 -> out.append(Registers.floating((int) value));
      case IMM, UIMM, ZIMM -> out.append(value);
      case IMM20 -> out.append("0x").append(Long.toHexString(value >>> 12 & 0xfffff));
      case TARGET -> out.append("0x").append(Long.toHexString(pc + value));
      case CSR -> out.append(Csr.name((int) value));
      case FENCE -> {
        appendSet(out, (int) value >>> 4);
        out.append(", ");
        appendSet(out, (int) value & 15);
      }
      case RM, RM_RNE -> out.append(ROUNDING[(int) value]);
      case COMMA -> out.append(", ");
      case FLI -> out.append(FloatConstant.text((int) value));
      case SP, RTZ, OPEN, CLOSE -> out.append(operand.text());
    }
  }

  private static void appendSet(StringBuilder out, int set) {
    if (set == 0) {
      out.append('0');
    }
    for (int i = 0; i < 4; i++) {
      if ((set & 8 >> i) != 0) {
        out.append("iorw".charAt(i));
      }
    }
  }
}
