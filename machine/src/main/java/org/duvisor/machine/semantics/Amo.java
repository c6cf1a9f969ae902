package org.duvisor.machine.semantics;

import org.duvisor.machine.Hart;
import org.duvisor.machine.mem.Quadword;

/**
 * The A extension, Zabha and Zacas. All are sequentially consistent, which satisfies every
 * combination of aq and rl. An SC succeeds when memory still holds what the LR loaded.
 */
public final class Amo {
  private Amo() {}

  private static long octet(Hart h, long va) {
    return h.mmu().atomic(va, 1, true);
  }

  private static long halfword(Hart h, long va) {
    return h.mmu().atomic(va, 2, true);
  }

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

  /** AMOSWAP.B. */
  public static long amoswap_b(Hart h, long va, long b) {
    return h.mmu().stored(InMemory.amoswap_b(octet(h, va), b));
  }

  /** AMOSWAP.H. */
  public static long amoswap_h(Hart h, long va, long b) {
    return h.mmu().stored(InMemory.amoswap_h(halfword(h, va), b));
  }

  /** AMOADD.B. */
  public static long amoadd_b(Hart h, long va, long b) {
    return h.mmu().stored(InMemory.amoadd_b(octet(h, va), b));
  }

  /** AMOADD.H. */
  public static long amoadd_h(Hart h, long va, long b) {
    return h.mmu().stored(InMemory.amoadd_h(halfword(h, va), b));
  }

  /** AMOXOR.B. */
  public static long amoxor_b(Hart h, long va, long b) {
    return h.mmu().stored(InMemory.amoxor_b(octet(h, va), b));
  }

  /** AMOXOR.H. */
  public static long amoxor_h(Hart h, long va, long b) {
    return h.mmu().stored(InMemory.amoxor_h(halfword(h, va), b));
  }

  /** AMOAND.B. */
  public static long amoand_b(Hart h, long va, long b) {
    return h.mmu().stored(InMemory.amoand_b(octet(h, va), b));
  }

  /** AMOAND.H. */
  public static long amoand_h(Hart h, long va, long b) {
    return h.mmu().stored(InMemory.amoand_h(halfword(h, va), b));
  }

  /** AMOOR.B. */
  public static long amoor_b(Hart h, long va, long b) {
    return h.mmu().stored(InMemory.amoor_b(octet(h, va), b));
  }

  /** AMOOR.H. */
  public static long amoor_h(Hart h, long va, long b) {
    return h.mmu().stored(InMemory.amoor_h(halfword(h, va), b));
  }

  /** AMOMIN.B. */
  public static long amomin_b(Hart h, long va, long b) {
    return h.mmu().stored(InMemory.amomin_b(octet(h, va), b));
  }

  /** AMOMIN.H. */
  public static long amomin_h(Hart h, long va, long b) {
    return h.mmu().stored(InMemory.amomin_h(halfword(h, va), b));
  }

  /** AMOMAX.B. */
  public static long amomax_b(Hart h, long va, long b) {
    return h.mmu().stored(InMemory.amomax_b(octet(h, va), b));
  }

  /** AMOMAX.H. */
  public static long amomax_h(Hart h, long va, long b) {
    return h.mmu().stored(InMemory.amomax_h(halfword(h, va), b));
  }

  /** AMOMINU.B. */
  public static long amominu_b(Hart h, long va, long b) {
    return h.mmu().stored(InMemory.amominu_b(octet(h, va), b));
  }

  /** AMOMINU.H. */
  public static long amominu_h(Hart h, long va, long b) {
    return h.mmu().stored(InMemory.amominu_h(halfword(h, va), b));
  }

  /** AMOMAXU.B. */
  public static long amomaxu_b(Hart h, long va, long b) {
    return h.mmu().stored(InMemory.amomaxu_b(octet(h, va), b));
  }

  /** AMOMAXU.H. */
  public static long amomaxu_h(Hart h, long va, long b) {
    return h.mmu().stored(InMemory.amomaxu_h(halfword(h, va), b));
  }

  /** AMOCAS.B: stores {@code b} when memory holds {@code expected}. */
  public static long amocas_b(Hart h, long va, long expected, long b) {
    return h.mmu().stored(InMemory.amocas_b(octet(h, va), expected, b));
  }

  /** AMOCAS.H: stores {@code b} when memory holds {@code expected}. */
  public static long amocas_h(Hart h, long va, long expected, long b) {
    return h.mmu().stored(InMemory.amocas_h(halfword(h, va), expected, b));
  }

  /** AMOCAS.W: stores {@code b} when memory holds {@code expected}. */
  public static long amocas_w(Hart h, long va, long expected, long b) {
    return h.mmu().stored(InMemory.amocas_w(word(h, va), expected, b));
  }

  /** AMOCAS.D: stores {@code b} when memory holds {@code expected}. */
  public static long amocas_d(Hart h, long va, long expected, long b) {
    return h.mmu().stored(InMemory.amocas_d(doubleword(h, va), expected, b));
  }

  /** AMOCAS.Q on pairs of registers: the pair of x0 reads as zero, and is not written. */
  public static void amocas_q(Hart h, long va, int rd, int rs2) {
    long host = h.mmu().atomic(va, 16, true);
    long[] words = {
      h.x(rd), rd == 0 ? 0 : h.x(rd + 1), h.x(rs2), rs2 == 0 ? 0 : h.x(rs2 + 1),
    };
    Quadword.compareAndExchange(host, words);
    h.mmu().stored(0);
    if (rd != 0) {
      h.x(rd, words[0]);
      h.x(rd + 1, words[1]);
    }
  }
}
