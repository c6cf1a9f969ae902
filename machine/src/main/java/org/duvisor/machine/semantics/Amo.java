package org.duvisor.machine.semantics;

import org.duvisor.machine.Hart;

/**
 * The A extension. All are sequentially consistent, which satisfies every combination of aq and rl.
 * An SC succeeds when memory still holds what the LR loaded.
 */
public final class Amo {
  private Amo() {}

  private static long word(Hart h, long va) {
    return h.mmu().atomic(va, 4, true);
  }

  private static long doubleword(Hart h, long va) {
    return h.mmu().atomic(va, 8, true);
  }

  /** LR.W. */
  public static long lr_w(Hart h, long va) {
    return InMemory.lr_w(h, h.mmu().atomic(va, 4, false));
  }

  /** LR.D. */
  public static long lr_d(Hart h, long va) {
    return InMemory.lr_d(h, h.mmu().atomic(va, 8, false));
  }

  /** SC.W: 0 when it stored. */
  public static long sc_w(Hart h, long va, long value) {
    return h.mmu().stored(InMemory.sc_w(h, word(h, va), value));
  }

  /** SC.D: 0 when it stored. */
  public static long sc_d(Hart h, long va, long value) {
    return h.mmu().stored(InMemory.sc_d(h, doubleword(h, va), value));
  }

  /** AMOSWAP.W. */
  public static long amoswap_w(Hart h, long va, long b) {
    return h.mmu().stored(InMemory.amoswap_w(word(h, va), b));
  }

  /** AMOSWAP.D. */
  public static long amoswap_d(Hart h, long va, long b) {
    return h.mmu().stored(InMemory.amoswap_d(doubleword(h, va), b));
  }

  /** AMOADD.W. */
  public static long amoadd_w(Hart h, long va, long b) {
    return h.mmu().stored(InMemory.amoadd_w(word(h, va), b));
  }

  /** AMOADD.D. */
  public static long amoadd_d(Hart h, long va, long b) {
    return h.mmu().stored(InMemory.amoadd_d(doubleword(h, va), b));
  }

  /** AMOXOR.W. */
  public static long amoxor_w(Hart h, long va, long b) {
    return h.mmu().stored(InMemory.amoxor_w(word(h, va), b));
  }

  /** AMOXOR.D. */
  public static long amoxor_d(Hart h, long va, long b) {
    return h.mmu().stored(InMemory.amoxor_d(doubleword(h, va), b));
  }

  /** AMOAND.W. */
  public static long amoand_w(Hart h, long va, long b) {
    return h.mmu().stored(InMemory.amoand_w(word(h, va), b));
  }

  /** AMOAND.D. */
  public static long amoand_d(Hart h, long va, long b) {
    return h.mmu().stored(InMemory.amoand_d(doubleword(h, va), b));
  }

  /** AMOOR.W. */
  public static long amoor_w(Hart h, long va, long b) {
    return h.mmu().stored(InMemory.amoor_w(word(h, va), b));
  }

  /** AMOOR.D. */
  public static long amoor_d(Hart h, long va, long b) {
    return h.mmu().stored(InMemory.amoor_d(doubleword(h, va), b));
  }

  /** AMOMIN.W. */
  public static long amomin_w(Hart h, long va, long b) {
    return h.mmu().stored(InMemory.amomin_w(word(h, va), b));
  }

  /** AMOMIN.D. */
  public static long amomin_d(Hart h, long va, long b) {
    return h.mmu().stored(InMemory.amomin_d(doubleword(h, va), b));
  }

  /** AMOMAX.W. */
  public static long amomax_w(Hart h, long va, long b) {
    return h.mmu().stored(InMemory.amomax_w(word(h, va), b));
  }

  /** AMOMAX.D. */
  public static long amomax_d(Hart h, long va, long b) {
    return h.mmu().stored(InMemory.amomax_d(doubleword(h, va), b));
  }

  /** AMOMINU.W. */
  public static long amominu_w(Hart h, long va, long b) {
    return h.mmu().stored(InMemory.amominu_w(word(h, va), b));
  }

  /** AMOMINU.D. */
  public static long amominu_d(Hart h, long va, long b) {
    return h.mmu().stored(InMemory.amominu_d(doubleword(h, va), b));
  }

  /** AMOMAXU.W. */
  public static long amomaxu_w(Hart h, long va, long b) {
    return h.mmu().stored(InMemory.amomaxu_w(word(h, va), b));
  }

  /** AMOMAXU.D. */
  public static long amomaxu_d(Hart h, long va, long b) {
    return h.mmu().stored(InMemory.amomaxu_d(doubleword(h, va), b));
  }
}
