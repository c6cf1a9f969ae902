package org.duvisor.nativecode;

import java.util.HashMap;
import java.util.Map;
import org.duvisor.isa.Csr;
import org.duvisor.isa.Decoded;
import org.duvisor.machine.HartState;
import org.duvisor.machine.Mmu;
import org.duvisor.machine.Tlb;
import org.duvisor.machine.interp.Access;
import org.duvisor.machine.interp.HostCode;
import org.duvisor.nativecode.Assembler.Binary;
import org.duvisor.nativecode.Assembler.Label;
import org.duvisor.nativecode.Assembler.Shift;

/**
 * Loads, stores, atomics and fences. Plain moves of x86-64 and its locked operations are all that
 * docs/memory-model.md asks for.
 */
final class MemoryTemplates {
  /** host - virtual of the entry that was found. */
  private static final Mem ADDEND = Mem.at(Reg.RDX, (int) Tlb.TO_ADDEND);

  private MemoryTemplates() {}

  /** Templates by the semantics' method, for all but plain loads and stores. */
  static Map<String, Template> table() {
    Map<String, Template> t = new HashMap<>();
    for (int bytes = 4; bytes <= 8; bytes += 4) {
      int n = bytes;
      String suffix = bytes == 4 ? "_w" : "_d";
      t.put("Amo.amoadd" + suffix, (c, d) -> atomic(c, d, n, p -> c.a.lockXadd(n, p, Reg.RAX)));
      t.put("Amo.amoswap" + suffix, (c, d) -> atomic(c, d, n, p -> c.a.xchg(n, p, Reg.RAX)));
      t.put("Amo.amoand" + suffix, (c, d) -> atomic(c, d, n, p -> update(c, n, p, Binary.AND)));
      t.put("Amo.amoor" + suffix, (c, d) -> atomic(c, d, n, p -> update(c, n, p, Binary.OR)));
      t.put("Amo.amoxor" + suffix, (c, d) -> atomic(c, d, n, p -> update(c, n, p, Binary.XOR)));
      t.put("Amo.amomin" + suffix, (c, d) -> atomic(c, d, n, p -> choose(c, n, p, Condition.LESS)));
      t.put(
          "Amo.amomax" + suffix,
          (c, d) -> atomic(c, d, n, p -> choose(c, n, p, Condition.GREATER)));
      t.put(
          "Amo.amominu" + suffix, (c, d) -> atomic(c, d, n, p -> choose(c, n, p, Condition.BELOW)));
      t.put(
          "Amo.amomaxu" + suffix, (c, d) -> atomic(c, d, n, p -> choose(c, n, p, Condition.ABOVE)));
    }
    t.put("Amo.lr_w", (c, d) -> reserve(c, d, 4));
    t.put("Amo.lr_d", (c, d) -> reserve(c, d, 8));
    t.put("Amo.sc_w", (c, d) -> storeReserved(c, d, 4));
    t.put("Amo.sc_d", (c, d) -> storeReserved(c, d, 8));
    t.put("Memory.fence", MemoryTemplates::fence);
    t.put("Memory.cboZero", MemoryTemplates::zeroBlock);
    t.put("Memory.fenceTso", MemoryTemplates::lookUp);
    return t;
  }

  /** A load or store of an x register. */
  static void access(BlockCompiler c, Decoded d, Access.Group group) {
    Reg place = c.placeOf(group);
    if (place == null) {
      place = c.takePlace(group);
      test(
          c, place, group.base, group.least(), group.highestUnit(), group.alignment(), group.store);
    }
    Mem at = Mem.at(place, (int) d.imm());
    Assembler a = c.a;
    Reg to = BlockCompiler.result(d);
    String method = d.instruction().semantics().method();
    switch (method) {
      case "lb" -> a.movSigned(1, to, at);
      case "lbu" -> a.movZero(1, to, at);
      case "lh" -> a.movSigned(2, to, at);
      case "lhu" -> a.movZero(2, to, at);
      case "lw" -> a.movSigned(4, to, at);
      case "lwu" -> a.movZero(4, to, at);
      case "ld" -> a.mov(8, to, at);
      case "flh", "flw", "fld" -> {
        loadFloat(c, d, method, at);
        return;
      }
      case "fsh" -> storeFloat(c, d, 2, at);
      case "fsw" -> storeFloat(c, d, 4, at);
      case "fsd" -> storeFloat(c, d, 8, at);
      case "sb" -> store(c, d, 1, at);
      case "sh" -> store(c, d, 2, at);
      case "sw" -> store(c, d, 4, at);
      case "sd" -> store(c, d, 8, at);
      default -> throw new IllegalArgumentException(method);
    }
    if (!group.store) {
      c.setRd(d, to);
    }
  }

  /** Narrow ones are boxed: all bits above them are set. */
  private static void loadFloat(BlockCompiler c, Decoded d, String method, Mem at) {
    Assembler a = c.a;
    if (method.equals("fld")) {
      a.mov(8, Reg.RAX, at);
    } else {
      int bytes = method.equals("flw") ? 4 : 2;
      a.movZero(bytes, Reg.RAX, at);
      a.movConstant(Reg.RCX, -1L << 8 * bytes);
      a.op(Binary.OR, 8, Reg.RAX, Reg.RCX);
    }
    a.store(8, Guest.f(d.rd()), Reg.RAX);
  }

  private static void storeFloat(BlockCompiler c, Decoded d, int bytes, Mem at) {
    c.a.mov(8, Reg.RAX, Guest.f(d.rs2()));
    c.a.store(bytes, at, Reg.RAX);
  }

  private static void store(BlockCompiler c, Decoded d, int bytes, Mem at) {
    Reg home = Guest.home(d.rs2());
    if (home == null) {
      home = Reg.RAX;
      c.get(home, d.rs2());
    }
    c.a.store(bytes, at, home);
  }

  /**
   * Makes a register the host address that corresponds to a base register, or leaves for the
   * interpreter: unless the TLB has the page of the unit at {@code unit}, which is aligned, and the
   * address {@code least} is on the same page. The entry that the one finds holds the tag of the
   * other only then.
   */
  private static void test(
      BlockCompiler c, Reg place, int base, long least, long unit, int alignment, boolean store) {
    Assembler a = c.a;
    c.get(Reg.RAX, base);
    add(a, least);
    look(c, store);
    add(a, unit - least);
    match(c, alignment);
    a.mov(8, place, ADDEND);
    a.op(Binary.ADD, 8, place, Guest.x(base));
  }

  /** RDX becomes the address of the TLB's entry for the address in RAX: {@link Tlb#entry}. */
  private static void look(BlockCompiler c, boolean store) {
    Assembler a = c.a;
    a.mov(8, Reg.RCX, Reg.RAX);
    a.mov(8, Reg.RDX, Reg.RAX);
    a.shift(Shift.SHR, 8, Reg.RCX, 12);
    a.shift(Shift.SHR, 8, Reg.RDX, 24);
    a.op(Binary.ADD, 4, Reg.RCX, Reg.RDX);
    a.op(Binary.AND, 4, Reg.RCX, Tlb.ENTRIES - 1);
    a.mov(8, Reg.RDX, store ? Guest.WRITE_TLB : Guest.READ_TLB);
    a.lea(Reg.RDX, new Mem(Reg.RDX, Reg.RCX, 8, 0));
  }

  /** Leaves unless the entry is that of the address in RAX, which has to be aligned. */
  private static void match(BlockCompiler c, int alignment) {
    Assembler a = c.a;
    a.op(Binary.AND, 8, Reg.RAX, (int) Tlb.PAGE_MASK | alignment);
    a.op(Binary.OR, 8, Reg.RAX, Guest.CONTEXT);
    a.op(Binary.CMP, 8, Reg.RAX, Mem.at(Reg.RDX, 0));
    a.jcc(Condition.NOT_EQUAL, c.wayOut(HostCode.INTERPRET));
  }

  private static void add(Assembler a, long offset) {
    if (offset != 0) {
      a.op(Binary.ADD, 8, Reg.RAX, Math.toIntExact(offset));
    }
  }

  /** In HS mode, where only menvcfg is asked; others leave it to the interpreter. */
  private static void zeroBlock(BlockCompiler c, Decoded d) {
    Assembler a = c.a;
    Label interpret = c.wayOut(HostCode.INTERPRET);
    CsrTemplates.requireHostSupervisor(c);
    a.mov(8, Reg.RAX, Guest.word(HartState.MENVCFG));
    a.op(Binary.AND, 4, Reg.RAX, (int) Csr.MENVCFG_CBZE);
    a.jcc(Condition.EQUAL, interpret);
    Reg place = c.takePlace(null);
    c.get(Reg.RAX, d.rs1());
    a.op(Binary.AND, 8, Reg.RAX, -Mmu.BLOCK);
    a.mov(8, place, Reg.RAX);
    look(c, true);
    match(c, 0);
    a.op(Binary.ADD, 8, place, ADDEND);
    for (int i = 0; i < Mmu.BLOCK; i += 8) {
      a.storeConstant(Mem.at(place, i), 0);
    }
  }

  // ---- atomics

  /** Does something to memory with the operand in RAX, which becomes what was there. */
  private interface Exchange {
    void emit(Mem place);
  }

  private static void atomic(BlockCompiler c, Decoded d, int bytes, Exchange exchange) {
    Reg place = c.takePlace(null);
    test(c, place, d.rs1(), 0, 0, bytes - 1, true);
    c.get(Reg.RAX, d.rs2());
    exchange.emit(Mem.at(place, 0));
    if (bytes == 4) {
      c.a.movSigned(4, Reg.RAX, Reg.RAX);
    }
    c.setRd(d, Reg.RAX);
    lookUpIfAcquiring(c, d);
  }

  private static void update(BlockCompiler c, int bytes, Mem place, Binary op) {
    loop(c, bytes, place, () -> c.a.op(op, bytes, Reg.RCX, Reg.RAX));
  }

  private static void choose(BlockCompiler c, int bytes, Mem place, Condition old) {
    loop(
        c,
        bytes,
        place,
        () -> {
          c.a.op(Binary.CMP, bytes, Reg.RAX, Reg.RCX);
          c.a.cmov(old, bytes, Reg.RCX, Reg.RAX);
        });
  }

  /** RAX is the old value, RCX at first the operand and then the new value. */
  private static void loop(BlockCompiler c, int bytes, Mem place, java.lang.Runnable combine) {
    Assembler a = c.a;
    a.mov(8, Reg.RDX, Reg.RAX);
    a.mov(bytes, Reg.RAX, place);
    Label again = new Label();
    a.bind(again);
    a.mov(8, Reg.RCX, Reg.RDX);
    combine.run();
    a.lockCmpxchg(bytes, place, Reg.RCX);
    a.jcc(Condition.NOT_EQUAL, again);
  }

  /** A reservation is a host address, with bit 0 set for a doubleword, and the value seen. */
  private static void reserve(BlockCompiler c, Decoded d, int bytes) {
    Assembler a = c.a;
    Reg place = c.takePlace(null);
    test(c, place, d.rs1(), 0, 0, bytes - 1, false);
    if (bytes == 4) {
      a.movSigned(4, Reg.RAX, Mem.at(place, 0));
    } else {
      a.mov(8, Reg.RAX, Mem.at(place, 0));
    }
    a.fullFence();
    mark(a, place, bytes);
    a.store(8, Guest.RESERVED_HOST, place);
    a.store(8, Guest.RESERVED_VALUE, Reg.RAX);
    c.setRd(d, Reg.RAX);
    lookUpIfAcquiring(c, d);
  }

  private static void storeReserved(BlockCompiler c, Decoded d, int bytes) {
    Assembler a = c.a;
    Reg place = c.takePlace(null);
    test(c, place, d.rs1(), 0, 0, bytes - 1, true);
    Label failed = new Label();
    c.get(Reg.RDX, d.rs2());
    a.mov(8, Reg.RCX, place);
    mark(a, Reg.RCX, bytes);
    a.op(Binary.CMP, 8, Reg.RCX, Guest.RESERVED_HOST);
    a.mov(8, Reg.RAX, Guest.RESERVED_VALUE);
    a.storeConstant(Guest.RESERVED_HOST, 0);
    a.movConstant(Reg.RCX, 1);
    a.jcc(Condition.NOT_EQUAL, failed);
    a.lockCmpxchg(bytes, Mem.at(place, 0), Reg.RDX);
    a.set(Condition.NOT_EQUAL, Reg.RCX);
    a.bind(failed);
    c.setRd(d, Reg.RCX);
    lookUpIfAcquiring(c, d);
  }

  private static void mark(Assembler a, Reg host, int bytes) {
    if (bytes == 8) {
      a.op(Binary.OR, 8, host, 1);
    }
  }

  private static void lookUpIfAcquiring(BlockCompiler c, Decoded d) {
    if ((d.bits() >>> 26 & 1) != 0) { // aq
      lookUp(c, d);
    }
  }

  // ---- fences

  private static void fence(BlockCompiler c, Decoded d) {
    long before = d.imm() >>> 4;
    if ((before & 5) != 0 && (d.imm() & 10) != 0) { // O or W before I or R
      c.a.fullFence();
    }
    if ((d.imm() & 2) != 0) {
      lookUp(c, d);
    }
  }

  /**
   * What follows must be the code that another hart has stored before something that was seen by
   * now: that hart has asked for attention.
   */
  private static void lookUp(BlockCompiler c, Decoded d) {
    c.a.op(Binary.CMP, 8, Guest.ATTENTION, 0);
    c.a.jcc(Condition.NOT_EQUAL, c.wayOutBehind(d));
  }
}
