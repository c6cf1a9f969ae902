package org.duvisor.machine.semantics;

import org.duvisor.machine.Hart;
import org.duvisor.machine.mem.Raw;

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
    long host = h.mmu().atomic(va, 4, false);
    long value = Raw.loadAlignedInt(host);
    Raw.fullFence();
    h.reservedHost = host;
    h.reservedValue = value;
    return value;
  }

  /** LR.D. */
  public static long lr_d(Hart h, long va) {
    long host = h.mmu().atomic(va, 8, false);
    long value = Raw.loadAlignedLong(host);
    Raw.fullFence();
    h.reservedHost = host | 1;
    h.reservedValue = value;
    return value;
  }

  /** SC.W: 0 when it stored. */
  public static long sc_w(Hart h, long va, long value) {
    long host = word(h, va);
    boolean held = h.reservedHost == host;
    h.reservedHost = 0;
    return held && Raw.compareAndSetInt(host, (int) h.reservedValue, (int) value) ? 0 : 1;
  }

  /** SC.D. */
  public static long sc_d(Hart h, long va, long value) {
    long host = doubleword(h, va);
    boolean held = h.reservedHost == (host | 1);
    h.reservedHost = 0;
    return held && Raw.compareAndSetLong(host, h.reservedValue, value) ? 0 : 1;
  }

  /** AMOSWAP.W. */
  public static long amoswap_w(Hart h, long va, long b) {
    return Raw.getAndSetInt(word(h, va), (int) b);
  }

  /** AMOSWAP.D. */
  public static long amoswap_d(Hart h, long va, long b) {
    return Raw.getAndSetLong(doubleword(h, va), b);
  }

  /** AMOADD.W. */
  public static long amoadd_w(Hart h, long va, long b) {
    return Raw.getAndAddInt(word(h, va), (int) b);
  }

  /** AMOADD.D. */
  public static long amoadd_d(Hart h, long va, long b) {
    return Raw.getAndAddLong(doubleword(h, va), b);
  }

  /** What an AMO stores; the two forms are inlined into their loops. */
  private interface Update {
    long of(long old, long operand);
  }

  private static long updateWord(Hart h, long va, long b, Update update) {
    long host = word(h, va);
    while (true) {
      int old = (int) Raw.loadAlignedInt(host);
      if (Raw.compareAndSetInt(host, old, (int) update.of(old, (int) b))) {
        return old;
      }
    }
  }

  private static long updateDouble(Hart h, long va, long b, Update update) {
    long host = doubleword(h, va);
    while (true) {
      long old = Raw.loadAlignedLong(host);
      if (Raw.compareAndSetLong(host, old, update.of(old, b))) {
        return old;
      }
    }
  }

  private static long minUnsigned(long a, long b) {
    return Long.compareUnsigned(a, b) < 0 ? a : b;
  }

  private static long maxUnsigned(long a, long b) {
    return Long.compareUnsigned(a, b) > 0 ? a : b;
  }

  /** AMOXOR.W. */
  public static long amoxor_w(Hart h, long va, long b) {
    return updateWord(h, va, b, (x, y) -> x ^ y);
  }

  /** AMOXOR.D. */
  public static long amoxor_d(Hart h, long va, long b) {
    return updateDouble(h, va, b, (x, y) -> x ^ y);
  }

  /** AMOAND.W. */
  public static long amoand_w(Hart h, long va, long b) {
    return updateWord(h, va, b, (x, y) -> x & y);
  }

  /** AMOAND.D. */
  public static long amoand_d(Hart h, long va, long b) {
    return updateDouble(h, va, b, (x, y) -> x & y);
  }

  /** AMOOR.W. */
  public static long amoor_w(Hart h, long va, long b) {
    return updateWord(h, va, b, (x, y) -> x | y);
  }

  /** AMOOR.D. */
  public static long amoor_d(Hart h, long va, long b) {
    return updateDouble(h, va, b, (x, y) -> x | y);
  }

  /** AMOMIN.W. */
  public static long amomin_w(Hart h, long va, long b) {
    return updateWord(h, va, b, Math::min);
  }

  /** AMOMIN.D. */
  public static long amomin_d(Hart h, long va, long b) {
    return updateDouble(h, va, b, Math::min);
  }

  /** AMOMAX.W. */
  public static long amomax_w(Hart h, long va, long b) {
    return updateWord(h, va, b, Math::max);
  }

  /** AMOMAX.D. */
  public static long amomax_d(Hart h, long va, long b) {
    return updateDouble(h, va, b, Math::max);
  }

  /** AMOMINU.W: sign extension keeps the unsigned order of words. */
  public static long amominu_w(Hart h, long va, long b) {
    return updateWord(h, va, b, Amo::minUnsigned);
  }

  /** AMOMINU.D. */
  public static long amominu_d(Hart h, long va, long b) {
    return updateDouble(h, va, b, Amo::minUnsigned);
  }

  /** AMOMAXU.W. */
  public static long amomaxu_w(Hart h, long va, long b) {
    return updateWord(h, va, b, Amo::maxUnsigned);
  }

  /** AMOMAXU.D. */
  public static long amomaxu_d(Hart h, long va, long b) {
    return updateDouble(h, va, b, Amo::maxUnsigned);
  }
}
