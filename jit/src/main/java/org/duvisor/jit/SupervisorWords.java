package org.duvisor.jit;

import static java.lang.constant.ConstantDescs.CD_long;
import static java.lang.constant.ConstantDescs.CD_void;

import java.lang.classfile.CodeBuilder;
import java.lang.constant.ClassDesc;
import java.lang.constant.MethodTypeDesc;
import org.duvisor.isa.Csr;
import org.duvisor.isa.Decoded;
import org.duvisor.isa.Semantics.Argument;
import org.duvisor.machine.Hart;
import org.duvisor.machine.mem.Raw;

/**
 * Accesses to sscratch, sepc, scause and stval as plain loads and stores: a kernel's way in and out
 * is made of them. They have no effects, nothing but the level is asked for them, and V=1 has words
 * of its own in the same order ({@link Hart#supervisorWords}).
 */
final class SupervisorWords {
  private static final ClassDesc RAW = Raw.class.describeConstable().orElseThrow();
  private static final MethodTypeDesc GET = MethodTypeDesc.of(CD_long, CD_long);
  private static final MethodTypeDesc SET = MethodTypeDesc.of(CD_void, CD_long, CD_long);

  private SupervisorWords() {}

  /** Whether an instruction is such an access. */
  static boolean has(Decoded d) {
    return d.instruction().semantics().owner().equals("Csrs")
        && d.csr() >= Csr.SSCRATCH
        && d.csr() <= Csr.STVAL;
  }

  /**
   * The access.
   *
   * @param words local variable with the address of the words, which is not 0
   * @param scratch a free local variable
   */
  static void access(CodeBuilder b, Registers registers, Decoded d, int words, int scratch) {
    String method = d.instruction().semantics().method();
    boolean swap = method.equals("csrrw");
    boolean reads = !swap || d.rd() != 0;
    boolean immediate = d.instruction().semantics().arguments().contains(Argument.ZIMM);
    if (reads) {
      address(b, d, words);
      b.invokestatic(RAW, "word", GET).lstore(scratch);
    }
    if (swap || (immediate ? d.zimm() : d.rs1()) != 0) {
      address(b, d, words);
      if (immediate) {
        b.loadConstant((long) d.zimm());
      } else {
        registers.push(b, d.rs1());
      }
      switch (method) {
        case "csrrs" -> b.lload(scratch).lor();
        case "csrrc" -> b.loadConstant(-1L).lxor().lload(scratch).land();
        default -> {}
      }
      if (d.csr() == Csr.SEPC) {
        b.loadConstant(~1L).land();
      }
      b.invokestatic(RAW, "word", SET);
    }
    if (reads) {
      b.lload(scratch);
      registers.pop(b, d.rd());
    }
  }

  private static void address(CodeBuilder b, Decoded d, int words) {
    b.lload(words).loadConstant(8L * (d.csr() - Csr.SSCRATCH)).ladd();
  }
}
