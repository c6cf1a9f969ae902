package org.duvisor.machine.board;

import java.util.List;
import org.duvisor.devices.Device;
import org.duvisor.devices.Snapshot;
import org.duvisor.devices.fdt.Node;
import org.duvisor.isa.Cause;
import org.duvisor.machine.Hart;

/**
 * SiFive's core-local interruptor: software interrupts and machine timers of all harts, and mtime.
 * A reset makes mtime 0, as RISC-V's ACLINT specification has it.
 */
final class Clint extends Device {
  private static final long SIZE = 0x10000;
  private static final long MTIMECMP = 0x4000;
  private static final long MTIME = 0xbff8;

  private final List<Hart> harts;
  private final Mtime mtime;
  private final int firstController;
  private final boolean[] msip;

  Clint(List<Hart> harts, Mtime mtime, int firstController) {
    this.harts = harts;
    this.mtime = mtime;
    this.firstController = firstController;
    this.msip = new boolean[harts.size()];
  }

  @Override
  public long size() {
    return SIZE;
  }

  @Override
  public long read(long offset, int width) {
    if (width < 4) {
      return 0;
    }
    long value = register(offset & ~7L);
    long shifted = value >>> (8 * (offset & 7));
    return width == 4 ? shifted & 0xffff_ffffL : shifted;
  }

  private long register(long offset) {
    if (offset == MTIME) {
      return mtime.now();
    }
    if (offset >= MTIMECMP) {
      int hart = (int) (offset - MTIMECMP) / 8;
      return hart < harts.size() ? harts.get(hart).timeCompare() : 0;
    }
    synchronized (msip) {
      int hart = (int) offset / 4;
      return (pending(hart) ? 1 : 0) | (pending(hart + 1) ? 1L << 32 : 0);
    }
  }

  private boolean pending(int hart) {
    return hart < msip.length && msip[hart];
  }

  @Override
  public void write(long offset, int width, long value) {
    if (width < 4 || offset > MTIME + 4) {
      return;
    }
    long high = (offset & 4) == 0 ? 0 : 32;
    long mask = width == 8 ? -1L : 0xffff_ffffL << high;
    if (offset >= MTIME) {
      setTime(value << high, mask);
      return;
    }
    if (offset < MTIMECMP) {
      soft((int) offset / 4, value);
      if (width == 8) {
        soft((int) offset / 4 + 1, value >>> 32);
      }
      return;
    }
    int hart = (int) (offset - MTIMECMP) / 8;
    if (hart < harts.size()) {
      Hart h = harts.get(hart);
      h.timeCompare(h.timeCompare() & ~mask | value << high & mask);
    }
  }

  private void setTime(long ticks, long mask) {
    mtime.set(ticks, mask);
    harts.forEach(Hart::signal);
  }

  private void soft(int hart, long value) {
    if (hart < msip.length) {
      synchronized (msip) {
        msip[hart] = (value & 1) != 0;
        harts.get(hart).wire(Cause.MACHINE_SOFTWARE, msip[hart]);
      }
    }
  }

  @Override
  public void reset() {
    for (int i = 0; i < msip.length; i++) {
      soft(i, 0);
      harts.get(i).timeCompare(-1);
    }
    setTime(0, -1);
  }

  /** mtimecmp is saved with the harts. */
  @Override
  public void snapshot(Snapshot s) {
    s.section("the CLINT");
    s.flags(msip);
    mtime.snapshot(s);
  }

  @Override
  public void describe(Node soc, long base, int irq, int plic) {
    int[] extended = new int[4 * harts.size()];
    for (int i = 0; i < harts.size(); i++) {
      extended[4 * i] = extended[4 * i + 2] = firstController + i;
      extended[4 * i + 1] = Cause.MACHINE_SOFTWARE;
      extended[4 * i + 3] = Cause.MACHINE_TIMER;
    }
    soc.child("clint@" + Long.toHexString(base))
        .strings("compatible", "sifive,clint0", "riscv,clint0")
        .longs("reg", base, SIZE)
        .cells("interrupts-extended", extended);
  }
}
