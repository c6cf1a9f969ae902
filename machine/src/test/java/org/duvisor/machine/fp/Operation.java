package org.duvisor.machine.fp;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.duvisor.machine.fp.Model.Outcome;

/**
 * One instruction under test and what the model says of it.
 *
 * @param name the method of {@link Fp}, {@link Half} or {@link Zfa}
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

  /** The classes with the instructions. */
  static final List<Class<?>> OWNERS = List.of(Fp.class, Half.class, Zfa.class);

  private static final MethodType ANY =
      MethodType.methodType(long.class, Fcsr.class, long.class, long.class, long.class, int.class);

  static List<Operation> all() {
    List<Operation> all = new ArrayList<>();
    Table halves = new Table(Model.HALF, "_h", all);
    Table singles = new Table(Model.SINGLE, "_s", all);
    Table doubles = new Table(Model.DOUBLE, "_d", all);
    for (Table t : List.of(halves, singles, doubles)) {
      t.arithmetic();
      t.others();
      t.integers();
      t.constants();
    }
    for (Table from : List.of(halves, singles, doubles)) {
      for (Table to : List.of(halves, singles, doubles)) {
        if (from != to) {
          from.convert(to);
        }
      }
    }
    halves.moves("_h", a -> (short) a);
    singles.moves("_w", a -> (int) a);
    doubles.moves("_d", a -> a);
    doubles.ints(1, "fcvtmod_w", (a, b, x, rm) -> Model.DOUBLE.toModularWord(a));
    return List.copyOf(all);
  }

  /** A method as an instruction that takes all operands. */
  private static Instruction bind(String name) {
    Method method =
        OWNERS.stream()
            .flatMap(owner -> Arrays.stream(owner.getDeclaredMethods()))
            .filter(m -> m.getName().equals(name))
            .findFirst()
            .orElseThrow(() -> new IllegalArgumentException("no method " + name));
    Class<?>[] types = method.getParameterTypes();
    int[] order = new int[types.length];
    int longs = 0;
    for (int i = 0; i < order.length; i++) {
      order[i] = types[i] == Fcsr.class ? 0 : types[i] == int.class ? 4 : ++longs;
    }
    try {
      MethodHandle handle = MethodHandles.lookup().unreflect(method);
      MethodHandle any = MethodHandles.permuteArguments(handle, ANY, order);
      return (c, a, b, x, rm) -> call(any, c, a, b, x, rm);
    } catch (IllegalAccessException e) {
      throw new IllegalArgumentException(e);
    }
  }

  private static long call(MethodHandle any, Fcsr c, long a, long b, long x, int rm) {
    try {
      return (long) any.invokeExact(c, a, b, x, rm);
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  /** Collects the operations of one format and deals with NaN boxing. */
  private record Table(Model m, String suffix, List<Operation> all) {
    /** What a move of bits makes of a register. */
    interface Move {
      long apply(long a);
    }

    void arithmetic() {
      floats(3, "fmadd", (a, b, x, rm) -> m.fma(a, b, x, false, false, rm));
      floats(3, "fmsub", (a, b, x, rm) -> m.fma(a, b, x, false, true, rm));
      floats(3, "fnmsub", (a, b, x, rm) -> m.fma(a, b, x, true, false, rm));
      floats(3, "fnmadd", (a, b, x, rm) -> m.fma(a, b, x, true, true, rm));
      floats(2, "fadd", (a, b, x, rm) -> m.add(a, b, rm));
      floats(2, "fsub", (a, b, x, rm) -> m.sub(a, b, rm));
      floats(2, "fmul", (a, b, x, rm) -> m.mul(a, b, rm));
      floats(2, "fdiv", (a, b, x, rm) -> m.div(a, b, rm));
      floats(1, "fsqrt", (a, b, x, rm) -> m.sqrt(a, rm));
      floats(1, "fround", (a, b, x, rm) -> m.toIntegral(a, rm, false));
      floats(1, "froundnx", (a, b, x, rm) -> m.toIntegral(a, rm, true));
    }

    void others() {
      floats(2, "fsgnj", (a, b, x, rm) -> m.signInjected(a, m.negative(b)));
      floats(2, "fsgnjn", (a, b, x, rm) -> m.signInjected(a, !m.negative(b)));
      floats(2, "fsgnjx", (a, b, x, rm) -> m.signInjected(a, m.negative(a) != m.negative(b)));
      floats(2, "fmin", (a, b, x, rm) -> m.extreme(a, b, false, true));
      floats(2, "fmax", (a, b, x, rm) -> m.extreme(a, b, true, true));
      floats(2, "fminm", (a, b, x, rm) -> m.extreme(a, b, false, false));
      floats(2, "fmaxm", (a, b, x, rm) -> m.extreme(a, b, true, false));
      ints(2, "feq", (a, b, x, rm) -> m.equal(a, b));
      ints(2, "flt", (a, b, x, rm) -> m.less(a, b, false, false));
      ints(2, "fle", (a, b, x, rm) -> m.less(a, b, true, false));
      ints(2, "fltq", (a, b, x, rm) -> m.less(a, b, false, true));
      ints(2, "fleq", (a, b, x, rm) -> m.less(a, b, true, true));
      ints(1, "fclass", (a, b, x, rm) -> m.classify(a));
    }

    void integers() {
      for (String type : List.of("w", "wu", "l", "lu")) {
        boolean signed = !type.endsWith("u");
        int bits = type.startsWith("w") ? 32 : 64;
        add(
            "fcvt_" + type + suffix,
            Operand.FLOAT_TO_INTEGER,
            1,
            (a, b, x, rm) -> m.toInteger(unboxed(a), rm, signed, bits));
        add(
            "fcvt" + suffix + "_" + type,
            Operand.INTEGER,
            1,
            (a, b, x, rm) -> boxed(m.fromInteger(a, rm, signed, bits)));
      }
    }

    void constants() {
      String name = "fli" + suffix;
      Instruction fli = bind(name);
      Instruction any = (c, a, b, x, rm) -> fli.apply(c, a & 31, b, x, rm);
      Expected model = (a, b, x, rm) -> boxed(m.constant((int) a & 31));
      all.add(new Operation(name, m, Operand.INTEGER, 1, any, model));
    }

    void convert(Table to) {
      add(
          "fcvt" + to.suffix + suffix,
          Operand.FLOAT,
          1,
          (a, b, x, rm) -> to.boxed(to.m.fromFormat(m, unboxed(a), rm)));
    }

    void moves(String width, Move toInteger) {
      Expected bits = (a, b, x, rm) -> new Outcome(toInteger.apply(a), 0);
      add("fmv_x" + width, Operand.FLOAT, 1, bits);
      Expected boxed = (a, b, x, rm) -> boxed(new Outcome(a, 0));
      add("fmv" + width + "_x", Operand.INTEGER, 1, boxed);
    }

    void ints(int arity, String name, Expected model) {
      add(
          name + suffix,
          Operand.FLOAT,
          arity,
          (a, b, x, rm) -> model.apply(unboxed(a), unboxed(b), unboxed(x), rm));
    }

    void floats(int arity, String name, Expected model) {
      add(
          name + suffix,
          Operand.FLOAT,
          arity,
          (a, b, x, rm) -> boxed(model.apply(unboxed(a), unboxed(b), unboxed(x), rm)));
    }

    private void add(String name, Operand operand, int arity, Expected model) {
      all.add(new Operation(name, m, operand, arity, bind(name), model));
    }

    /** The bits above a narrower value, which are ones. */
    private long box() {
      return m.width() == 64 ? 0 : -1L << m.width();
    }

    private long unboxed(long a) {
      return (a & box()) == box() ? a & ~box() : m.nan();
    }

    private Outcome boxed(Outcome outcome) {
      return new Outcome(outcome.bits() | box(), outcome.flags());
    }
  }
}
