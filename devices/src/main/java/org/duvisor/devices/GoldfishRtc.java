package org.duvisor.devices;

import java.time.Instant;
import java.time.InstantSource;
import org.duvisor.devices.fdt.Node;

/**
 * The Goldfish real-time clock: nanoseconds since 1970 in two 32-bit halves, and one alarm. The low
 * half is read first and latches the high one. A half of the time that is written takes effect at
 * once; the alarm is set when its low half is written, after the high one.
 */
public final class GoldfishRtc extends Device {
  private static final int WINDOW_BYTES = 0x1000;

  private static final int TIME_LOW = 0x00;
  private static final int TIME_HIGH = 0x04;
  private static final int ALARM_LOW = 0x08;
  private static final int ALARM_HIGH = 0x0c;
  private static final int IRQ_ENABLED = 0x10;
  private static final int CLEAR_ALARM = 0x14;
  private static final int ALARM_STATUS = 0x18;
  private static final int CLEAR_INTERRUPT = 0x1c;

  private final InstantSource clock;
  private final Timers.Timer timer;
  private final IrqLine irq;

  private long offset;
  private int latchedHigh;
  private long alarm;
  private boolean alarmSet;
  private boolean enabled;
  private boolean pending;

  /** A clock that starts at {@code clock}'s time and asks {@code timers} for its alarm. */
  public GoldfishRtc(InstantSource clock, Timers timers, IrqLine irq) {
    this.clock = clock;
    this.timer = timers.timer(this::check);
    this.irq = irq;
  }

  @Override
  public long size() {
    return WINDOW_BYTES;
  }

  @Override
  public synchronized long read(long at, int width) {
    if (width != 4 || at < 0 || at > CLEAR_INTERRUPT) {
      return 0;
    }
    int value =
        switch ((int) at) {
          case TIME_LOW -> {
            long now = now();
            latchedHigh = (int) (now >>> 32);
            yield (int) now;
          }
          case TIME_HIGH -> latchedHigh;
          case ALARM_LOW -> (int) alarm;
          case ALARM_HIGH -> (int) (alarm >>> 32);
          case IRQ_ENABLED -> enabled ? 1 : 0;
          case ALARM_STATUS -> alarmSet ? 1 : 0;
          default -> 0;
        };
    return value & 0xffff_ffffL;
  }

  @Override
  public synchronized void write(long at, int width, long value) {
    if (width != 4 || at < 0 || at > CLEAR_INTERRUPT) {
      return;
    }
    switch ((int) at) {
      case TIME_LOW -> setTime(withLow(now(), value));
      case TIME_HIGH -> setTime(withHigh(now(), value));
      case ALARM_LOW -> {
        alarm = withLow(alarm, value);
        alarmSet = true;
        check();
      }
      case ALARM_HIGH -> alarm = withHigh(alarm, value);
      case IRQ_ENABLED -> enabled = (value & 1) != 0;
      case CLEAR_ALARM -> {
        alarmSet = false;
        timer.cancel();
      }
      case CLEAR_INTERRUPT -> pending = false;
      default -> {}
    }
    irq.set(pending && enabled);
  }

  @Override
  public synchronized void reset() {
    timer.cancel();
    offset = 0;
    latchedHigh = 0;
    alarm = 0;
    alarmSet = false;
    enabled = false;
    pending = false;
    irq.set(false);
  }

  @Override
  public synchronized void snapshot(Snapshot s) {
    s.section("the clock");
    offset = s.word(offset);
    latchedHigh = s.bits(latchedHigh);
    alarm = s.word(alarm);
    alarmSet = s.flag(alarmSet);
    enabled = s.flag(enabled);
    pending = s.flag(pending);
    if (s.restores()) {
      timer.cancel();
      check();
    }
  }

  @Override
  public void describe(Node soc, long base, int interrupt, int plic) {
    Node node = soc.child("rtc@" + Long.toHexString(base));
    node.strings("compatible", "google,goldfish-rtc").longs("reg", base, WINDOW_BYTES);
    if (interrupt != 0) {
      node.cells("interrupt-parent", plic).cells("interrupts", interrupt);
    }
  }

  private long now() {
    Instant host = clock.instant();
    return host.getEpochSecond() * 1_000_000_000L + host.getNano() + offset;
  }

  private void setTime(long time) {
    offset += time - now();
    check();
  }

  private static long withLow(long value, long low) {
    return value & ~0xffff_ffffL | low & 0xffff_ffffL;
  }

  private static long withHigh(long value, long high) {
    return value & 0xffff_ffffL | high << 32;
  }

  /** Raises the alarm when its time has come, else sets the timer; also what the timer runs. */
  private synchronized void check() {
    if (!alarmSet) {
      return;
    }
    long now = now();
    if (Long.compareUnsigned(alarm, now) > 0) {
      long wait = alarm - now;
      timer.set(wait < 0 ? Long.MAX_VALUE : wait);
    } else {
      timer.cancel();
      alarmSet = false;
      pending = true;
      irq.set(enabled);
    }
  }
}
