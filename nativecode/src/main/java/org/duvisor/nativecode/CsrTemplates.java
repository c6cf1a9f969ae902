package org.duvisor.nativecode;

import java.util.Map;
import org.duvisor.isa.Csr;
import org.duvisor.isa.Decoded;
import org.duvisor.isa.Semantics.Argument;
import org.duvisor.machine.HartState;
import org.duvisor.machine.OwnWords;
import org.duvisor.machine.interp.HostCode;
import org.duvisor.nativecode.Assembler.Binary;
import org.duvisor.nativecode.Assembler.Bit;
import org.duvisor.nativecode.Assembler.Label;
import org.duvisor.nativecode.Assembler.Unary;
import org.jspecify.annotations.Nullable;

/**
 * The CSRs of a kernel's way in and out, and of its critical sections: sscratch, sepc, scause and
 * stval in S mode, which have no effects; and sstatus in HS mode, read, or with SIE changed.
 */
final class CsrTemplates {
  /** What is seen of mstatus. */
  private static final long SSTATUS =
      Csr.SSTATUS_SIE
          | Csr.SSTATUS_SPIE
          | Csr.SSTATUS_SPP
          | Csr.SSTATUS_FS
          | Csr.SSTATUS_SUM
          | Csr.SSTATUS_MXR
          | Csr.SSTATUS_UXL
          | Csr.SSTATUS_SD;

  private static final Mem MSTATUS = Guest.word(HartState.MSTATUS);

  /** What an instruction does to a CSR: which operation, and with what. */
  private static final Map<String, Binary> OPERATIONS =
      Map.of("csrrw", Binary.CMP, "csrrs", Binary.OR, "csrrc", Binary.AND);

  private CsrTemplates() {}

  /** The template of an access; null when it has to be interpreted. */
  static @Nullable Template of(Decoded d) {
    if (d.csr() >= Csr.SSCRATCH && d.csr() <= Csr.STVAL) {
      return CsrTemplates::word;
    }
    boolean swaps = operation(d) == Binary.CMP;
    if (d.csr() != Csr.SSTATUS || swaps || isImmediate(d) && (d.zimm() & ~Csr.SSTATUS_SIE) != 0) {
      return null;
    }
    return CsrTemplates::status;
  }

  /** Whether it may let an interrupt in. */
  static boolean enablesInterrupts(Decoded d) {
    return d.instruction().semantics().owner().equals("Csrs")
        && d.csr() == Csr.SSTATUS
        && d.rs1() != 0;
  }

  private static Binary operation(Decoded d) {
    return OPERATIONS.getOrDefault(d.instruction().semantics().method(), Binary.CMP);
  }

  private static boolean isImmediate(Decoded d) {
    return d.instruction().semantics().arguments().contains(Argument.ZIMM);
  }

  private static void operand(BlockCompiler c, Reg to, Decoded d) {
    if (isImmediate(d)) {
      c.a.movConstant(to, d.zimm());
    } else {
      c.get(to, d.rs1());
    }
  }

  private static void word(BlockCompiler c, Decoded d) {
    Assembler a = c.a;
    Binary op = operation(d);
    Mem word = Mem.at(Reg.RDX, 8 * (d.csr() - Csr.SSCRATCH));
    a.mov(8, Reg.RDX, Guest.SUPERVISOR_WORDS);
    a.test(8, Reg.RDX, Reg.RDX);
    a.jcc(Condition.EQUAL, c.wayOut(HostCode.INTERPRET));
    a.mov(8, Reg.RAX, word);
    if (op == Binary.CMP || d.rs1() != 0) {
      operand(c, Reg.RCX, d);
      if (op == Binary.AND) {
        a.op(Unary.NOT, 8, Reg.RCX);
      }
      if (op != Binary.CMP) {
        a.op(op, 8, Reg.RCX, Reg.RAX);
      }
      if (d.csr() == Csr.SEPC) {
        a.op(Binary.AND, 8, Reg.RCX, -2);
      }
      a.store(8, word, Reg.RCX);
    }
    c.setRd(d, Reg.RAX);
    c.jumpBy(d.length());
  }

  /**
   * In HS mode. Setting SIE is left to the interpreter while an interrupt waits for it; one that
   * comes later asks for attention.
   */
  private static void status(BlockCompiler c, Decoded d) {
    Assembler a = c.a;
    Label interpret = c.wayOut(HostCode.INTERPRET);
    requireHostSupervisor(c);
    boolean writes = d.rs1() != 0;
    boolean sets = operation(d) == Binary.OR;
    if (writes) {
      operand(c, Reg.RCX, d);
      a.mov(8, Reg.RAX, Reg.RCX);
      a.op(Binary.AND, 8, Reg.RAX, ~(int) Csr.SSTATUS_SIE);
      a.jcc(Condition.NOT_EQUAL, interpret);
      if (sets) {
        a.mov(8, Reg.RAX, Guest.word(OwnWords.LAST_PENDING));
        a.op(Binary.AND, 8, Reg.RAX, Guest.word(HartState.MIE));
        a.jcc(Condition.NOT_EQUAL, interpret);
      }
    }
    if (d.rd() != 0) {
      read(a);
    }
    if (writes && sets) {
      a.op(Binary.OR, 8, MSTATUS, Reg.RCX);
    } else if (writes) {
      a.op(Unary.NOT, 8, Reg.RCX);
      a.op(Binary.AND, 8, MSTATUS, Reg.RCX);
    }
    c.setRd(d, Reg.RDX);
    c.jumpBy(d.length());
  }

  /** Leaves in other modes than HS, for which the words of its CSRs stand. */
  static void requireHostSupervisor(BlockCompiler c) {
    c.a.lea(Reg.RAX, Guest.word(HartState.SSCRATCH));
    c.a.op(Binary.CMP, 8, Reg.RAX, Guest.SUPERVISOR_WORDS);
    c.a.jcc(Condition.NOT_EQUAL, c.wayOut(HostCode.INTERPRET));
  }

  /** sstatus to RDX. */
  private static void read(Assembler a) {
    Label clean = new Label();
    a.mov(8, Reg.RDX, MSTATUS);
    a.mov(8, Reg.RAX, Reg.RDX);
    a.op(Binary.AND, 4, Reg.RAX, (int) Csr.SSTATUS_FS);
    a.op(Binary.CMP, 4, Reg.RAX, (int) Csr.SSTATUS_FS);
    a.jcc(Condition.NOT_EQUAL, clean);
    a.bit(Bit.BTS, Reg.RDX, 63);
    a.bind(clean);
    a.movConstant(Reg.RAX, SSTATUS);
    a.op(Binary.AND, 8, Reg.RDX, Reg.RAX);
  }
}
