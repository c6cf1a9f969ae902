package org.duvisor.isa;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One row of an instruction table. A 16-bit (compressed) instruction is a second spelling of a base
 * instruction: it is decoded as its {@link #expansion}, whose semantics it shares. Immutable;
 * compared by identity.
 */
public final class Instruction {
  private final int id;
  private final Membership membership;
  private final String mnemonic;
  private final Encoding encoding;
  private final List<Operand> operands;
  private final Semantics semantics;
  private final Instruction expansion;
  private final Field[] decoded;

  /** A base instruction; it is its own expansion. */
  Instruction(
      int id,
      Membership membership,
      String mnemonic,
      Encoding encoding,
      List<Operand> operands,
      Semantics semantics) {
    this.id = id;
    this.membership = membership;
    this.mnemonic = mnemonic;
    this.encoding = encoding;
    this.operands = operands;
    this.semantics = semantics;
    this.expansion = this;
    this.decoded = encoding.fields();
  }

  /**
   * A compressed instruction; {@code decoded} says where the base instruction's operands are in the
   * 16 bits.
   */
  Instruction(
      int id,
      Membership membership,
      String mnemonic,
      Encoding encoding,
      List<Operand> operands,
      Instruction expansion,
      Field[] decoded) {
    this.id = id;
    this.membership = membership;
    this.mnemonic = mnemonic;
    this.encoding = encoding;
    this.operands = operands;
    this.semantics = expansion.semantics;
    this.expansion = expansion;
    this.decoded = decoded;
  }

  /**
   * A small number, unique and without gaps over the set; those of 32-bit instructions come first.
   */
  public int id() {
    return id;
  }

  /**
   * The extensions that have it, from the head of its section of the table: each has it whole,
   * where what it needs besides is there.
   */
  public List<Extension> extensions() {
    return membership.extensions();
  }

  /** Whether harts with these extensions have it; a compressed one needs its expansion as well. */
  public boolean isIn(Extensions hart) {
    return membership.isIn(hart) && (expansion == this || expansion.isIn(hart));
  }

  /** The mnemonic without suffixes for ordering, lower case. */
  public String mnemonic() {
    return mnemonic;
  }

  /** Bytes: 2 or 4. */
  public int length() {
    return encoding.length();
  }

  /** The value of the fixed bits. */
  public int match() {
    return encoding.match();
  }

  /** Which bits are fixed. */
  public int mask() {
    return encoding.mask();
  }

  /** What it does. */
  public Semantics semantics() {
    return semantics;
  }

  /** The base instruction a compressed one stands for, and itself for a base instruction. */
  public Instruction expansion() {
    return expansion;
  }

  /**
   * Whether it needs the floating-point unit on (mstatus.FS not off): it has to do with f registers
   * or fcsr.
   */
  public boolean floating() {
    return semantics.floating();
  }

  /** Whether it is an atomic with aq and rl bits, written as a suffix of the mnemonic. */
  public boolean ordered() {
    return encoding.ordered();
  }

  /** Whether the word (its low 16 bits for a compressed instruction) is this instruction. */
  public boolean matches(int bits) {
    return encoding.matches(bits);
  }

  /**
   * The instruction word for these operands; those the instruction does not have are ignored, a
   * zimm goes into rs1, a CSR number and the aq and rl bits (2 and 1) into imm.
   *
   * @throws IllegalArgumentException when an operand does not fit or the encoding is reserved
   */
  public int encode(int rd, int rs1, int rs2, int rs3, long imm, int rm) {
    return encode(new long[] {rd, rs1, rs2, rs3, imm, rm});
  }

  int encode(long[] slots) {
    return encoding.encode(mnemonic, slots);
  }

  List<Operand> operands() {
    return operands;
  }

  Encoding encoding() {
    return encoding;
  }

  /** The value of one of its own slots in a word. */
  long slot(Slot slot, int bits) {
    return encoding.field(slot).extract(bits);
  }

  /** The operand that is written or read through this slot, if the syntax has one. */
  @Nullable Operand operand(Slot slot) {
    for (Operand o : operands) {
      if (o.slot() == slot) {
        return o;
      }
    }
    return null;
  }

  Decoded decode(int bits) {
    Field[] f = decoded;
    return new Decoded(
        expansion,
        encoding.length(),
        (int) f[0].extract(bits),
        (int) f[1].extract(bits),
        (int) f[2].extract(bits),
        (int) f[3].extract(bits),
        f[4].extract(bits),
        (int) f[5].extract(bits),
        bits);
  }

  @Override
  public String toString() {
    return mnemonic;
  }
}
