package org.duvisor.nativecode;

import java.util.Map;
import org.duvisor.isa.Decoded;
import org.duvisor.isa.Semantics;
import org.duvisor.isa.Semantics.Argument;
import org.duvisor.isa.Semantics.Kind;
import org.duvisor.isa.Semantics.Result;
import org.duvisor.nativecode.Assembler.Binary;
import org.duvisor.nativecode.Assembler.Bit;
import org.duvisor.nativecode.Assembler.Label;
import org.duvisor.nativecode.Assembler.Shift;
import org.duvisor.nativecode.Assembler.Unary;
import org.jspecify.annotations.Nullable;

/**
 * The instructions that become code: by the name of the semantics' method, which the tables of the
 * isa module give. RAX, RCX and RDX are free in each.
 */
final class Templates {
  private static final Template NOTHING = (c, d) -> {};

  private static final Map<String, Template> TABLE = MemoryTemplates.table();

  static {
    putValue("lui", (c, d) -> c.a.movConstant(BlockCompiler.result(d), d.imm()));
    put("add", Templates::add);
    put("sub", (c, d) -> binary(c, d, Binary.SUB));
    put("and", (c, d) -> binary(c, d, Binary.AND));
    put("or", (c, d) -> binary(c, d, Binary.OR));
    put("xor", (c, d) -> binary(c, d, Binary.XOR));
    put("addw", (c, d) -> word(c, d, Binary.ADD));
    put("subw", (c, d) -> word(c, d, Binary.SUB));
    put("slt", (c, d) -> setWhen(c, d, Condition.LESS));
    put("sltu", (c, d) -> setWhen(c, d, Condition.BELOW));

    put("sll", (c, d) -> shift(c, d, 8, Shift.SHL));
    put("srl", (c, d) -> shift(c, d, 8, Shift.SHR));
    put("sra", (c, d) -> shift(c, d, 8, Shift.SAR));
    put("rol", (c, d) -> shift(c, d, 8, Shift.ROL));
    put("ror", (c, d) -> shift(c, d, 8, Shift.ROR));
    put("sllw", (c, d) -> shift(c, d, 4, Shift.SHL));
    put("srlw", (c, d) -> shift(c, d, 4, Shift.SHR));
    put("sraw", (c, d) -> shift(c, d, 4, Shift.SAR));
    put("rolw", (c, d) -> shift(c, d, 4, Shift.ROL));
    put("rorw", (c, d) -> shift(c, d, 4, Shift.ROR));

    put("mul", Templates::multiply);
    put("mulw", Templates::multiplyWord);
    put("mulh", (c, d) -> high(c, d, Unary.IMUL));
    put("mulhu", (c, d) -> high(c, d, Unary.MUL));
    put("mulhsu", Templates::highSignedUnsigned);
    put("div", (c, d) -> divide(c, d, 8, true, true));
    put("divu", (c, d) -> divide(c, d, 8, false, true));
    put("rem", (c, d) -> divide(c, d, 8, true, false));
    put("remu", (c, d) -> divide(c, d, 8, false, false));
    put("divw", (c, d) -> divide(c, d, 4, true, true));
    put("divuw", (c, d) -> divide(c, d, 4, false, true));
    put("remw", (c, d) -> divide(c, d, 4, true, false));
    put("remuw", (c, d) -> divide(c, d, 4, false, false));

    put("adduw", (c, d) -> shiftAdd(c, d, 4, 0));
    put("sh1add", (c, d) -> shiftAdd(c, d, 8, 1));
    put("sh2add", (c, d) -> shiftAdd(c, d, 8, 2));
    put("sh3add", (c, d) -> shiftAdd(c, d, 8, 3));
    put("sh1adduw", (c, d) -> shiftAdd(c, d, 4, 1));
    put("sh2adduw", (c, d) -> shiftAdd(c, d, 4, 2));
    put("sh3adduw", (c, d) -> shiftAdd(c, d, 4, 3));
    put("slliuw", Templates::shiftUnsignedWord);

    put("andn", (c, d) -> complement(c, d, Binary.AND));
    put("orn", (c, d) -> complement(c, d, Binary.OR));
    put("xnor", (c, d) -> complement(c, d, Binary.XOR));
    put("min", (c, d) -> choose(c, d, Condition.GREATER));
    put("minu", (c, d) -> choose(c, d, Condition.ABOVE));
    put("max", (c, d) -> choose(c, d, Condition.LESS));
    put("maxu", (c, d) -> choose(c, d, Condition.BELOW));
    put("clz", (c, d) -> leadingZeros(c, d, 8));
    put("clzw", (c, d) -> leadingZeros(c, d, 4));
    put("ctz", (c, d) -> trailingZeros(c, d, 8));
    put("ctzw", (c, d) -> trailingZeros(c, d, 4));
    put("sextb", (c, d) -> narrow(c, d, 1, true));
    put("sexth", (c, d) -> narrow(c, d, 2, true));
    put("zexth", (c, d) -> narrow(c, d, 2, false));
    put("rev8", Templates::reverseBytes);
    put("orcb", Templates::orBytes);
    putValue("mop", (c, d) -> c.a.movConstant(BlockCompiler.result(d), 0));

    put("bset", (c, d) -> bit(c, d, Bit.BTS));
    put("bclr", (c, d) -> bit(c, d, Bit.BTR));
    put("binv", (c, d) -> bit(c, d, Bit.BTC));
    put("bext", Templates::extractBit);
    put("czeroEqz", (c, d) -> zeroWhen(c, d, Condition.EQUAL));
    put("czeroNez", (c, d) -> zeroWhen(c, d, Condition.NOT_EQUAL));

    put("eq", (c, d) -> branch(c, d, Condition.EQUAL));
    put("ne", (c, d) -> branch(c, d, Condition.NOT_EQUAL));
    put("lt", (c, d) -> branch(c, d, Condition.LESS));
    put("ge", (c, d) -> branch(c, d, Condition.GREATER_EQUAL));
    put("ltu", (c, d) -> branch(c, d, Condition.BELOW));
    put("geu", (c, d) -> branch(c, d, Condition.ABOVE_EQUAL));
    FloatTemplates.put(TABLE);
    TABLE.put("Control.jal", Templates::jumpAndLink);
    TABLE.put("Control.jalr", Templates::jumpToRegister);
  }

  private Templates() {}

  private static void put(String method, Template template) {
    TABLE.put("Alu." + method, template);
  }

  /** One that leaves its value in the register of {@link BlockCompiler#result}. */
  private static void putValue(String method, Template template) {
    put(
        method,
        (c, d) -> {
          template.emit(c, d);
          c.setRd(d, BlockCompiler.result(d));
        });
  }

  /** That of an instruction; null when it has to be interpreted. */
  static @Nullable Template of(Decoded d) {
    Semantics s = d.instruction().semantics();
    if (s.kind() == Kind.NOP) {
      return NOTHING;
    }
    if (s.owner().equals("Csrs")) {
      return CsrTemplates.of(d);
    }
    if (s.owner().equals("Fp") && !FloatTemplates.isUsual(d)) {
      return null;
    }
    Template t = TABLE.get(s.owner() + "." + s.method());
    boolean pure = s.owner().equals("Alu") && s.result() == Result.RD;
    return t != null && pure && d.rd() == 0 ? NOTHING : t;
  }

  // ---- arithmetic

  private static void add(BlockCompiler c, Decoded d) {
    if (d.instruction().semantics().arguments().contains(Argument.PC)) {
      c.address(BlockCompiler.result(d), d.imm());
      c.setRd(d, BlockCompiler.result(d));
      return;
    }
    Reg first = Guest.home(d.rs1());
    Reg second = BlockCompiler.isImmediate(d) ? null : Guest.home(d.rs2());
    Reg to = BlockCompiler.result(d);
    if (d.rs1() == 0) { // li, mv
      c.getSecond(to, d);
    } else if (!BlockCompiler.isImmediate(d) && d.rs2() == 0
        || BlockCompiler.isImmediate(d) && d.imm() == 0) {
      c.get(to, d.rs1());
    } else if (first != null && first != to && BlockCompiler.isImmediate(d)) {
      c.a.lea(to, Mem.at(first, (int) d.imm()));
    } else if (first != null && second != null && first != to) {
      c.a.lea(to, new Mem(first, second, 1, 0));
    } else {
      binary(c, d, Binary.ADD);
      return;
    }
    c.setRd(d, to);
  }

  private static void binary(BlockCompiler c, Decoded d, Binary op) {
    Reg to = c.target(d);
    c.get(to, d.rs1());
    second(c, d, op, 8, to);
    c.setRd(d, to);
  }

  /** Does an operation on a register and the second operand. */
  private static void second(BlockCompiler c, Decoded d, Binary op, int bytes, Reg to) {
    if (BlockCompiler.isImmediate(d)) {
      c.a.op(op, bytes, to, Math.toIntExact(d.imm()));
    } else {
      c.a.op(op, bytes, to, Guest.x(d.rs2()));
    }
  }

  private static void word(BlockCompiler c, Decoded d, Binary op) {
    c.get(Reg.RAX, d.rs1());
    second(c, d, op, 4, Reg.RAX);
    extendWord(c, d, Reg.RAX);
  }

  /** Sign-extends the low word into rd. */
  private static void extendWord(BlockCompiler c, Decoded d, Reg from) {
    Reg to = BlockCompiler.result(d);
    c.a.movSigned(4, to, from);
    c.setRd(d, to);
  }

  private static void setWhen(BlockCompiler c, Decoded d, Condition when) {
    compare(c, d, d.rs1());
    c.a.set(when, Reg.RAX);
    c.setRd(d, Reg.RAX);
  }

  /** Compares a register with the second operand. */
  private static void compare(BlockCompiler c, Decoded d, int register) {
    Reg first = Guest.home(register);
    if (first == null) {
      first = Reg.RAX;
      c.get(first, register);
    }
    second(c, d, Binary.CMP, 8, first);
  }

  private static void shift(BlockCompiler c, Decoded d, int bytes, Shift op) {
    Reg to = bytes == 4 ? Reg.RAX : BlockCompiler.result(d);
    if (BlockCompiler.isImmediate(d)) {
      c.get(to, d.rs1());
      c.a.shift(op, bytes, to, (int) d.imm() & (8 * bytes - 1));
    } else {
      c.get(Reg.RCX, d.rs2());
      c.get(to, d.rs1());
      c.a.shift(op, bytes, to);
    }
    if (bytes == 4) {
      extendWord(c, d, to);
    } else {
      c.setRd(d, to);
    }
  }

  private static void multiply(BlockCompiler c, Decoded d) {
    Reg to = c.target(d);
    c.get(to, d.rs1());
    c.a.imul(8, to, Guest.x(d.rs2()));
    c.setRd(d, to);
  }

  private static void multiplyWord(BlockCompiler c, Decoded d) {
    c.get(Reg.RAX, d.rs1());
    c.a.imul(4, Reg.RAX, Guest.x(d.rs2()));
    extendWord(c, d, Reg.RAX);
  }

  private static void high(BlockCompiler c, Decoded d, Unary op) {
    c.get(Reg.RAX, d.rs1());
    c.a.op(op, 8, Guest.x(d.rs2()));
    c.setRd(d, Reg.RDX);
  }

  /** The unsigned one, less the second operand when the first is negative. */
  private static void highSignedUnsigned(BlockCompiler c, Decoded d) {
    c.get(Reg.RAX, d.rs1());
    c.a.mov(8, Reg.RCX, Reg.RAX);
    c.a.shift(Shift.SAR, 8, Reg.RCX, 63);
    c.a.op(Binary.AND, 8, Reg.RCX, Guest.x(d.rs2()));
    c.a.op(Unary.MUL, 8, Guest.x(d.rs2()));
    c.a.op(Binary.SUB, 8, Reg.RDX, Reg.RCX);
    c.setRd(d, Reg.RDX);
  }

  /** The processor traps where RISC-V has results: zero divisors, and the overflow. */
  private static void divide(
      BlockCompiler c, Decoded d, int bytes, boolean signed, boolean quotient) {
    Assembler a = c.a;
    Label zero = new Label();
    Label minusOne = new Label();
    Label done = new Label();
    c.get(Reg.RCX, d.rs2());
    c.get(Reg.RAX, d.rs1());
    a.test(bytes, Reg.RCX, Reg.RCX);
    a.jcc(Condition.EQUAL, zero);
    if (signed) {
      a.op(Binary.CMP, bytes, Reg.RCX, -1);
      a.jcc(Condition.EQUAL, minusOne);
      a.extendAccumulator(bytes);
      a.op(Unary.IDIV, bytes, Reg.RCX);
    } else {
      a.movConstant(Reg.RDX, 0);
      a.op(Unary.DIV, bytes, Reg.RCX);
    }
    a.jmp(done);
    if (signed) {
      a.bind(minusOne);
      a.op(Unary.NEG, bytes, Reg.RAX);
      a.movConstant(Reg.RDX, 0);
      a.jmp(done);
    }
    a.bind(zero);
    a.mov(8, Reg.RDX, Reg.RAX);
    a.movConstant(Reg.RAX, -1);
    a.bind(done);
    Reg result = quotient ? Reg.RAX : Reg.RDX;
    if (bytes == 4) {
      extendWord(c, d, result);
    } else {
      c.setRd(d, result);
    }
  }

  // ---- bits

  /** A value, or its zero-extended word, shifted and added to rs2. */
  private static void shiftAdd(BlockCompiler c, Decoded d, int bytes, int by) {
    c.a.mov(bytes, Reg.RAX, Guest.x(d.rs1()));
    if (by != 0) {
      c.a.shift(Shift.SHL, 8, Reg.RAX, by);
    }
    c.a.op(Binary.ADD, 8, Reg.RAX, Guest.x(d.rs2()));
    c.setRd(d, Reg.RAX);
  }

  private static void shiftUnsignedWord(BlockCompiler c, Decoded d) {
    c.a.mov(4, Reg.RAX, Guest.x(d.rs1()));
    c.a.shift(Shift.SHL, 8, Reg.RAX, (int) d.imm());
    c.setRd(d, Reg.RAX);
  }

  /** With the complement of rs2; of exclusive or it does not matter which. */
  private static void complement(BlockCompiler c, Decoded d, Binary op) {
    c.get(Reg.RAX, d.rs2());
    c.a.op(Unary.NOT, 8, Reg.RAX);
    c.a.op(op, 8, Reg.RAX, Guest.x(d.rs1()));
    c.setRd(d, Reg.RAX);
  }

  /** The second operand when the first is so, compared to it. */
  private static void choose(BlockCompiler c, Decoded d, Condition when) {
    c.get(Reg.RAX, d.rs1());
    c.a.op(Binary.CMP, 8, Reg.RAX, Guest.x(d.rs2()));
    c.a.cmov(when, 8, Reg.RAX, Guest.x(d.rs2()));
    c.setRd(d, Reg.RAX);
  }

  private static void leadingZeros(BlockCompiler c, Decoded d, int bytes) {
    int bits = 8 * bytes;
    c.a.movConstant(Reg.RCX, 2L * bits - 1); // with the bits below inverted: bits
    c.a.bitScanReverse(bytes, Reg.RAX, Guest.x(d.rs1()));
    c.a.cmov(Condition.EQUAL, 4, Reg.RAX, Reg.RCX);
    c.a.op(Binary.XOR, 4, Reg.RAX, bits - 1);
    c.setRd(d, Reg.RAX);
  }

  private static void trailingZeros(BlockCompiler c, Decoded d, int bytes) {
    c.a.movConstant(Reg.RCX, 8L * bytes);
    c.a.bitScanForward(bytes, Reg.RAX, Guest.x(d.rs1()));
    c.a.cmov(Condition.EQUAL, 4, Reg.RAX, Reg.RCX);
    c.setRd(d, Reg.RAX);
  }

  private static void narrow(BlockCompiler c, Decoded d, int bytes, boolean signed) {
    Reg to = BlockCompiler.result(d);
    Operand from = Guest.x(d.rs1());
    if (signed) {
      c.a.movSigned(bytes, to, from);
    } else {
      c.a.movZero(bytes, to, from);
    }
    c.setRd(d, to);
  }

  private static void reverseBytes(BlockCompiler c, Decoded d) {
    Reg to = BlockCompiler.result(d);
    c.get(to, d.rs1());
    c.a.bswap(to);
    c.setRd(d, to);
  }

  /** As the semantics: bit 7 of every byte that is not 0, spread over the byte. */
  private static void orBytes(BlockCompiler c, Decoded d) {
    Assembler a = c.a;
    c.get(Reg.RAX, d.rs1());
    a.movConstant(Reg.RCX, 0x7f7f_7f7f_7f7f_7f7fL);
    a.mov(8, Reg.RDX, Reg.RAX);
    a.op(Binary.AND, 8, Reg.RDX, Reg.RCX);
    a.op(Binary.ADD, 8, Reg.RDX, Reg.RCX);
    a.op(Binary.OR, 8, Reg.RDX, Reg.RAX);
    a.op(Unary.NOT, 8, Reg.RCX);
    a.op(Binary.AND, 8, Reg.RDX, Reg.RCX);
    a.shift(Shift.SHR, 8, Reg.RDX, 7);
    a.imul(8, Reg.RDX, Reg.RDX, 0xff);
    c.setRd(d, Reg.RDX);
  }

  private static void bit(BlockCompiler c, Decoded d, Bit op) {
    Reg to = BlockCompiler.result(d);
    if (BlockCompiler.isImmediate(d)) {
      c.get(to, d.rs1());
      c.a.bit(op, to, (int) d.imm());
    } else {
      c.get(Reg.RCX, d.rs2());
      c.get(to, d.rs1());
      c.a.bit(op, to, Reg.RCX);
    }
    c.setRd(d, to);
  }

  private static void extractBit(BlockCompiler c, Decoded d) {
    if (BlockCompiler.isImmediate(d)) {
      c.get(Reg.RAX, d.rs1());
      c.a.shift(Shift.SHR, 8, Reg.RAX, (int) d.imm());
    } else {
      c.get(Reg.RCX, d.rs2());
      c.get(Reg.RAX, d.rs1());
      c.a.shift(Shift.SHR, 8, Reg.RAX);
    }
    c.a.op(Binary.AND, 4, Reg.RAX, 1);
    c.setRd(d, Reg.RAX);
  }

  /** 0 when rs2 compares so to 0, else rs1. */
  private static void zeroWhen(BlockCompiler c, Decoded d, Condition when) {
    c.get(Reg.RAX, d.rs1());
    c.a.movConstant(Reg.RCX, 0);
    c.a.op(Binary.CMP, 8, Guest.x(d.rs2()), 0);
    c.a.cmov(when, 8, Reg.RAX, Reg.RCX);
    c.setRd(d, Reg.RAX);
  }

  // ---- control

  private static void branch(BlockCompiler c, Decoded d, Condition when) {
    Reg first = Guest.home(d.rs1());
    if (d.rs2() == 0) {
      if (first != null) {
        c.a.test(8, first, first);
      } else {
        c.a.op(Binary.CMP, 8, Guest.x(d.rs1()), 0);
      }
    } else {
      if (first == null) {
        first = Reg.RAX;
        c.get(first, d.rs1());
      }
      c.a.op(Binary.CMP, 8, first, Guest.x(d.rs2()));
    }
    c.branch(when, d.imm());
    c.jumpBy(d.length());
  }

  private static void jumpAndLink(BlockCompiler c, Decoded d) {
    link(c, d);
    c.jumpBy(d.imm());
  }

  private static void jumpToRegister(BlockCompiler c, Decoded d) {
    c.get(Reg.RAX, d.rs1());
    if (d.imm() != 0) {
      c.a.op(Binary.ADD, 8, Reg.RAX, (int) d.imm());
    }
    c.a.op(Binary.AND, 8, Reg.RAX, -2);
    if (d.rd() != 0) {
      c.address(Reg.RCX, d.length());
      c.setRd(d, Reg.RCX);
    }
    c.jumpToAddress();
  }

  private static void link(BlockCompiler c, Decoded d) {
    if (d.rd() != 0) {
      Reg to = BlockCompiler.result(d);
      c.address(to, d.length());
      c.setRd(d, to);
    }
  }
}
