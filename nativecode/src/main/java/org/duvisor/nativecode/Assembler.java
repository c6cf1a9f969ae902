package org.duvisor.nativecode;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Writes x86-64 instructions, those that templates need, into an array. Jumps are always 32 bits
 * wide, so code can be patched and nothing moves.
 */
final class Assembler {
  /** Operations on two operands; their place in this list is their number. */
  enum Binary {
    ADD,
    OR,
    ADC,
    SBB,
    AND,
    SUB,
    XOR,
    CMP
  }

  /** Shifts and rotations; the value is their number. */
  enum Shift {
    ROL(0),
    ROR(1),
    SHL(4),
    SHR(5),
    SAR(7);

    private final int number;

    Shift(int number) {
      this.number = number;
    }
  }

  /** Operations on one operand of opcode F7; the value is their number. */
  enum Unary {
    NOT(2),
    NEG(3),
    MUL(4),
    IMUL(5),
    DIV(6),
    IDIV(7);

    private final int number;

    Unary(int number) {
      this.number = number;
    }
  }

  /** Operations on one bit; the value is their number as an extension of 0F BA. */
  enum Bit {
    BTS(5),
    BTR(6),
    BTC(7);

    private final int number;

    Bit(int number) {
      this.number = number;
    }
  }

  /** Operations on the lowest element of vectors; the value is their opcode behind 0F. */
  enum Scalar {
    SQRT(0x51),
    ADD(0x58),
    MUL(0x59),
    /** To the other format. */
    CONVERT(0x5a),
    SUB(0x5c),
    DIV(0x5e);

    private final int opcode;

    Scalar(int opcode) {
      this.opcode = opcode;
    }
  }

  /** A place in the code, bound once, and the jumps that go there. */
  static final class Label {
    private int position = -1;
    private int[] sites = new int[2];
    private int count;
  }

  private static final int LOCK = 0xf0;

  private byte[] code = new byte[4096];
  private int size;
  private long origin;

  /** Starts anew, for code that will be at an address. */
  void begin(long address) {
    size = 0;
    origin = address;
  }

  /** Bytes so far. */
  int size() {
    return size;
  }

  /** What was written; valid until {@link #begin}. */
  byte[] code() {
    return code;
  }

  // ---- moves

  /** Copies 4 (then zero-extended) or 8 bytes. */
  void mov(int bytes, Reg to, Operand from) {
    if (from != to || bytes == 4) {
      rm(0, bytes == 8, 0x8b, to.number(), from, false);
    }
  }

  /** Stores the low 1, 2, 4 or 8 bytes. */
  void store(int bytes, Mem to, Reg from) {
    rm(bytes == 2 ? 0x66 : 0, bytes == 8, bytes == 1 ? 0x88 : 0x89, from.number(), to, bytes == 1);
  }

  /** Loads 1, 2 or 4 bytes and sign-extends them to 8. */
  void movSigned(int bytes, Reg to, Operand from) {
    int opcode = bytes == 1 ? 0x0fbe : bytes == 2 ? 0x0fbf : 0x63;
    rm(0, true, opcode, to.number(), from, bytes == 1);
  }

  /** Loads 1, 2 or 4 bytes and zero-extends them to 8. */
  void movZero(int bytes, Reg to, Operand from) {
    int opcode = bytes == 1 ? 0x0fb6 : bytes == 2 ? 0x0fb7 : 0x8b;
    rm(0, false, opcode, to.number(), from, bytes == 1);
  }

  /** Sets a register to a constant, in the shortest way; flags stay. */
  void movConstant(Reg to, long value) {
    if (value == (int) value) {
      if (value >= 0) {
        shortForm(false, 0xb8, to);
      } else {
        rm(0, true, 0xc7, 0, to, false);
      }
      word((int) value);
    } else if (value >>> 32 == 0) {
      shortForm(false, 0xb8, to);
      word((int) value);
    } else {
      shortForm(true, 0xb8, to);
      word((int) value);
      word((int) (value >>> 32));
    }
  }

  /** Stores a constant, sign-extended to 8 bytes. */
  void storeConstant(Mem to, int value) {
    rm(0, true, 0xc7, 0, to, false);
    word(value);
  }

  /** The address of memory. */
  void lea(Reg to, Mem of) {
    rm(0, true, 0x8d, to.number(), of, false);
  }

  /** Moves when the condition holds. */
  void cmov(Condition when, int bytes, Reg to, Operand from) {
    rm(0, bytes == 8, 0x0f40 | when.number(), to.number(), from, false);
  }

  /** Sets a register to 1 when the condition holds, else 0. */
  void set(Condition when, Reg to) {
    rm(0, false, 0x0f90 | when.number(), 0, to, true);
    movZero(1, to, to);
  }

  void push(Operand value) {
    if (value instanceof Reg r) {
      shortForm(false, 0x50, r);
    } else {
      rm(0, false, 0xff, 6, value, false);
    }
  }

  void pop(Reg to) {
    shortForm(false, 0x58, to);
  }

  // ---- arithmetic

  void op(Binary op, int bytes, Reg to, Operand from) {
    rm(0, bytes == 8, op.ordinal() << 3 | 3, to.number(), from, false);
  }

  /** The same with memory as the first operand. */
  void op(Binary op, int bytes, Mem to, Reg from) {
    rm(0, bytes == 8, op.ordinal() << 3 | 1, from.number(), to, false);
  }

  void op(Binary op, int bytes, Operand to, int constant) {
    boolean small = constant == (byte) constant;
    rm(0, bytes == 8, small ? 0x83 : 0x81, op.ordinal(), to, false);
    if (small) {
      octet(constant);
    } else {
      word(constant);
    }
  }

  void test(int bytes, Reg a, Reg b) {
    rm(0, bytes == 8, 0x85, b.number(), a, false);
  }

  void op(Unary op, int bytes, Operand value) {
    rm(0, bytes == 8, 0xf7, op.number, value, false);
  }

  /** The low half of a product. */
  void imul(int bytes, Reg to, Operand by) {
    rm(0, bytes == 8, 0x0faf, to.number(), by, false);
  }

  void imul(int bytes, Reg to, Operand of, int constant) {
    rm(0, bytes == 8, 0x69, to.number(), of, false);
    word(constant);
  }

  /** Sign-extends RAX into RDX, or EAX into EDX. */
  void extendAccumulator(int bytes) {
    if (bytes == 8) {
      octet(0x48);
    }
    octet(0x99);
  }

  void shift(Shift op, int bytes, Operand value, int by) {
    rm(0, bytes == 8, 0xc1, op.number, value, false);
    octet(by);
  }

  /** By CL. */
  void shift(Shift op, int bytes, Operand value) {
    rm(0, bytes == 8, 0xd3, op.number, value, false);
  }

  void bit(Bit op, Reg of, int number) {
    rm(0, true, 0x0fba, op.number, of, false);
    octet(number);
  }

  /** The number modulo 64. */
  void bit(Bit op, Reg of, Reg number) {
    rm(0, true, 0x0f83 | op.number << 3, number.number(), of, false);
  }

  /** The number of the lowest set bit; ZF when there is none. */
  void bitScanForward(int bytes, Reg to, Operand of) {
    rm(0, bytes == 8, 0x0fbc, to.number(), of, false);
  }

  /** The number of the highest set bit; ZF when there is none. */
  void bitScanReverse(int bytes, Reg to, Operand of) {
    rm(0, bytes == 8, 0x0fbd, to.number(), of, false);
  }

  /** The number of set bits. */
  void popcnt(int bytes, Reg to, Operand of) {
    rm(0xf3, bytes == 8, 0x0fb8, to.number(), of, false);
  }

  /** Reverses the bytes. */
  void bswap(Reg of) {
    octet(0x48 | of.number() >>> 3);
    octet(0x0f);
    octet(0xc8 | of.number() & 7);
  }

  // ---- atomics

  /** Adds to memory; the register gets what was there. */
  void lockXadd(int bytes, Mem to, Reg with) {
    rm(LOCK, bytes == 8, 0x0fc1, with.number(), to, false);
  }

  /** Exchanges; always atomic. */
  void xchg(int bytes, Mem to, Reg with) {
    rm(0, bytes == 8, 0x87, with.number(), to, false);
  }

  /** Stores if memory holds RAX; RAX becomes what it held, ZF whether it stored. */
  void lockCmpxchg(int bytes, Mem to, Reg with) {
    rm(LOCK, bytes == 8, 0x0fb1, with.number(), to, false);
  }

  /** Orders everything before with everything behind: faster than mfence, and as good. */
  void fullFence() {
    octet(LOCK);
    op(Binary.OR, 4, Mem.at(Reg.RSP, 0), 0);
  }

  // ---- floating point: a vector register is named by the general one with its number

  /** Loads 8 bytes into a vector register. */
  void loadVector(Reg to, Mem from) {
    rm(0xf3, false, 0x0f7e, to.number(), from, false);
  }

  /** Copies the low 4 or 8 bytes of a vector register to a general one. */
  void moveFromVector(int bytes, Reg to, Reg from) {
    rm(0x66, bytes == 8, 0x0f7e, from.number(), to, false);
  }

  /** On doubles or singles. */
  void scalar(Scalar op, boolean wide, Reg to, Operand from) {
    rm(wide ? 0xf2 : 0xf3, false, 0x0f00 | op.opcode, to.number(), from, false);
  }

  /** Compares; PF means that one is a NaN, which is an invalid operation when it signals. */
  void compareVectors(boolean signals, boolean wide, Reg a, Operand b) {
    rm(wide ? 0x66 : 0, false, signals ? 0x0f2f : 0x0f2e, a.number(), b, false);
  }

  /** A signed integer to a double or single. */
  void convertInteger(boolean wide, int bytes, Reg to, Reg from) {
    rm(wide ? 0xf2 : 0xf3, bytes == 8, 0x0f2a, to.number(), from, false);
  }

  /** A double or single to a signed integer; the least one when it does not fit. */
  void convertToInteger(boolean wide, boolean truncates, int bytes, Reg to, Operand from) {
    int opcode = truncates ? 0x0f2c : 0x0f2d;
    rm(wide ? 0xf2 : 0xf3, bytes == 8, opcode, to.number(), from, false);
  }

  /** Sets MXCSR: exceptions, their masks, rounding. */
  void loadFloatState(Mem from) {
    rm(0, false, 0x0fae, 2, from, false);
  }

  void storeFloatState(Mem to) {
    rm(0, false, 0x0fae, 3, to, false);
  }

  // ---- control

  /** Goes to an address within 2 GiB; returns where its distance is, for {@link #distance}. */
  int jmp(long target) {
    octet(0xe9);
    return jumpTo(target);
  }

  int jcc(Condition when, long target) {
    octet(0x0f);
    octet(0x80 | when.number());
    return jumpTo(target);
  }

  private int jumpTo(long target) {
    int site = size;
    word(distance(origin + site, target));
    return site;
  }

  /** What has to be at the site of a jump for it to go to a target. */
  static int distance(long site, long target) {
    return Math.toIntExact(target - (site + 4));
  }

  /** Goes to a label; returns where its distance is. */
  int jmp(Label target) {
    octet(0xe9);
    return jumpTo(target);
  }

  int jcc(Condition when, Label target) {
    octet(0x0f);
    octet(0x80 | when.number());
    return jumpTo(target);
  }

  private int jumpTo(Label target) {
    int site = size;
    if (target.position < 0) {
      if (target.count == target.sites.length) {
        target.sites = Arrays.copyOf(target.sites, 2 * target.count);
      }
      target.sites[target.count++] = site;
    }
    word(target.position - (site + 4));
    return site;
  }

  void jmp(Operand target) {
    rm(0, false, 0xff, 4, target, false);
  }

  void ret() {
    octet(0xc3);
  }

  /** The label is here. */
  void bind(Label label) {
    label.position = size;
    for (int i = 0; i < label.count; i++) {
      int site = label.sites[i];
      put(site, size - (site + 4));
    }
  }

  // ---- encoding

  /** An instruction whose register is in the low bits of the opcode. */
  private void shortForm(boolean wide, int opcode, Reg r) {
    int rex = (wide ? 8 : 0) | r.number() >>> 3;
    if (rex != 0) {
      octet(0x40 | rex);
    }
    octet(opcode | r.number() & 7);
  }

  /**
   * An instruction with a ModRM byte.
   *
   * @param prefix a byte before all others, 0 for none
   * @param opcode one to three bytes, the first in the highest
   * @param reg the register, or the extension of the opcode
   * @param bytes whether registers are of one byte
   */
  private void rm(int prefix, boolean wide, int opcode, int reg, Operand rm, boolean bytes) {
    if (size + 16 > code.length) {
      code = Arrays.copyOf(code, 2 * code.length);
    }
    if (prefix != 0) {
      octet(prefix);
    }
    int rex = (wide ? 8 : 0) | reg >>> 3 << 2;
    switch (rm) {
      case Reg r -> rex |= r.number() >>> 3;
      case Mem m -> rex |= m.base().number() >>> 3 | high(m.index()) << 1;
    }
    // Without a REX prefix the bytes 4 to 7 are the second ones of registers 0 to 3.
    boolean low = bytes && (reg >= 4 || rm instanceof Reg r && r.number() >= 4);
    if (rex != 0 || low) {
      octet(0x40 | rex);
    }
    if (opcode > 0xffff) {
      octet(opcode >>> 16);
    }
    if (opcode > 0xff) {
      octet(opcode >>> 8);
    }
    octet(opcode);
    switch (rm) {
      case Reg r -> octet(0xc0 | (reg & 7) << 3 | r.number() & 7);
      case Mem m -> memory(reg & 7, m);
    }
  }

  private static int high(@Nullable Reg r) {
    return r == null ? 0 : r.number() >>> 3;
  }

  private void memory(int reg, Mem m) {
    int base = m.base().number() & 7;
    Reg index = m.index();
    int d = m.displacement();
    int mode = d == 0 && base != 5 ? 0 : d == (byte) d ? 1 : 2;
    if (index == null && base != 4) {
      octet(mode << 6 | reg << 3 | base);
    } else {
      octet(mode << 6 | reg << 3 | 4);
      int scale = Integer.numberOfTrailingZeros(m.scale());
      int i = index == null ? 4 : index.number() & 7;
      octet(scale << 6 | i << 3 | base);
    }
    if (mode == 1) {
      octet(d);
    } else if (mode == 2) {
      word(d);
    }
  }

  private void octet(int value) {
    if (size == code.length) {
      code = Arrays.copyOf(code, 2 * size);
    }
    code[size++] = (byte) value;
  }

  private void word(int value) {
    for (int shift = 0; shift < 32; shift += 8) {
      octet(value >>> shift);
    }
  }

  private void put(int at, int value) {
    for (int i = 0; i < 4; i++) {
      code[at + i] = (byte) (value >>> 8 * i);
    }
  }
}
