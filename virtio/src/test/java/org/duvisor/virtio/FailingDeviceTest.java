package org.duvisor.virtio;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.random.RandomGenerator;
import org.duvisor.virtio.QueueWorker.Serving;
import org.duvisor.virtio.net.Net;
import org.duvisor.virtio.net.NetBackend;
import org.duvisor.virtio.rng.Rng;
import org.duvisor.virtio.testing.TestDriver;
import org.duvisor.virtio.testing.TestDriver.Buffer;
import org.duvisor.virtio.testing.TestDriver.Queue;
import org.duvisor.virtio.testing.TestIrq;
import org.duvisor.virtio.testing.TestRam;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A host that fails a device in a way that nobody has thought of: the driver learns of it. */
@Timeout(60)
class FailingDeviceTest {
  private final TestRam ram = new TestRam(1 << 20);
  private final TestIrq irq = new TestIrq();

  @Test
  void aRequestThatFailsNeedsAReset() {
    boolean[] well = new boolean[1];
    RandomGenerator source =
        () -> {
          if (well[0]) {
            return 5;
          }
          throw new OutOfMemoryError("of a test");
        };
    TestDriver driver = new TestDriver(new VirtioMmio(new Rng(source), ram.memory(), irq), ram);
    Queue queue = driver.start(1).getFirst();
    queue.add(Buffer.out(ram.allocate(8), 8));
    queue.kick();
    assertEquals(TestDriver.NEEDS_RESET, driver.status() & TestDriver.NEEDS_RESET);
    assertEquals(2, driver.acknowledge());
    well[0] = true;
    assertEquals(8, driver.start(1).getFirst().request(Buffer.out(ram.allocate(8), 8)).written());
  }

  @ParameterizedTest
  @EnumSource(Serving.class)
  void sendingThatFailsNeedsAReset(Serving serving) throws InterruptedException {
    CountDownLatch sent = new CountDownLatch(2);
    NetBackend broken =
        new NetBackend() {
          @Override
          public void plug(Port port) {}

          @Override
          public void send(ByteBuffer frame) {
            sent.countDown();
            throw new IllegalStateException("of a test");
          }

          @Override
          public void close() {}
        };
    byte[] mac = {2, 0, 0, 0, 0, 1};
    VirtioMmio mmio =
        new VirtioMmio(new Net("broken", mac, Net.NO_MTU, broken, serving), ram.memory(), irq);
    TestDriver driver = new TestDriver(mmio, ram);
    for (int session = 0; session < 2; session++) { // the thread lives on
      List<Queue> queues = driver.start(2);
      queues.get(1).add(Buffer.in(ram.allocate(100), 100));
      queues.get(1).kick();
      while ((driver.status() & TestDriver.NEEDS_RESET) == 0) {
        Thread.onSpinWait();
      }
    }
    sent.await();
    mmio.close();
  }
}
