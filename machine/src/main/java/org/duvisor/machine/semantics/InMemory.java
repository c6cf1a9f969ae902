package org.duvisor.machine.semantics;

import org.duvisor.machine.Hart;
import org.duvisor.machine.mem.Raw;

/**
 * What loads, stores and atomics do once their address is translated, named as the instructions.
 * {@code host} is the host address of guest memory, naturally aligned. None throws and none calls
 * what HotSpot does not inline, so that translated code may keep registers of this computer across
 * them.
 */
@SuppressWarnings("MemberName") // the specification's names
public final class InMemory {
  /** The upper 48 bits of a NaN-boxed half. */
  static final long BOX_HALF = -1L << 16;

  /** The upper half of a NaN-boxed single. */
  static final long BOX = 0xffff_ffffL << 32;

  private InMemory() {}

  /** Load byte. */
  public static long lb(long host) {
    return Raw.loadByte(host);
  }

  /** Load byte, zero-extended. */
  public static long lbu(long host) {
    return Raw.loadByte(host) & 0xff;
  }

  /** Load halfword. */
  public static long lh(long host) {
    return Raw.loadAlignedShort(host);
  }

  /** Load halfword, zero-extended. */
  public static long lhu(long host) {
    return Raw.loadAlignedShort(host) & 0xffff;
  }

  /** Load word. */
  public static long lw(long host) {
    return Raw.loadAlignedInt(host);
  }

  /** Load word, zero-extended. */
  public static long lwu(long host) {
    return Raw.loadAlignedInt(host) & 0xffff_ffffL;
  }

  /** Load doubleword. */
  public static long ld(long host) {
    return Raw.loadAlignedLong(host);
  }

  /** Load half, NaN-boxed. */
  public static long flh(long host) {
    return Raw.loadAlignedShort(host) | BOX_HALF;
  }

  /** Load single, NaN-boxed. */
  public static long flw(long host) {
    return Raw.loadAlignedInt(host) | BOX;
  }

  /** Load double. */
  public static long fld(long host) {
    return Raw.loadAlignedLong(host);
  }

  /** Store byte. */
  public static void sb(long host, long value) {
    Raw.storeByte(host, value);
  }

  /** Store halfword. */
  public static void sh(long host, long value) {
    Raw.storeAlignedShort(host, value);
  }

  /** Store word. */
  public static void sw(long host, long value) {
    Raw.storeAlignedInt(host, value);
  }

  /** Store doubleword. */
  public static void sd(long host, long value) {
    Raw.storeAlignedLong(host, value);
  }

  /** Store half. */
  public static void fsh(long host, long value) {
    Raw.storeAlignedShort(host, value);
  }

  /** Store single. */
  public static void fsw(long host, long value) {
    Raw.storeAlignedInt(host, value);
  }

  /** Store double. */
  public static void fsd(long host, long value) {
    Raw.storeAlignedLong(host, value);
  }

  /** Whether there is a reservation and memory still holds what the LR loaded. */
  static boolean isReserved(Hart h) {
    long host = h.reservedHost();
    if (host == 0) {
      return false;
    }
    long now = (host & 1) != 0 ? Raw.loadAlignedLong(host & -2) : Raw.loadAlignedInt(host);
    return now == h.reservedValue();
  }

  /** LR.W: reserves the word. */
  public static long lr_w(Hart h, long host) {
    long value = Raw.loadAlignedInt(host);
    Raw.fullFence();
    h.reservedHost(host);
    h.reservedValue(value);
    return value;
  }

  /** LR.D: reserves the doubleword. */
  public static long lr_d(Hart h, long host) {
    long value = Raw.loadAlignedLong(host);
    Raw.fullFence();
    h.reservedHost(host | 1);
    h.reservedValue(value);
    return value;
  }

  /** SC.W: 0 when it stored. */
  public static long sc_w(Hart h, long host, long value) {
    boolean held = h.reservedHost() == host;
    h.reservedHost(0);
    return held && Raw.compareAndSetInt(host, (int) h.reservedValue(), (int) value) ? 0 : 1;
  }

  /** SC.D: 0 when it stored. */
  public static long sc_d(Hart h, long host, long value) {
    boolean held = h.reservedHost() == (host | 1);
    h.reservedHost(0);
    return held && Raw.compareAndSetLong(host, h.reservedValue(), value) ? 0 : 1;
  }

  /** AMOSWAP.W. */
  public static long amoswap_w(long host, long b) {
    return Raw.getAndSetInt(host, (int) b);
  }

  /** AMOSWAP.D. */
  public static long amoswap_d(long host, long b) {
    return Raw.getAndSetLong(host, b);
  }

  /** AMOADD.W. */
  public static long amoadd_w(long host, long b) {
    return Raw.getAndAddInt(host, (int) b);
  }

  /** AMOADD.D. */
  public static long amoadd_d(long host, long b) {
    return Raw.getAndAddLong(host, b);
  }

  /** AMOXOR.W. */
  public static long amoxor_w(long host, long b) {
    int old;
    do {
      old = (int) Raw.loadAlignedInt(host);
    } while (!Raw.compareAndSetInt(host, old, old ^ (int) b));
    return old;
  }

  /** AMOXOR.D. */
  public static long amoxor_d(long host, long b) {
    long old;
    do {
      old = Raw.loadAlignedLong(host);
    } while (!Raw.compareAndSetLong(host, old, old ^ b));
    return old;
  }

  /** AMOAND.W. */
  public static long amoand_w(long host, long b) {
    int old;
    do {
      old = (int) Raw.loadAlignedInt(host);
    } while (!Raw.compareAndSetInt(host, old, old & (int) b));
    return old;
  }

  /** AMOAND.D. */
  public static long amoand_d(long host, long b) {
    long old;
    do {
      old = Raw.loadAlignedLong(host);
    } while (!Raw.compareAndSetLong(host, old, old & b));
    return old;
  }

  /** AMOOR.W. */
  public static long amoor_w(long host, long b) {
    int old;
    do {
      old = (int) Raw.loadAlignedInt(host);
    } while (!Raw.compareAndSetInt(host, old, old | (int) b));
    return old;
  }

  /** AMOOR.D. */
  public static long amoor_d(long host, long b) {
    long old;
    do {
      old = Raw.loadAlignedLong(host);
    } while (!Raw.compareAndSetLong(host, old, old | b));
    return old;
  }

  /** AMOMIN.W. */
  public static long amomin_w(long host, long b) {
    int old;
    do {
      old = (int) Raw.loadAlignedInt(host);
    } while (!Raw.compareAndSetInt(host, old, Math.min(old, (int) b)));
    return old;
  }

  /** AMOMIN.D. */
  public static long amomin_d(long host, long b) {
    long old;
    do {
      old = Raw.loadAlignedLong(host);
    } while (!Raw.compareAndSetLong(host, old, Math.min(old, b)));
    return old;
  }

  /** AMOMAX.W. */
  public static long amomax_w(long host, long b) {
    int old;
    do {
      old = (int) Raw.loadAlignedInt(host);
    } while (!Raw.compareAndSetInt(host, old, Math.max(old, (int) b)));
    return old;
  }

  /** AMOMAX.D. */
  public static long amomax_d(long host, long b) {
    long old;
    do {
      old = Raw.loadAlignedLong(host);
    } while (!Raw.compareAndSetLong(host, old, Math.max(old, b)));
    return old;
  }

  /** AMOMINU.W. */
  public static long amominu_w(long host, long b) {
    int old;
    do {
      old = (int) Raw.loadAlignedInt(host);
    } while (!Raw.compareAndSetInt(
        host, old, Integer.compareUnsigned(old, (int) b) < 0 ? old : (int) b));
    return old;
  }

  /** AMOMINU.D. */
  public static long amominu_d(long host, long b) {
    long old;
    do {
      old = Raw.loadAlignedLong(host);
    } while (!Raw.compareAndSetLong(host, old, Long.compareUnsigned(old, b) < 0 ? old : b));
    return old;
  }

  /** AMOMAXU.W. */
  public static long amomaxu_w(long host, long b) {
    int old;
    do {
      old = (int) Raw.loadAlignedInt(host);
    } while (!Raw.compareAndSetInt(
        host, old, Integer.compareUnsigned(old, (int) b) > 0 ? old : (int) b));
    return old;
  }

  /** AMOMAXU.D. */
  public static long amomaxu_d(long host, long b) {
    long old;
    do {
      old = Raw.loadAlignedLong(host);
    } while (!Raw.compareAndSetLong(host, old, Long.compareUnsigned(old, b) > 0 ? old : b));
    return old;
  }

  /** AMOSWAP.B. */
  public static long amoswap_b(long host, long b) {
    return Raw.getAndSetByte(host, (byte) b);
  }

  /** AMOSWAP.H. */
  public static long amoswap_h(long host, long b) {
    return Raw.getAndSetShort(host, (short) b);
  }

  /** AMOADD.B. */
  public static long amoadd_b(long host, long b) {
    return Raw.getAndAddByte(host, (byte) b);
  }

  /** AMOADD.H. */
  public static long amoadd_h(long host, long b) {
    return Raw.getAndAddShort(host, (short) b);
  }

  /** AMOXOR.B. */
  public static long amoxor_b(long host, long b) {
    byte old;
    do {
      old = (byte) Raw.loadByte(host);
    } while (!Raw.compareAndSetByte(host, old, (byte) (old ^ b)));
    return old;
  }

  /** AMOXOR.H. */
  public static long amoxor_h(long host, long b) {
    short old;
    do {
      old = (short) Raw.loadAlignedShort(host);
    } while (!Raw.compareAndSetShort(host, old, (short) (old ^ b)));
    return old;
  }

  /** AMOAND.B. */
  public static long amoand_b(long host, long b) {
    byte old;
    do {
      old = (byte) Raw.loadByte(host);
    } while (!Raw.compareAndSetByte(host, old, (byte) (old & b)));
    return old;
  }

  /** AMOAND.H. */
  public static long amoand_h(long host, long b) {
    short old;
    do {
      old = (short) Raw.loadAlignedShort(host);
    } while (!Raw.compareAndSetShort(host, old, (short) (old & b)));
    return old;
  }

  /** AMOOR.B. */
  public static long amoor_b(long host, long b) {
    byte old;
    do {
      old = (byte) Raw.loadByte(host);
    } while (!Raw.compareAndSetByte(host, old, (byte) (old | b)));
    return old;
  }

  /** AMOOR.H. */
  public static long amoor_h(long host, long b) {
    short old;
    do {
      old = (short) Raw.loadAlignedShort(host);
    } while (!Raw.compareAndSetShort(host, old, (short) (old | b)));
    return old;
  }

  /** AMOMIN.B. */
  public static long amomin_b(long host, long b) {
    byte old;
    do {
      old = (byte) Raw.loadByte(host);
    } while (!Raw.compareAndSetByte(host, old, (byte) Math.min(old, (byte) b)));
    return old;
  }

  /** AMOMIN.H. */
  public static long amomin_h(long host, long b) {
    short old;
    do {
      old = (short) Raw.loadAlignedShort(host);
    } while (!Raw.compareAndSetShort(host, old, (short) Math.min(old, (short) b)));
    return old;
  }

  /** AMOMAX.B. */
  public static long amomax_b(long host, long b) {
    byte old;
    do {
      old = (byte) Raw.loadByte(host);
    } while (!Raw.compareAndSetByte(host, old, (byte) Math.max(old, (byte) b)));
    return old;
  }

  /** AMOMAX.H. */
  public static long amomax_h(long host, long b) {
    short old;
    do {
      old = (short) Raw.loadAlignedShort(host);
    } while (!Raw.compareAndSetShort(host, old, (short) Math.max(old, (short) b)));
    return old;
  }

  /** AMOMINU.B. */
  public static long amominu_b(long host, long b) {
    byte old;
    do {
      old = (byte) Raw.loadByte(host);
    } while (!Raw.compareAndSetByte(
        host, old, (byte) (Byte.compareUnsigned(old, (byte) b) < 0 ? old : b)));
    return old;
  }

  /** AMOMINU.H. */
  public static long amominu_h(long host, long b) {
    short old;
    do {
      old = (short) Raw.loadAlignedShort(host);
    } while (!Raw.compareAndSetShort(
        host, old, (short) (Short.compareUnsigned(old, (short) b) < 0 ? old : b)));
    return old;
  }

  /** AMOMAXU.B. */
  public static long amomaxu_b(long host, long b) {
    byte old;
    do {
      old = (byte) Raw.loadByte(host);
    } while (!Raw.compareAndSetByte(
        host, old, (byte) (Byte.compareUnsigned(old, (byte) b) > 0 ? old : b)));
    return old;
  }

  /** AMOMAXU.H. */
  public static long amomaxu_h(long host, long b) {
    short old;
    do {
      old = (short) Raw.loadAlignedShort(host);
    } while (!Raw.compareAndSetShort(
        host, old, (short) (Short.compareUnsigned(old, (short) b) > 0 ? old : b)));
    return old;
  }

  // C2 of JDK 25 leaves bits of the operand above the result of compareAndExchangeByte and -Short.

  /** AMOCAS.B. */
  public static long amocas_b(long host, long expected, long b) {
    byte old;
    do {
      old = (byte) Raw.loadByte(host);
    } while (!Raw.compareAndSetByte(host, old, old == (byte) expected ? (byte) b : old));
    return old;
  }

  /** AMOCAS.H. */
  public static long amocas_h(long host, long expected, long b) {
    short old;
    do {
      old = (short) Raw.loadAlignedShort(host);
    } while (!Raw.compareAndSetShort(host, old, old == (short) expected ? (short) b : old));
    return old;
  }

  /** AMOCAS.W. */
  public static long amocas_w(long host, long expected, long b) {
    return Raw.compareAndExchangeInt(host, (int) expected, (int) b);
  }

  /** AMOCAS.D. */
  public static long amocas_d(long host, long expected, long b) {
    return Raw.compareAndExchangeLong(host, expected, b);
  }
}
