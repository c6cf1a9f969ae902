package org.duvisor.devices;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Instant;
import org.junit.jupiter.api.Test;

/** The clock as Linux's rtc-goldfish uses it. */
class GoldfishRtcTest {
  private static final long START = 1_700_000_000_123_456_789L;

  private long now = START;
  private long timerAt = -1;
  private Runnable task = () -> {};
  private final TestLine irq = new TestLine();
  private final GoldfishRtc rtc =
      new GoldfishRtc(() -> Instant.ofEpochSecond(0, now), this::timer, irq);

  private Timers.Timer timer(Runnable run) {
    task = run;
    return new Timers.Timer() {
      @Override
      public void set(long nanos) {
        timerAt = nanos > Long.MAX_VALUE - now ? Long.MAX_VALUE : now + nanos;
      }

      @Override
      public void cancel() {
        timerAt = -1;
      }
    };
  }

  private void advance(long nanos) {
    now += nanos;
    if (timerAt >= 0 && timerAt <= now) {
      timerAt = -1;
      task.run();
    }
  }

  private long time() {
    long low = rtc.read(0, 4);
    return rtc.read(4, 4) << 32 | low;
  }

  private void setTime(long time) {
    rtc.write(4, 4, time >>> 32);
    rtc.write(0, 4, time & 0xffff_ffffL);
  }

  private void setAlarm(long time) {
    rtc.write(0x0c, 4, time >>> 32);
    rtc.write(0x08, 4, time & 0xffff_ffffL);
    rtc.write(0x10, 4, 1);
  }

  @Test
  void readsNanosecondsAndLatchesTheHighHalf() {
    assertEquals(START, time());
    long low = rtc.read(0, 4);
    now += 1L << 32;
    assertEquals(START, rtc.read(4, 4) << 32 | low);
  }

  @Test
  void timeCanBeSetAndRunsOn() {
    setTime(5_000_000_000L);
    assertEquals(5_000_000_000L, time());
    advance(7);
    assertEquals(5_000_000_007L, time());
    rtc.reset();
    assertEquals(now, time());
  }

  @Test
  void alarmFiresOnceAtItsTime() {
    setAlarm(START + 1_000_000);
    assertEquals(1, rtc.read(0x18, 4));
    assertEquals(START + 1_000_000, rtc.read(0x0c, 4) << 32 | rtc.read(0x08, 4));
    advance(999_999);
    assertFalse(irq.high);
    advance(1);
    assertTrue(irq.high);
    assertEquals(0, rtc.read(0x18, 4));
    rtc.write(0x1c, 4, 1);
    assertFalse(irq.high);
    advance(1_000_000_000);
    assertFalse(irq.high);
  }

  @Test
  void alarmInThePastFiresNow() {
    setAlarm(START - 1);
    assertTrue(irq.high);
  }

  @Test
  void alarmCanBeClearedAndMasked() {
    setAlarm(START + 10);
    rtc.write(0x14, 4, 1);
    advance(20);
    assertFalse(irq.high);
    setAlarm(now + 10);
    rtc.write(0x10, 4, 0);
    advance(10);
    assertFalse(irq.high);
    rtc.write(0x10, 4, 1);
    assertTrue(irq.high);
  }

  @Test
  void settingTheClockMovesTheAlarm() {
    setAlarm(START + 1_000_000_000_000L);
    setTime(START + 1_000_000_000_000L);
    assertTrue(irq.high);
  }

  @Test
  void alarmBeyondTheTimersRangeNeverOverflows() {
    setAlarm(-1);
    assertEquals(Long.MAX_VALUE, timerAt);
    assertFalse(irq.high);
  }
}
