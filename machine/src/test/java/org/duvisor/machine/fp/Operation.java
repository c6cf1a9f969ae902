package org.duvisor.machine.fp;

import java.util.ArrayList;
import java.util.List;
import org.duvisor.machine.fp.Model.Outcome;

/**
 * One instruction under test and what the model says of it.
 *
 * @param name the method of {@link Fp}
 * @param format the format of floating-point operands
 * @param operand what the operands are
 * @param arity how many operands it has
 * @param instruction the method
 * @param model the model's result as a 64-bit register, of operands as 64-bit registers
 */
record Operation(
    String name,
    Model format,
    Operand operand,
    int arity,
    Instruction instruction,
    Expected model) {

  /** What the operands of an instruction are. */
  enum Operand {
    FLOAT,
    /** Floating point, to be converted to an integer. */
    FLOAT_TO_INTEGER,
    INTEGER
  }

  /** An instruction with all operands any instruction has; it ignores some. */
  interface Instruction {
    long apply(Fcsr c, long a, long b, long x, int rm);
  }

  /** The model of an instruction, over registers. */
  interface Expected {
    Outcome apply(long a, long b, long x, int rm);
  }

  @Override
  public String toString() {
    return name;
  }

  /** Runs it with the given flags set before. */
  Outcome run(long a, long b, long x, int rm, int flagsBefore) {
    Fcsr c = new Fcsr();
    c.flags = flagsBefore;
    long bits = instruction.apply(c, a, b, x, rm);
    return new Outcome(bits, c.flags);
  }

  /** What the model expects of {@link #run}. */
  Outcome expected(long a, long b, long x, int rm, int flagsBefore) {
    Outcome outcome = model.apply(a, b, x, rm);
    return new Outcome(outcome.bits(), outcome.flags() | flagsBefore);
  }

  static List<Operation> all() {
    List<Operation> all = new ArrayList<>();
    singles(new Table(Model.SINGLE, all));
    doubles(new Table(Model.DOUBLE, all));
    return List.copyOf(all);
  }

  private static void singles(Table t) {
    Model m = Model.SINGLE;
    t.floats(3, "fmadd_s", Fp::fmadd_s, (a, b, x, rm) -> m.fma(a, b, x, false, false, rm));
    t.floats(3, "fmsub_s", Fp::fmsub_s, (a, b, x, rm) -> m.fma(a, b, x, false, true, rm));
    t.floats(3, "fnmsub_s", Fp::fnmsub_s, (a, b, x, rm) -> m.fma(a, b, x, true, false, rm));
    t.floats(3, "fnmadd_s", Fp::fnmadd_s, (a, b, x, rm) -> m.fma(a, b, x, true, true, rm));
    t.floats(
        2, "fadd_s", (c, a, b, x, rm) -> Fp.fadd_s(c, a, b, rm), (a, b, x, rm) -> m.add(a, b, rm));
    t.floats(
        2, "fsub_s", (c, a, b, x, rm) -> Fp.fsub_s(c, a, b, rm), (a, b, x, rm) -> m.sub(a, b, rm));
    t.floats(
        2, "fmul_s", (c, a, b, x, rm) -> Fp.fmul_s(c, a, b, rm), (a, b, x, rm) -> m.mul(a, b, rm));
    t.floats(
        2, "fdiv_s", (c, a, b, x, rm) -> Fp.fdiv_s(c, a, b, rm), (a, b, x, rm) -> m.div(a, b, rm));
    t.floats(
        1, "fsqrt_s", (c, a, b, x, rm) -> Fp.fsqrt_s(c, a, rm), (a, b, x, rm) -> m.sqrt(a, rm));
    t.floats(
        2,
        "fsgnj_s",
        (c, a, b, x, rm) -> Fp.fsgnj_s(a, b),
        (a, b, x, rm) -> m.signInjected(a, m.negative(b)));
    t.floats(
        2,
        "fsgnjn_s",
        (c, a, b, x, rm) -> Fp.fsgnjn_s(a, b),
        (a, b, x, rm) -> m.signInjected(a, !m.negative(b)));
    t.floats(
        2,
        "fsgnjx_s",
        (c, a, b, x, rm) -> Fp.fsgnjx_s(a, b),
        (a, b, x, rm) -> m.signInjected(a, m.negative(a) != m.negative(b)));
    t.floats(
        2,
        "fmin_s",
        (c, a, b, x, rm) -> Fp.fmin_s(c, a, b),
        (a, b, x, rm) -> m.extreme(a, b, false));
    t.floats(
        2,
        "fmax_s",
        (c, a, b, x, rm) -> Fp.fmax_s(c, a, b),
        (a, b, x, rm) -> m.extreme(a, b, true));
    t.ints(2, "feq_s", (c, a, b, x, rm) -> Fp.feq_s(c, a, b), (a, b, x, rm) -> m.equal(a, b));
    t.ints(2, "flt_s", (c, a, b, x, rm) -> Fp.flt_s(c, a, b), (a, b, x, rm) -> m.less(a, b, false));
    t.ints(2, "fle_s", (c, a, b, x, rm) -> Fp.fle_s(c, a, b), (a, b, x, rm) -> m.less(a, b, true));
    t.ints(1, "fclass_s", (c, a, b, x, rm) -> Fp.fclass_s(a), (a, b, x, rm) -> m.classify(a));
    t.ints(
        1, "fmv_x_w", (c, a, b, x, rm) -> Fp.fmv_x_w(a), (a, b, x, rm) -> new Outcome((int) a, 0));
    t.toInteger("fcvt_w_s", Fp::fcvt_w_s, true, 32);
    t.toInteger("fcvt_wu_s", Fp::fcvt_wu_s, false, 32);
    t.toInteger("fcvt_l_s", Fp::fcvt_l_s, true, 64);
    t.toInteger("fcvt_lu_s", Fp::fcvt_lu_s, false, 64);
    t.fromInteger("fcvt_s_w", Fp::fcvt_s_w, true, 32);
    t.fromInteger("fcvt_s_wu", Fp::fcvt_s_wu, false, 32);
    t.fromInteger("fcvt_s_l", Fp::fcvt_s_l, true, 64);
    t.fromInteger("fcvt_s_lu", Fp::fcvt_s_lu, false, 64);
    t.add(
        "fmv_w_x",
        Operand.INTEGER,
        1,
        (c, a, b, x, rm) -> Fp.fmv_w_x(a),
        (a, b, x, rm) -> new Outcome(a | 0xffff_ffff_0000_0000L, 0));
    t.add(
        "fcvt_d_s",
        Operand.FLOAT,
        1,
        (c, a, b, x, rm) -> Fp.fcvt_d_s(c, a, rm),
        (a, b, x, rm) -> Model.DOUBLE.fromFormat(m, t.unboxed(a), rm));
  }

  private static void doubles(Table t) {
    Model m = Model.DOUBLE;
    t.floats(3, "fmadd_d", Fp::fmadd_d, (a, b, x, rm) -> m.fma(a, b, x, false, false, rm));
    t.floats(3, "fmsub_d", Fp::fmsub_d, (a, b, x, rm) -> m.fma(a, b, x, false, true, rm));
    t.floats(3, "fnmsub_d", Fp::fnmsub_d, (a, b, x, rm) -> m.fma(a, b, x, true, false, rm));
    t.floats(3, "fnmadd_d", Fp::fnmadd_d, (a, b, x, rm) -> m.fma(a, b, x, true, true, rm));
    t.floats(
        2, "fadd_d", (c, a, b, x, rm) -> Fp.fadd_d(c, a, b, rm), (a, b, x, rm) -> m.add(a, b, rm));
    t.floats(
        2, "fsub_d", (c, a, b, x, rm) -> Fp.fsub_d(c, a, b, rm), (a, b, x, rm) -> m.sub(a, b, rm));
    t.floats(
        2, "fmul_d", (c, a, b, x, rm) -> Fp.fmul_d(c, a, b, rm), (a, b, x, rm) -> m.mul(a, b, rm));
    t.floats(
        2, "fdiv_d", (c, a, b, x, rm) -> Fp.fdiv_d(c, a, b, rm), (a, b, x, rm) -> m.div(a, b, rm));
    t.floats(
        1, "fsqrt_d", (c, a, b, x, rm) -> Fp.fsqrt_d(c, a, rm), (a, b, x, rm) -> m.sqrt(a, rm));
    t.floats(
        2,
        "fsgnj_d",
        (c, a, b, x, rm) -> Fp.fsgnj_d(a, b),
        (a, b, x, rm) -> m.signInjected(a, m.negative(b)));
    t.floats(
        2,
        "fsgnjn_d",
        (c, a, b, x, rm) -> Fp.fsgnjn_d(a, b),
        (a, b, x, rm) -> m.signInjected(a, !m.negative(b)));
    t.floats(
        2,
        "fsgnjx_d",
        (c, a, b, x, rm) -> Fp.fsgnjx_d(a, b),
        (a, b, x, rm) -> m.signInjected(a, m.negative(a) != m.negative(b)));
    t.floats(
        2,
        "fmin_d",
        (c, a, b, x, rm) -> Fp.fmin_d(c, a, b),
        (a, b, x, rm) -> m.extreme(a, b, false));
    t.floats(
        2,
        "fmax_d",
        (c, a, b, x, rm) -> Fp.fmax_d(c, a, b),
        (a, b, x, rm) -> m.extreme(a, b, true));
    t.ints(2, "feq_d", (c, a, b, x, rm) -> Fp.feq_d(c, a, b), (a, b, x, rm) -> m.equal(a, b));
    t.ints(2, "flt_d", (c, a, b, x, rm) -> Fp.flt_d(c, a, b), (a, b, x, rm) -> m.less(a, b, false));
    t.ints(2, "fle_d", (c, a, b, x, rm) -> Fp.fle_d(c, a, b), (a, b, x, rm) -> m.less(a, b, true));
    t.ints(1, "fclass_d", (c, a, b, x, rm) -> Fp.fclass_d(a), (a, b, x, rm) -> m.classify(a));
    t.ints(1, "fmv_x_d", (c, a, b, x, rm) -> Fp.fmv_x_d(a), (a, b, x, rm) -> new Outcome(a, 0));
    t.toInteger("fcvt_w_d", Fp::fcvt_w_d, true, 32);
    t.toInteger("fcvt_wu_d", Fp::fcvt_wu_d, false, 32);
    t.toInteger("fcvt_l_d", Fp::fcvt_l_d, true, 64);
    t.toInteger("fcvt_lu_d", Fp::fcvt_lu_d, false, 64);
    t.fromInteger("fcvt_d_w", Fp::fcvt_d_w, true, 32);
    t.fromInteger("fcvt_d_wu", Fp::fcvt_d_wu, false, 32);
    t.fromInteger("fcvt_d_l", Fp::fcvt_d_l, true, 64);
    t.fromInteger("fcvt_d_lu", Fp::fcvt_d_lu, false, 64);
    t.add(
        "fmv_d_x",
        Operand.INTEGER,
        1,
        (c, a, b, x, rm) -> Fp.fmv_d_x(a),
        (a, b, x, rm) -> new Outcome(a, 0));
    t.add(
        "fcvt_s_d",
        Operand.FLOAT,
        1,
        (c, a, b, x, rm) -> Fp.fcvt_s_d(c, a, rm),
        (a, b, x, rm) -> boxed(Model.SINGLE, Model.SINGLE.fromFormat(m, a, rm)));
  }

  private static Outcome boxed(Model format, Outcome outcome) {
    return format.width() == 32
        ? new Outcome(outcome.bits() | 0xffff_ffff_0000_0000L, outcome.flags())
        : outcome;
  }

  /** Collects the operations of one format and deals with NaN boxing. */
  private record Table(Model format, List<Operation> all) {
    /** A conversion. */
    interface Conversion {
      long apply(Fcsr c, long a, int rm);
    }

    long unboxed(long a) {
      if (format.width() == 64) {
        return a;
      }
      return a >>> 32 == 0xffff_ffffL ? a & 0xffff_ffffL : format.nan();
    }

    void add(String name, Operand operand, int arity, Instruction instruction, Expected model) {
      all.add(new Operation(name, format, operand, arity, instruction, model));
    }

    void ints(int arity, String name, Instruction instruction, Expected model) {
      boolean raw = name.startsWith("fmv");
      Expected unboxing = (a, b, x, rm) -> model.apply(unboxed(a), unboxed(b), unboxed(x), rm);
      add(name, Operand.FLOAT, arity, instruction, raw ? model : unboxing);
    }

    void floats(int arity, String name, Instruction instruction, Expected model) {
      add(
          name,
          Operand.FLOAT,
          arity,
          instruction,
          (a, b, x, rm) -> boxed(format, model.apply(unboxed(a), unboxed(b), unboxed(x), rm)));
    }

    void toInteger(String name, Conversion conversion, boolean isSigned, int bits) {
      add(
          name,
          Operand.FLOAT_TO_INTEGER,
          1,
          (c, a, b, x, rm) -> conversion.apply(c, a, rm),
          (a, b, x, rm) -> format.toInteger(unboxed(a), rm, isSigned, bits));
    }

    void fromInteger(String name, Conversion conversion, boolean isSigned, int bits) {
      add(
          name,
          Operand.INTEGER,
          1,
          (c, a, b, x, rm) -> conversion.apply(c, a, rm),
          (a, b, x, rm) -> boxed(format, format.fromInteger(a, rm, isSigned, bits)));
    }
  }
}
