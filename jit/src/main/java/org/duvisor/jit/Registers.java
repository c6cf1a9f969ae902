package org.duvisor.jit;

import static java.lang.constant.ConstantDescs.CD_long;
import static java.lang.constant.ConstantDescs.CD_void;

import java.lang.classfile.CodeBuilder;
import java.lang.constant.ClassDesc;
import java.lang.constant.MethodTypeDesc;
import org.duvisor.isa.Decoded;
import org.duvisor.isa.Semantics;
import org.duvisor.isa.Semantics.Argument;
import org.duvisor.isa.Semantics.Kind;
import org.duvisor.isa.Semantics.Result;
import org.duvisor.machine.HartState;
import org.duvisor.machine.mem.Raw;

/**
 * Where the guest's registers are while a region runs: those it uses in locals, all others in the
 * hart's block. Numbers 0 to 31 are x, 32 to 63 are f.
 */
final class Registers {
  static final int F = 32;

  private static final ClassDesc RAW = Raw.class.describeConstable().orElseThrow();
  private static final MethodTypeDesc GET = MethodTypeDesc.of(CD_long, CD_long);
  private static final MethodTypeDesc SET = MethodTypeDesc.of(CD_void, CD_long, CD_long);

  private final int[] local = new int[64]; // 0 = not used
  private final boolean[] written = new boolean[64];
  private final int block;
  private int nextLocal;

  /**
   * No register used yet.
   *
   * @param block local variable with the address of the hart's block
   * @param nextLocal first local variable that is free
   */
  Registers(int block, int nextLocal) {
    this.block = block;
    this.nextLocal = nextLocal;
  }

  /** Makes room for what an instruction reads and writes. */
  void note(Decoded d) {
    Semantics s = d.instruction().semantics();
    for (Argument a : s.arguments()) {
      switch (a) {
        case RS1 -> use(d.rs1());
        case RS2 -> use(d.rs2());
        case RD -> use(d.rd());
        case FRS1 -> use(F + d.rs1());
        case FRS2 -> use(F + d.rs2());
        case FRS3 -> use(F + d.rs3());
        default -> {}
      }
    }
    if (s.result() == Result.FRD) {
      define(F + d.rd());
    } else if (s.result() == Result.RD || s.kind() == Kind.LINK) {
      define(d.rd());
    }
  }

  private void use(int register) {
    if (register != 0 && local[register] == 0) {
      local[register] = nextLocal;
      nextLocal += 2;
    }
  }

  private void define(int register) {
    use(register);
    written[register] = register != 0;
  }

  /** The first local variable after the registers. */
  int end() {
    return nextLocal;
  }

  /** Block to locals. */
  void load(CodeBuilder b) {
    for (int r = 1; r < 64; r++) {
      if (local[r] != 0) {
        address(b, r);
        b.invokestatic(RAW, "word", GET).lstore(local[r]);
      }
    }
  }

  /** Locals to block, as far as the region writes them. */
  void store(CodeBuilder b) {
    for (int r = 1; r < 64; r++) {
      if (written[r]) {
        address(b, r);
        b.lload(local[r]).invokestatic(RAW, "word", SET);
      }
    }
  }

  private void address(CodeBuilder b, int register) {
    int at = register < F ? HartState.X + 8 * register : HartState.F + 8 * (register - F);
    b.lload(block).loadConstant((long) at).ladd();
  }

  /** Pushes the value of a register. */
  void push(CodeBuilder b, int register) {
    if (register == 0) {
      b.lconst_0();
    } else {
      b.lload(local[register]);
    }
  }

  /** Pops a value into a register. */
  void pop(CodeBuilder b, int register) {
    if (register == 0) {
      b.pop2();
    } else {
      b.lstore(local[register]);
    }
  }
}
