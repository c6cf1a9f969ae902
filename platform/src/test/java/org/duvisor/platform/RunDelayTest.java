package org.duvisor.platform;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class RunDelayTest {
  private static final long SPIN_NANOS = 200_000_000;

  private static long spin() {
    try (var delay = new RunDelay()) {
      long before = delay.nanos();
      long end = System.nanoTime() + SPIN_NANOS;
      while (System.nanoTime() < end) {
        Thread.onSpinWait();
      }
      long after = delay.nanos();
      assertTrue(after >= before);
      return after - before;
    }
  }

  /** More threads than processors: all together wait at least as long as one of them runs. */
  @Test
  void threadsThatShareProcessorsWait() throws InterruptedException {
    assumeTrue(Files.isReadable(Path.of("/proc/thread-self/schedstat")), "the host does not tell");
    var sum = new AtomicLong();
    Thread[] threads = new Thread[2 * Runtime.getRuntime().availableProcessors()];
    for (int i = 0; i < threads.length; i++) {
      threads[i] = Thread.ofPlatform().start(() -> sum.addAndGet(spin()));
    }
    for (Thread t : threads) {
      t.join();
    }
    assertTrue(sum.get() >= SPIN_NANOS / 2, "waited " + sum);
  }

  @Test
  void afterTheEndItStandsStill() {
    var delay = new RunDelay();
    long last = delay.nanos();
    delay.close();
    delay.close();
    assertEquals(last, delay.nanos());
    assertEquals(last, delay.nanos());
  }
}
