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

  private static boolean hit(long[] tlb, int slot, long va, int low, long context) {
    return Raw.element(tlb, slot) == (va & (Tlb.PAGE_MASK | low) | context);
  }

  /** Load byte. */
  public static long lb(Hart h, long base, long imm) {
    long va = base + imm;
    int s = Tlb.slot(va);
    return hit(h.readTlb, s, va, 0, h.dataContext)
        ? Raw.loadByte(va + Raw.element(h.readTlb, s + 1))
        : (byte) h.mmu().load(va, 1);
  }

  /** Load byte, zero-extended. */
  public static long lbu(Hart h, long base, long imm) {
    return lb(h, base, imm) & 0xff;
  }

  /** Load halfword. */
  public static long lh(Hart h, long base, long imm) {
    long va = base + imm;
    int s = Tlb.slot(va);
    return hit(h.readTlb, s, va, 1, h.dataContext)
        ? Raw.loadAlignedShort(va + Raw.element(h.readTlb, s + 1))
        : (short) h.mmu().load(va, 2);
  }

  /** Load halfword, zero-extended. */
  public static long lhu(Hart h, long base, long imm) {
    return lh(h, base, imm) & 0xffff;
  }

  /** Load word. */
  public static long lw(Hart h, long base, long imm) {
    long va = base + imm;
    int s = Tlb.slot(va);
    return hit(h.readTlb, s, va, 3, h.dataContext)
        ? Raw.loadAlignedInt(va + Raw.element(h.readTlb, s + 1))
        : (int) h.mmu().load(va, 4);
  }

  /** Load word, zero-extended. */
  public static long lwu(Hart h, long base, long imm) {
    return lw(h, base, imm) & 0xffff_ffffL;
  }

  /** Load doubleword. */
  public static long ld(Hart h, long base, long imm) {
    long va = base + imm;
    int s = Tlb.slot(va);
    return hit(h.readTlb, s, va, 7, h.dataContext)
        ? Raw.loadAlignedLong(va + Raw.element(h.readTlb, s + 1))
        : h.mmu().load(va, 8);
  }

  /** Load single, NaN-boxed. */
  public static long flw(Hart h, long base, long imm) {
    return lw(h, base, imm) | 0xffff_ffffL << 32;
  }

  /** Load double. */
  public static long fld(Hart h, long base, long imm) {
    return ld(h, base, imm);
  }

  /** Store byte. */
  public static void sb(Hart h, long base, long imm, long value) {
    long va = base + imm;
    int s = Tlb.slot(va);
    if (hit(h.writeTlb, s, va, 0, h.dataContext)) {
      Raw.storeByte(va + Raw.element(h.writeTlb, s + 1), value);
    } else {
      h.mmu().store(va, 1, value);
    }
  }

  /** Store halfword. */
  public static void sh(Hart h, long base, long imm, long value) {
    long va = base + imm;
    int s = Tlb.slot(va);
    if (hit(h.writeTlb, s, va, 1, h.dataContext)) {
      Raw.storeAlignedShort(va + Raw.element(h.writeTlb, s + 1), value);
    } else {
      h.mmu().store(va, 2, value);
    }
  }

  /** Store word. */
  public static void sw(Hart h, long base, long imm, long value) {
    long va = base + imm;
    int s = Tlb.slot(va);
    if (hit(h.writeTlb, s, va, 3, h.dataContext)) {
      Raw.storeAlignedInt(va + Raw.element(h.writeTlb, s + 1), value);
    } else {
      h.mmu().store(va, 4, value);
    }
  }

  /** Store doubleword. */
  public static void sd(Hart h, long base, long imm, long value) {
    long va = base + imm;
    int s = Tlb.slot(va);
    if (hit(h.writeTlb, s, va, 7, h.dataContext)) {
      Raw.storeAlignedLong(va + Raw.element(h.writeTlb, s + 1), value);
    } else {
      h.mmu().store(va, 8, value);
    }
  }

  /** Store single. */
  public static void fsw(Hart h, long base, long imm, long value) {
    sw(h, base, imm, value);
  }

  /** Store double. */
  public static void fsd(Hart h, long base, long imm, long value) {
    sd(h, base, imm, value);
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

  /**
   * PAUSE: the hart waits for another one, which may be waiting for a processor of this computer.
   * With more harts than processors, spinning would keep it from getting one.
   */
  public static void pause() {
    Thread.yield();
  }

  /** CBO.ZERO: zeroes a block of 64 bytes. */
  public static void cboZero(Hart h, long address) {
    h.csrs().checkCboZero();
    long block = address & -Mmu.BLOCK;
    Raw.zero(h.mmu().zeroable(block), Mmu.BLOCK);
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
