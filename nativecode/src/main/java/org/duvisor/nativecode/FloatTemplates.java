package org.duvisor.nativecode;

import java.util.Map;
import org.duvisor.isa.Decoded;
import org.duvisor.isa.Semantics.Argument;
import org.duvisor.machine.Hart;
import org.duvisor.machine.interp.HostCode;
import org.duvisor.nativecode.Assembler.Binary;
import org.duvisor.nativecode.Assembler.Bit;
import org.duvisor.nativecode.Assembler.Label;
import org.duvisor.nativecode.Assembler.Scalar;
import org.jspecify.annotations.Nullable;

/**
 * Floating point, as far as SSE2 does it with the very results and flags of RISC-V: rounding to
 * nearest even, tininess after rounding, NaNs made canonical behind. MXCSR gathers the flags of a
 * visit, and has the same exceptions. Words that are no boxed singles are interpreted.
 */
final class FloatTemplates {
  private static final long BOX = 0xffff_ffffL << 32;
  private static final int NEAREST = 0;
  private static final int TOWARD_ZERO = 1;
  private static final int DYNAMIC = 7;

  private FloatTemplates() {}

  /** Enters the templates into a table. */
  static void put(Map<String, Template> t) {
    for (boolean wide : new boolean[] {true, false}) {
      String s = wide ? "_d" : "_s";
      t.put("Fp.fadd" + s, (c, d) -> arithmetic(c, d, wide, Scalar.ADD));
      t.put("Fp.fsub" + s, (c, d) -> arithmetic(c, d, wide, Scalar.SUB));
      t.put("Fp.fmul" + s, (c, d) -> arithmetic(c, d, wide, Scalar.MUL));
      t.put("Fp.fdiv" + s, (c, d) -> arithmetic(c, d, wide, Scalar.DIV));
      t.put("Fp.fsqrt" + s, (c, d) -> convert(c, d, wide, wide, Scalar.SQRT));
      t.put("Fp.feq" + s, (c, d) -> equal(c, d, wide));
      t.put("Fp.flt" + s, (c, d) -> less(c, d, wide, Condition.ABOVE));
      t.put("Fp.fle" + s, (c, d) -> less(c, d, wide, Condition.ABOVE_EQUAL));
      t.put("Fp.fsgnj" + s, (c, d) -> sign(c, d, wide, null));
      t.put("Fp.fsgnjn" + s, (c, d) -> sign(c, d, wide, Bit.BTC));
      t.put("Fp.fsgnjx" + s, (c, d) -> sign(c, d, wide, Bit.BTR));
      t.put("Fp.fcvt" + s + "_w", (c, d) -> fromInteger(c, d, wide, 4));
      t.put("Fp.fcvt" + s + "_l", (c, d) -> fromInteger(c, d, wide, 8));
      t.put("Fp.fcvt_w" + s, (c, d) -> toInteger(c, d, wide, 4));
      t.put("Fp.fcvt_l" + s, (c, d) -> toInteger(c, d, wide, 8));
    }
    t.put("Fp.fcvt_s_d", (c, d) -> convert(c, d, true, false, Scalar.CONVERT));
    t.put("Fp.fcvt_d_s", (c, d) -> convert(c, d, false, true, Scalar.CONVERT));
    t.put("Fp.fmv_x_d", (c, d) -> toX(c, d, 8));
    t.put("Fp.fmv_x_w", (c, d) -> toX(c, d, 4));
    t.put("Fp.fmv_d_x", (c, d) -> fromX(c, d, 8));
    t.put("Fp.fmv_w_x", (c, d) -> fromX(c, d, 4));
  }

  /** Whether an instruction's rounding mode, and operands, are those that templates do. */
  static boolean isUsual(Decoded d) {
    String method = d.instruction().semantics().method();
    if (method.startsWith("fsgnj")) {
      return d.rs1() == d.rs2(); // moves, negations and absolute values
    }
    if (!rounds(d)) {
      return true;
    }
    boolean toInteger = method.startsWith("fcvt_w_") || method.startsWith("fcvt_l_");
    return d.rm() == NEAREST || d.rm() == DYNAMIC || toInteger && d.rm() == TOWARD_ZERO;
  }

  private static boolean rounds(Decoded d) {
    return d.instruction().semantics().arguments().contains(Argument.RM);
  }

  /** What has to be true of the hart: see {@link Hart#floatState}. */
  static int required(Decoded d) {
    return rounds(d) && d.rm() == DYNAMIC ? Hart.FLOAT_NEAREST : Hart.FLOAT_READY;
  }

  private static void arithmetic(BlockCompiler c, Decoded d, boolean wide, Scalar op) {
    boxed(c, wide, d.rs1());
    boxed(c, wide, d.rs2());
    c.a.loadVector(Reg.RAX, Guest.f(d.rs1()));
    c.a.scalar(op, wide, Reg.RAX, Guest.f(d.rs2()));
    result(c, d, wide);
  }

  /** Of one operand, from one format to another or the same. */
  private static void convert(BlockCompiler c, Decoded d, boolean from, boolean to, Scalar op) {
    boxed(c, from, d.rs1());
    c.a.scalar(op, from, Reg.RAX, Guest.f(d.rs1()));
    result(c, d, to);
  }

  /** Stores XMM0, made canonical if it is a NaN. */
  private static void result(BlockCompiler c, Decoded d, boolean wide) {
    Assembler a = c.a;
    Label number = new Label();
    a.moveFromVector(wide ? 8 : 4, Reg.RAX, Reg.RAX);
    a.compareVectors(false, wide, Reg.RAX, Reg.RAX);
    a.jcc(Condition.NO_PARITY, number);
    a.movConstant(Reg.RAX, wide ? 0x7ff8L << 48 : 0x7fc0_0000L);
    a.bind(number);
    setF(c, d, wide);
  }

  /** Sets rd to RAX, boxed when it is a single. */
  private static void setF(BlockCompiler c, Decoded d, boolean wide) {
    if (!wide) {
      c.a.movConstant(Reg.RCX, BOX);
      c.a.op(Binary.OR, 8, Reg.RAX, Reg.RCX);
    }
    c.a.store(8, Guest.f(d.rd()), Reg.RAX);
  }

  /** Leaves unless a register has a single; all have a double. */
  private static void boxed(BlockCompiler c, boolean wide, int register) {
    if (!wide) {
      Mem upper = Mem.at(Guest.BLOCK, Guest.f(register).displacement() + 4);
      c.a.op(Binary.CMP, 4, upper, -1);
      c.a.jcc(Condition.NOT_EQUAL, c.wayOut(HostCode.INTERPRET));
    }
  }

  private static void equal(BlockCompiler c, Decoded d, boolean wide) {
    boxed(c, wide, d.rs1());
    boxed(c, wide, d.rs2());
    c.a.loadVector(Reg.RAX, Guest.f(d.rs1()));
    c.a.compareVectors(false, wide, Reg.RAX, Guest.f(d.rs2()));
    c.a.set(Condition.EQUAL, Reg.RAX);
    c.a.set(Condition.NO_PARITY, Reg.RCX);
    c.a.op(Binary.AND, 4, Reg.RAX, Reg.RCX);
    c.setRd(d, Reg.RAX);
  }

  /** As greater with the operands exchanged, which is false for NaNs. */
  private static void less(BlockCompiler c, Decoded d, boolean wide, Condition when) {
    boxed(c, wide, d.rs1());
    boxed(c, wide, d.rs2());
    c.a.loadVector(Reg.RAX, Guest.f(d.rs2()));
    c.a.compareVectors(true, wide, Reg.RAX, Guest.f(d.rs1()));
    c.a.set(when, Reg.RAX);
    c.setRd(d, Reg.RAX);
  }

  /** What an operation on the sign does when both operands are the same. */
  private static void sign(BlockCompiler c, Decoded d, boolean wide, @Nullable Bit change) {
    boxed(c, wide, d.rs1());
    c.a.mov(8, Reg.RAX, Guest.f(d.rs1()));
    if (change != null) {
      c.a.bit(change, Reg.RAX, wide ? 63 : 31);
    }
    c.a.store(8, Guest.f(d.rd()), Reg.RAX);
  }

  private static void fromInteger(BlockCompiler c, Decoded d, boolean wide, int bytes) {
    c.get(Reg.RAX, d.rs1());
    c.a.convertInteger(wide, bytes, Reg.RAX, Reg.RAX);
    c.a.moveFromVector(wide ? 8 : 4, Reg.RAX, Reg.RAX);
    setF(c, d, wide);
  }

  /**
   * The processor has one result for all that does not fit: that one is left to the interpreter.
   */
  private static void toInteger(BlockCompiler c, Decoded d, boolean wide, int bytes) {
    boxed(c, wide, d.rs1());
    c.a.convertToInteger(wide, d.rm() == TOWARD_ZERO, bytes, Reg.RAX, Guest.f(d.rs1()));
    c.a.op(Binary.CMP, bytes, Reg.RAX, 1);
    c.a.jcc(Condition.OVERFLOW, c.wayOut(HostCode.INTERPRET));
    if (bytes == 4) {
      c.a.movSigned(4, Reg.RAX, Reg.RAX);
    }
    c.setRd(d, Reg.RAX);
  }

  private static void toX(BlockCompiler c, Decoded d, int bytes) {
    if (bytes == 4) {
      c.a.movSigned(4, Reg.RAX, Guest.f(d.rs1()));
    } else {
      c.a.mov(8, Reg.RAX, Guest.f(d.rs1()));
    }
    c.setRd(d, Reg.RAX);
  }

  private static void fromX(BlockCompiler c, Decoded d, int bytes) {
    c.a.mov(bytes, Reg.RAX, Guest.x(d.rs1()));
    setF(c, d, bytes == 8);
  }
}
