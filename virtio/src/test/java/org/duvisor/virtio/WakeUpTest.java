package org.duvisor.virtio;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.locks.LockSupport;
import org.duvisor.virtio.QueueWorker.Serving;
import org.duvisor.virtio.blk.Blk;
import org.duvisor.virtio.blk.MemoryDisk;
import org.duvisor.virtio.testing.TestDriver;
import org.duvisor.virtio.testing.TestDriver.Buffer;
import org.duvisor.virtio.testing.TestDriver.Queue;
import org.duvisor.virtio.testing.TestIrq;
import org.duvisor.virtio.testing.TestRam;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A driver and a device on two threads that notify each other only when asked to: neither may sleep
 * for ever.
 */
class WakeUpTest {
  private static final int REQUESTS = 40_000;
  private static final int SIZE = 16;

  @ParameterizedTest
  @ValueSource(longs = {0, TestDriver.EVENT_IDX})
  @Timeout(60)
  void noNotificationIsLost(long features) {
    TestRam ram = new TestRam(1 << 20);
    TestIrq irq = new TestIrq();
    VirtioMmio mmio =
        new VirtioMmio(new Blk("wake", new MemoryDisk(4096), Serving.THREAD), ram.memory(), irq);
    TestDriver driver = new TestDriver(mmio, ram);
    Queue queue = driver.start(features, 1, SIZE).getFirst();
    long header = ram.allocate(16); // read sector 0
    long room = ram.allocate(513);
    int sent = 0;
    int back = 0;
    while (back < REQUESTS) {
      // Bursts of changing length, so that the worker is met asleep, awake and on its way.
      for (int burst = 1 + sent % 5;
          burst > 0 && sent < REQUESTS && sent - back < SIZE / 2;
          burst--) {
        queue.add(Buffer.in(header, 16), Buffer.out(room, 513));
        sent++;
        queue.kick();
      }
      while (!irq.level()) {
        LockSupport.parkNanos(1_000);
      }
      driver.acknowledge();
      while (queue.poll().isPresent()) {
        back++;
      }
    }
    assertEquals(REQUESTS, back);
    assertTrue((driver.status() & TestDriver.NEEDS_RESET) == 0);
    mmio.close();
  }
}
