package org.duvisor.isa;

import org.jspecify.annotations.Nullable;

/**
 * One element of an instruction's assembly syntax: an operand, kept in a slot, or punctuation,
 * without one.
 */
enum Operand {
  RD("rd", Slot.RD),
  RS1("rs1", Slot.RS1),
  RS2("rs2", Slot.RS2),
  FRD("frd", Slot.RD),
  FRS1("frs1", Slot.RS1),
  FRS2("frs2", Slot.RS2),
  FRS3("frs3", Slot.RS3),
  IMM("imm", Slot.IMM),
  UIMM("uimm", Slot.IMM),
  /** The upper 20 bits of a 32-bit immediate, written without the 12 low zero bits. */
  IMM20("imm20", Slot.IMM),
  /** An absolute address in the text, an offset from pc in the slot. */
  TARGET("target", Slot.IMM),
  CSR("csr", Slot.IMM),
  ZIMM("zimm", Slot.RS1),
  /** Predecessor and successor sets, as in "rw, w". */
  FENCE("fence", Slot.IMM),
  /** A rounding mode, dynamic when left out. */
  RM("rm", Slot.RM),
  /** A rounding mode, rne when left out (exact conversions). */
  RM_RNE("rm=rne", Slot.RM),
  /** A constant of fli, as in {@link FloatConstant}. */
  FLI("fli", Slot.RS1),
  /** The stack pointer, literally. */
  SP("sp", null),
  /** The only rounding mode of fcvtmod, literally. */
  RTZ("rtz", null),
  COMMA(",", null),
  OPEN("(", null),
  CLOSE(")", null);

  private static final Operand[] ALL = values();
  private final String text;
  private final @Nullable Slot slot;

  Operand(String text, @Nullable Slot slot) {
    this.text = text;
    this.slot = slot;
  }

  /** The spelling in the tables. */
  String text() {
    return text;
  }

  @Nullable Slot slot() {
    return slot;
  }

  /** Whether a register number of the floating-point file is meant. */
  boolean floating() {
    return this == FRD || this == FRS1 || this == FRS2 || this == FRS3;
  }

  /** Whether this is a register of either file. */
  boolean register() {
    return floating() || this == RD || this == RS1 || this == RS2;
  }

  /** The rounding mode that may stay unwritten. */
  static int defaultRounding(Operand operand) {
    return operand == RM ? 7 : 0;
  }

  static @Nullable Operand named(String text) {
    for (Operand o : ALL) {
      if (o.text.equals(text)) {
        return o;
      }
    }
    return null;
  }
}
