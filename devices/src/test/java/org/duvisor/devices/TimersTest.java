package org.duvisor.devices;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class TimersTest {
  @Test
  void aHostTimerRunsOnceAtTheLastTimeSet() throws InterruptedException {
    Timers timers = Timers.host();
    CountDownLatch ran = new CountDownLatch(1);
    AtomicInteger runs = new AtomicInteger();
    Timers.Timer timer =
        timers.timer(
            () -> {
              runs.incrementAndGet();
              ran.countDown();
            });
    timer.set(Long.MAX_VALUE);
    timer.set(0);
    assertTrue(ran.await(20, TimeUnit.SECONDS));
    assertEquals(1, runs.get());
  }

  @Test
  void aCancelledTimerDoesNotRun() throws InterruptedException {
    Timers timers = Timers.host();
    AtomicInteger runs = new AtomicInteger();
    Timers.Timer timer = timers.timer(runs::incrementAndGet);
    timer.set(Long.MAX_VALUE);
    timer.cancel();
    CountDownLatch later = new CountDownLatch(1);
    timers.timer(later::countDown).set(0);
    assertTrue(later.await(20, TimeUnit.SECONDS));
    assertEquals(0, runs.get());
  }
}
