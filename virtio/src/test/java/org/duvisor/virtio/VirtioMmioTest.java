package org.duvisor.virtio;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.duvisor.devices.chardev.CharBackend;
import org.duvisor.devices.fdt.Fdt;
import org.duvisor.devices.fdt.Node;
import org.duvisor.virtio.blk.Blk;
import org.duvisor.virtio.blk.MemoryDisk;
import org.duvisor.virtio.console.Console;
import org.duvisor.virtio.testing.TestDriver;
import org.duvisor.virtio.testing.TestDriver.Buffer;
import org.duvisor.virtio.testing.TestDriver.Queue;
import org.duvisor.virtio.testing.TestIrq;
import org.duvisor.virtio.testing.TestRam;
import org.junit.jupiter.api.Test;

class VirtioMmioTest {
  private final TestRam ram = new TestRam(1 << 20);
  private final TestIrq irq = new TestIrq();
  private final Blk blk = new Blk("t", new MemoryDisk(1 << 20), QueueWorker.Serving.INLINE);
  private final VirtioMmio mmio = new VirtioMmio(blk, ram.memory(), irq);
  private final TestDriver driver = new TestDriver(mmio, ram);

  @Test
  void identifiesItself() {
    assertEquals(0x74726976, driver.read(MmioLayout.MAGIC));
    assertEquals(2, driver.read(MmioLayout.VERSION));
    assertEquals(2, driver.read(MmioLayout.DEVICE_ID));
    assertEquals(0x554d4551, driver.read(MmioLayout.VENDOR_ID));
    assertEquals(0x1000, mmio.size());
    assertEquals(0x200, new VirtioMmio(blk, ram.memory(), irq, VirtioMmio.SLOT).size());
    assertThrows(
        IllegalArgumentException.class, () -> new VirtioMmio(blk, ram.memory(), irq, 0x100));
  }

  @Test
  void registersAre32BitsOnly() {
    assertEquals(0, mmio.read(MmioLayout.MAGIC, 1));
    assertEquals(0, mmio.read(MmioLayout.MAGIC, 2));
    assertEquals(0, mmio.read(MmioLayout.MAGIC, 8));
    mmio.write(MmioLayout.STATUS, 1, 1);
    mmio.write(MmioLayout.STATUS, 8, 1);
    assertEquals(0, driver.status());
  }

  @Test
  void bitsAboveTheWidthAreIgnored() {
    mmio.write(MmioLayout.STATUS, 4, 0xdead_0000_0000L);
    assertEquals(0, driver.status());
    mmio.write(MmioLayout.STATUS, 4, 0xdead_0000_0001L);
    assertEquals(1, driver.status());
  }

  @Test
  void missingSharedMemoryReadsAsAllOnes() {
    for (int register = MmioLayout.SHM_LEN_LOW;
        register <= MmioLayout.SHM_BASE_HIGH;
        register += 4) {
      assertEquals(0xffff_ffffL, mmio.read(register, 4));
    }
  }

  @Test
  void configurationTakesAnyWidth() {
    assertEquals((1 << 20) / 512, mmio.read(MmioLayout.CONFIG, 8));
    assertEquals((1 << 20) / 512, mmio.read(MmioLayout.CONFIG, 4));
    assertEquals((1 << 20) / 512, mmio.read(MmioLayout.CONFIG, 2));
    assertEquals((1 << 20) / 512 >> 8, mmio.read(MmioLayout.CONFIG + 1, 1));
    assertEquals(0, mmio.read(0xff8, 8));
  }

  @Test
  void refusesFeaturesItDidNotOffer() {
    assertFalse(driver.negotiate(driver.offered() | 1L << 60));
    assertTrue(driver.negotiate(0), "a driver need not know VIRTIO_F_VERSION_1");
    assertTrue(driver.negotiate(driver.offered()));
  }

  @Test
  void featuresAreFixedOnceAccepted() {
    assertTrue(driver.negotiate(TestDriver.VERSION_1));
    driver.write(MmioLayout.DRIVER_FEATURES_SEL, 1);
    driver.write(MmioLayout.DRIVER_FEATURES, 0);
    driver.write(MmioLayout.STATUS, 15);
    assertEquals(15, driver.status());
  }

  @Test
  void driverOkNeedsFeaturesOk() {
    driver.write(MmioLayout.STATUS, 0);
    driver.write(MmioLayout.STATUS, 7);
    assertEquals(3, driver.status());
  }

  @Test
  void statusBitsCannotBeCleared() {
    driver.write(MmioLayout.STATUS, 3);
    driver.write(MmioLayout.STATUS, 1);
    assertEquals(3, driver.status());
    driver.write(MmioLayout.STATUS, 64);
    assertEquals(3, driver.status());
  }

  @Test
  void resetForgetsEverything() {
    Queue queue = driver.start(1).getFirst();
    long status = ram.allocate(1);
    queue.request(
        Buffer.in(ram.allocate(16), 16), Buffer.out(ram.allocate(512), 512), Buffer.out(status, 1));
    assertTrue(irq.level());
    mmio.reset();
    assertFalse(irq.level());
    assertEquals(0, driver.status());
    assertEquals(0, driver.read(MmioLayout.INTERRUPT_STATUS));
    assertEquals(0, driver.read(MmioLayout.QUEUE_READY));
    driver.write(MmioLayout.QUEUE_NOTIFY, 0);
    assertFalse(irq.level());
  }

  @Test
  void queuesThatDoNotExistHaveSizeZero() {
    driver.write(MmioLayout.QUEUE_SEL, 1);
    assertEquals(0, driver.read(MmioLayout.QUEUE_SIZE_MAX));
    driver.write(MmioLayout.QUEUE_READY, 1);
    assertEquals(0, driver.read(MmioLayout.QUEUE_READY));
    driver.write(MmioLayout.QUEUE_SEL, -1);
    assertEquals(0, driver.read(MmioLayout.QUEUE_SIZE_MAX));
    driver.write(MmioLayout.QUEUE_SEL, 0);
    assertEquals(256, driver.read(MmioLayout.QUEUE_SIZE_MAX));
  }

  @Test
  void interruptStaysUntilAcknowledged() {
    Queue queue = driver.start(1).getFirst();
    queue.request(Buffer.in(ram.allocate(16), 16), Buffer.out(ram.allocate(1), 1));
    assertTrue(irq.level());
    driver.write(MmioLayout.INTERRUPT_ACK, 2);
    assertTrue(irq.level());
    assertEquals(1, driver.acknowledge());
    assertFalse(irq.level());
  }

  @Test
  void configurationChangeIsSeenByGenerationAndInterrupt() {
    Console console = new Console(80, 25, CharBackend.none(), QueueWorker.Serving.INLINE);
    VirtioMmio slot = new VirtioMmio(console, ram.memory(), irq);
    TestDriver d = new TestDriver(slot, ram);
    console.resize(81, 25);
    assertFalse(irq.level());
    d.start(2);
    int before = d.read(MmioLayout.CONFIG_GENERATION);
    console.resize(100, 40);
    assertEquals(2, d.acknowledge());
    assertTrue(before != d.read(MmioLayout.CONFIG_GENERATION));
    assertEquals(40 << 16 | 100, d.config(0, 4));
  }

  @Test
  void describesItself() {
    Node soc = new Node("soc");
    mmio.describe(soc, 0x1000_1000L, 1, 7);
    Node node = soc.children().iterator().next();
    assertEquals("virtio_mmio@10001000", node.name());
    assertArrayEquals(
        "virtio,mmio\0".getBytes(StandardCharsets.UTF_8), node.properties().get("compatible"));
    assertArrayEquals(new byte[] {0, 0, 0, 1}, node.properties().get("interrupts"));
    assertArrayEquals(new byte[] {0, 0, 0, 7}, node.properties().get("interrupt-parent"));
    assertEquals(16, node.properties().get("reg").length);
    assertEquals(0, node.properties().get("dma-coherent").length);
  }

  /** Drivers made for QEMU's boards need not. */
  @Test
  void aDriverThatDoesNotAcknowledgeIsToldAgain() {
    List<Boolean> told = new ArrayList<>();
    var d = new TestDriver(new VirtioMmio(blk, ram.memory(), told::add), ram);
    Queue queue = d.start(1).getFirst();
    told.clear();
    for (int i = 1; i <= 3; i++) {
      queue.request(Buffer.in(ram.allocate(16), 16), Buffer.out(ram.allocate(1), 1));
      assertEquals(Collections.nCopies(i, true), told);
    }
    d.acknowledge();
    assertFalse(told.getLast());
  }

  @Test
  void anEmptySlotHasADeviceWithoutAnId() {
    var slot = new EmptySlot();
    var d = new TestDriver(slot, ram);
    assertEquals(0x74726976, d.read(MmioLayout.MAGIC));
    assertEquals(2, d.read(MmioLayout.VERSION));
    assertEquals(0x554d4551, d.read(MmioLayout.VENDOR_ID));
    d.write(MmioLayout.STATUS, 1);
    for (int register = MmioLayout.VENDOR_ID + 4; register < slot.size(); register += 4) {
      assertEquals(0, d.read(register));
    }
    assertEquals(0, d.read(MmioLayout.DEVICE_ID));
    assertEquals(0, slot.read(MmioLayout.MAGIC, 1));
    assertEquals(0, slot.read(MmioLayout.MAGIC, 8));
    Node soc = new Node("soc");
    Node other = new Node("soc");
    slot.describe(soc, 0x1000_8000L, 8, 7);
    mmio.describe(other, 0x1000_8000L, 8, 7);
    assertArrayEquals(Fdt.of(other).blob(), Fdt.of(soc).blob(), "the same node");
  }
}
