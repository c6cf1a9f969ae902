package org.duvisor.virtio;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.random.RandomGenerator;
import org.duvisor.virtio.rng.Rng;
import org.duvisor.virtio.testing.TestDriver;
import org.duvisor.virtio.testing.TestDriver.Buffer;
import org.duvisor.virtio.testing.TestDriver.Queue;
import org.duvisor.virtio.testing.TestDriver.Used;
import org.duvisor.virtio.testing.TestIrq;
import org.duvisor.virtio.testing.TestRam;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The ring protocol, seen through the simplest device: entropy, which serves inside the
 * notification.
 */
class VirtqueueTest {
  private final TestRam ram = new TestRam(1 << 20);
  private final TestIrq irq = new TestIrq();
  private final VirtioMmio mmio =
      new VirtioMmio(new Rng(RandomGenerator.of("L64X128MixRandom")), ram.memory(), irq);
  private final TestDriver driver = new TestDriver(mmio, ram);

  @ParameterizedTest
  @ValueSource(
      longs = {
        0,
        TestDriver.EVENT_IDX,
        TestDriver.INDIRECT,
        TestDriver.EVENT_IDX | TestDriver.INDIRECT
      })
  void indexesWrapAroundSixteenBits(long features) {
    Queue queue = driver.start(features, 1, 4).getFirst();
    long room = ram.allocate(8);
    for (int i = 0; i < 70_000; i++) {
      int head = queue.add(Buffer.out(room, 8));
      queue.kick();
      assertEquals(new Used(head, 8), queue.await());
      driver.acknowledge();
    }
    assertEquals(70_000, irq.edges());
  }

  @Test
  void withoutEventIndexTheDriverCanSilenceInterrupts() {
    Queue queue = driver.start(0, 1, 8).getFirst();
    ram.set16(queue.avail(), 1);
    queue.request(Buffer.out(ram.allocate(8), 8));
    assertEquals(0, irq.edges());
    ram.set16(queue.avail(), 0);
    queue.request(Buffer.out(ram.allocate(8), 8));
    assertEquals(1, irq.edges());
  }

  @Test
  void withEventIndexTheInterruptComesAtTheWantedElement() {
    Queue queue = driver.start(TestDriver.EVENT_IDX, 1, 8).getFirst();
    long usedEvent = queue.avail() + 4 + 2 * 8;
    ram.set16(usedEvent, 2); // wants to hear of the third
    for (int i = 0; i < 5; i++) {
      queue.add(Buffer.out(ram.allocate(8), 8));
      queue.kick();
      assertEquals(i < 2 ? 0 : 1, irq.edges());
    }
  }

  @Test
  void aBatchIsOneInterrupt() {
    Queue queue = driver.start(TestDriver.EVENT_IDX, 1, 8).getFirst();
    for (int i = 0; i < 5; i++) {
      queue.add(Buffer.out(ram.allocate(8), 8));
    }
    assertTrue(queue.kick());
    for (int i = 0; i < 5; i++) {
      queue.await();
    }
    assertEquals(1, irq.edges());
    assertTrue(queue.poll().isEmpty());
  }

  @Test
  void anIndirectTableMayFollowDirectDescriptors() {
    Queue queue = driver.start(1).getFirst();
    long table = ram.allocate(32);
    long a = ram.allocate(16);
    long b = ram.allocate(16);
    ram.set64(table, b);
    ram.set32(table + 8, 5);
    ram.set16(table + 12, 2);
    queue.descriptor(0, a, 3, 2 | 1, 1);
    queue.descriptor(1, table, 16, 4, 0);
    queue.offer(0);
    queue.kick();
    assertEquals(8, queue.await().written());
  }

  @Test
  void emptyDescriptorsAreHarmless() {
    Queue queue = driver.start(1).getFirst();
    long a = ram.allocate(16);
    assertEquals(
        9,
        queue
            .request(Buffer.out(a, 0), Buffer.out(a, 4), Buffer.out(a, 0), Buffer.out(a + 4, 5))
            .written());
  }

  @Test
  void aStoppedQueueIsSilentAndCanBeStartedAgain() {
    Queue queue = driver.start(1).getFirst();
    driver.write(MmioLayout.QUEUE_READY, 0);
    queue.add(Buffer.out(ram.allocate(8), 8));
    driver.write(MmioLayout.QUEUE_NOTIFY, 0);
    assertTrue(queue.poll().isEmpty());
    Queue again = driver.queue(0, 16);
    assertEquals(8, again.request(Buffer.out(ram.allocate(8), 8)).written());
  }

  @Test
  void ringAddressesOfALiveQueueDoNotMove() {
    Queue queue = driver.start(1).getFirst();
    driver.write(MmioLayout.QUEUE_DESC_LOW, 0);
    driver.write(MmioLayout.QUEUE_SIZE, 1);
    assertEquals(8, queue.request(Buffer.out(ram.allocate(8), 8)).written());
    assertFalse((driver.status() & TestDriver.NEEDS_RESET) != 0);
  }
}
