package org.duvisor.machine.semantics;

import org.duvisor.machine.Hart;
import org.duvisor.machine.Mmu;
import org.duvisor.machine.Tlb;
import org.duvisor.machine.mem.Raw;

/**
 * Loads, stores, fences and cache-block operations. The fast path is one comparison against the
 * software TLB that tests page, context and alignment together; everything else is behind {@link
 * org.duvisor.machine.Mmu}.
 */
public final class Memory {
  private Memory() {}

  private static boolean hits(long entry, long va, int low, long context) {
    return Tlb.tag(entry) == (va & (Tlb.PAGE_MASK | low) | context);
  }

  /** Load byte. */
  public static long lb(Hart h, long base, long imm) {
    long va = base + imm;
    long e = Tlb.entry(h.readTlb, va);
    return hits(e, va, 0, h.dataContext)
        ? InMemory.lb(va + Tlb.addend(e))
        : (byte) h.mmu().load(va, 1);
  }

  /** Load byte, zero-extended. */
  public static long lbu(Hart h, long base, long imm) {
    long va = base + imm;
    long e = Tlb.entry(h.readTlb, va);
    return hits(e, va, 0, h.dataContext) ? InMemory.lbu(va + Tlb.addend(e)) : h.mmu().load(va, 1);
  }

  /** Load halfword. */
  public static long lh(Hart h, long base, long imm) {
    long va = base + imm;
    long e = Tlb.entry(h.readTlb, va);
    return hits(e, va, 1, h.dataContext)
        ? InMemory.lh(va + Tlb.addend(e))
        : (short) h.mmu().load(va, 2);
  }

  /** Load halfword, zero-extended. */
  public static long lhu(Hart h, long base, long imm) {
    long va = base + imm;
    long e = Tlb.entry(h.readTlb, va);
    return hits(e, va, 1, h.dataContext) ? InMemory.lhu(va + Tlb.addend(e)) : h.mmu().load(va, 2);
  }

  /** Load word. */
  public static long lw(Hart h, long base, long imm) {
    long va = base + imm;
    long e = Tlb.entry(h.readTlb, va);
    return hits(e, va, 3, h.dataContext)
        ? InMemory.lw(va + Tlb.addend(e))
        : (int) h.mmu().load(va, 4);
  }

  /** Load word, zero-extended. */
  public static long lwu(Hart h, long base, long imm) {
    long va = base + imm;
    long e = Tlb.entry(h.readTlb, va);
    return hits(e, va, 3, h.dataContext) ? InMemory.lwu(va + Tlb.addend(e)) : h.mmu().load(va, 4);
  }

  /** Load doubleword. */
  public static long ld(Hart h, long base, long imm) {
    long va = base + imm;
    long e = Tlb.entry(h.readTlb, va);
    return hits(e, va, 7, h.dataContext) ? InMemory.ld(va + Tlb.addend(e)) : h.mmu().load(va, 8);
  }

  /** Load half, NaN-boxed. */
  public static long flh(Hart h, long base, long imm) {
    long va = base + imm;
    long e = Tlb.entry(h.readTlb, va);
    return hits(e, va, 1, h.dataContext)
        ? InMemory.flh(va + Tlb.addend(e))
        : h.mmu().load(va, 2) | InMemory.BOX_HALF;
  }

  /** Load single, NaN-boxed. */
  public static long flw(Hart h, long base, long imm) {
    long va = base + imm;
    long e = Tlb.entry(h.readTlb, va);
    return hits(e, va, 3, h.dataContext)
        ? InMemory.flw(va + Tlb.addend(e))
        : h.mmu().load(va, 4) | InMemory.BOX;
  }

  /** Load double. */
  public static long fld(Hart h, long base, long imm) {
    long va = base + imm;
    long e = Tlb.entry(h.readTlb, va);
    return hits(e, va, 7, h.dataContext) ? InMemory.fld(va + Tlb.addend(e)) : h.mmu().load(va, 8);
  }

  /** Store byte. */
  public static void sb(Hart h, long base, long imm, long value) {
    long va = base + imm;
    long e = Tlb.entry(h.writeTlb, va);
    if (hits(e, va, 0, h.dataContext)) {
      InMemory.sb(va + Tlb.addend(e), value);
    } else {
      h.mmu().store(va, 1, value);
    }
  }

  /** Store halfword. */
  public static void sh(Hart h, long base, long imm, long value) {
    long va = base + imm;
    long e = Tlb.entry(h.writeTlb, va);
    if (hits(e, va, 1, h.dataContext)) {
      InMemory.sh(va + Tlb.addend(e), value);
    } else {
      h.mmu().store(va, 2, value);
    }
  }

  /** Store word. */
  public static void sw(Hart h, long base, long imm, long value) {
    long va = base + imm;
    long e = Tlb.entry(h.writeTlb, va);
    if (hits(e, va, 3, h.dataContext)) {
      InMemory.sw(va + Tlb.addend(e), value);
    } else {
      h.mmu().store(va, 4, value);
    }
  }

  /** Store doubleword. */
  public static void sd(Hart h, long base, long imm, long value) {
    long va = base + imm;
    long e = Tlb.entry(h.writeTlb, va);
    if (hits(e, va, 7, h.dataContext)) {
      InMemory.sd(va + Tlb.addend(e), value);
    } else {
      h.mmu().store(va, 8, value);
    }
  }

  /** Store half. */
  public static void fsh(Hart h, long base, long imm, long value) {
    sh(h, base, imm, value);
  }

  /** Store single. */
  public static void fsw(Hart h, long base, long imm, long value) {
    long va = base + imm;
    long e = Tlb.entry(h.writeTlb, va);
    if (hits(e, va, 3, h.dataContext)) {
      InMemory.fsw(va + Tlb.addend(e), value);
    } else {
      h.mmu().store(va, 4, value);
    }
  }

  /** Store double. */
  public static void fsd(Hart h, long base, long imm, long value) {
    long va = base + imm;
    long e = Tlb.entry(h.writeTlb, va);
    if (hits(e, va, 7, h.dataContext)) {
      InMemory.fsd(va + Tlb.addend(e), value);
    } else {
      h.mmu().store(va, 8, value);
    }
  }

  /**
   * FENCE: predecessor set in bits 7:4, successor set in bits 3:0, each I O R W. Accesses are
   * opaque, so only what the host may reorder needs a fence of its own.
   */
  public static void fence(long imm) {
    long before = imm >>> 4;
    if ((before & 5) != 0 && (imm & 10) != 0) { // O or W before I or R
      Raw.fullFence();
    } else {
      Raw.loadFence();
      Raw.storeFence();
    }
  }

  /** FENCE.TSO: everything but store-load order. */
  public static void fenceTso() {
    Raw.loadFence();
    Raw.storeFence();
  }

  /** CBO.ZERO: zeroes a block of 64 bytes. */
  public static void cboZero(Hart h, long address) {
    h.csrs().checkCboZero();
    long block = address & -Mmu.BLOCK;
    Raw.zero(h.mmu().zeroable(block), Mmu.BLOCK);
    h.mmu().stored(0);
  }

  /** CBO.INVAL: memory is coherent, so only its permissions matter. */
  public static void cboInval(Hart h, long address) {
    h.csrs().checkCboInval();
    h.mmu().touchBlock(address);
  }

  /** CBO.CLEAN. */
  public static void cboClean(Hart h, long address) {
    h.csrs().checkCboClean();
    h.mmu().touchBlock(address);
  }

  /** CBO.FLUSH. */
  public static void cboFlush(Hart h, long address) {
    cboClean(h, address);
  }
}
