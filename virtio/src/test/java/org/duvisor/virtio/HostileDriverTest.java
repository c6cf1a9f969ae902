package org.duvisor.virtio;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.util.List;
import java.util.function.BiConsumer;
import java.util.stream.Stream;
import org.duvisor.devices.chardev.CharBackend;
import org.duvisor.virtio.QueueWorker.Serving;
import org.duvisor.virtio.blk.Blk;
import org.duvisor.virtio.blk.MemoryDisk;
import org.duvisor.virtio.console.Console;
import org.duvisor.virtio.net.LoopbackNet;
import org.duvisor.virtio.net.Net;
import org.duvisor.virtio.net.NetBackend;
import org.duvisor.virtio.testing.TestDriver;
import org.duvisor.virtio.testing.TestDriver.Buffer;
import org.duvisor.virtio.testing.TestDriver.Queue;
import org.duvisor.virtio.testing.TestIrq;
import org.duvisor.virtio.testing.TestRam;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Adversary: the driver of a hostile guest, one broken rule at a time. Each ends in
 * DEVICE_NEEDS_RESET and no worse.
 */
class HostileDriverTest {
  private static final int SIZE = 8;
  private static final int NEXT = 1;
  private static final int WRITE = 2;
  private static final int INDIRECT = 4;

  private final TestRam ram = new TestRam(1 << 20);
  private final TestIrq irq = new TestIrq();
  private final Blk blk = new Blk("t", new MemoryDisk(1 << 16), Serving.INLINE);
  private final VirtioMmio mmio = new VirtioMmio(blk, ram.memory(), irq);
  private final TestDriver driver = new TestDriver(mmio, ram);

  private interface Attack extends BiConsumer<Queue, TestRam> {}

  private static Arguments attack(String name, Attack attack) {
    return Arguments.of(name, attack);
  }

  static Stream<Arguments> attacks() {
    long in = TestRam.BASE;
    long end = TestRam.BASE + (1 << 20);
    return Stream.of(
        attack("a chain that bites its tail", (q, r) -> q.descriptor(0, in, 16, NEXT, 0)),
        attack(
            "a circle of all descriptors",
            (q, r) -> {
              for (int i = 0; i < SIZE; i++) {
                q.descriptor(i, in, 16, NEXT, (i + 1) % SIZE);
              }
            }),
        attack("next outside the table", (q, r) -> q.descriptor(0, in, 16, NEXT, SIZE)),
        attack("next far outside the table", (q, r) -> q.descriptor(0, in, 16, NEXT, 0xffff)),
        attack("a buffer below memory", (q, r) -> q.descriptor(0, in - 1, 16, 0, 0)),
        attack("a buffer past the end", (q, r) -> q.descriptor(0, end - 15, 16, 0, 0)),
        attack("a buffer that wraps around", (q, r) -> q.descriptor(0, -8, 16, 0, 0)),
        attack("the longest buffer", (q, r) -> q.descriptor(0, in, -1, 0, 0)),
        attack("a negative address", (q, r) -> q.descriptor(0, Long.MIN_VALUE, 16, 0, 0)),
        attack(
            "readable after writable",
            (q, r) -> {
              q.descriptor(0, in, 16, WRITE | NEXT, 1);
              q.descriptor(1, in, 16, 0, 0);
            }),
        attack("a head outside the table", (q, r) -> r.set16(q.avail() + 4, SIZE)),
        attack("an index far ahead", (q, r) -> r.set16(q.avail() + 2, SIZE + 1)),
        attack("an index that went back", (q, r) -> r.set16(q.avail() + 2, 0xffff)),
        attack("indirect and next", (q, r) -> q.descriptor(0, in, 16, INDIRECT | NEXT, 1)),
        attack("an empty indirect table", (q, r) -> q.descriptor(0, in, 0, INDIRECT, 0)),
        attack("a ragged indirect table", (q, r) -> q.descriptor(0, in, 17, INDIRECT, 0)),
        attack("an indirect table outside memory", (q, r) -> q.descriptor(0, end, 16, INDIRECT, 0)),
        attack(
            "nested indirect tables",
            (q, r) -> {
              long table = indirect(q, r, 16);
              r.set64(table, table);
              r.set32(table + 8, 16);
              r.set16(table + 12, INDIRECT);
            }),
        attack(
            "a circle in an indirect table",
            (q, r) -> {
              long table = indirect(q, r, 16);
              r.set64(table, in);
              r.set32(table + 8, 1);
              r.set16(table + 12, NEXT);
            }),
        attack(
            "an indirect chain longer than the queue",
            (q, r) -> {
              long table = indirect(q, r, 16 * 100);
              for (int i = 0; i < 100; i++) {
                r.set64(table + 16L * i, in);
                r.set32(table + 16L * i + 8, 1);
                r.set16(table + 16L * i + 12, i < 99 ? NEXT : 0);
                r.set16(table + 16L * i + 14, i + 1);
              }
            }),
        attack("a request without header", (q, r) -> q.descriptor(0, in, 15, 0, 0)),
        attack("a request without status", (q, r) -> q.descriptor(0, in, 16, 0, 0)));
  }

  private static long indirect(Queue queue, TestRam ram, int length) {
    long table = ram.allocate(length);
    queue.descriptor(0, table, length, INDIRECT, 0);
    return table;
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("attacks")
  void brokenRulesNeedAReset(String name, Attack attack) {
    Queue queue = driver.start(-1, 1, SIZE).getFirst();
    queue.offer(0);
    attack.accept(queue, ram);
    driver.write(MmioLayout.QUEUE_NOTIFY, 0);
    assertNeedsReset(driver, irq, name);
    assertEquals(0, ram.get16(queue.used() + 2), "nothing was returned");
    driver.write(MmioLayout.QUEUE_NOTIFY, 0); // a dead device stays dead
    Queue fresh = driver.start(-1, 1, SIZE).getFirst();
    long status = ram.allocate(new byte[] {9});
    assertEquals(
        513,
        fresh
            .request(
                Buffer.in(ram.allocate(16), 16),
                Buffer.out(ram.allocate(512), 512),
                Buffer.out(status, 1))
            .written());
    assertEquals(0, ram.bytes(status, 1)[0]);
    assertTrue(ram.wallsStand());
  }

  private static void assertNeedsReset(TestDriver driver, TestIrq irq, String name) {
    assertTrue((driver.status() & TestDriver.NEEDS_RESET) != 0, name);
    assertEquals(2, driver.read(MmioLayout.INTERRUPT_STATUS), name);
    assertTrue(irq.level(), name);
  }

  @Test
  void indirectWithoutNegotiation() {
    Queue queue = driver.start(0, 1, SIZE).getFirst();
    queue.descriptor(0, TestRam.BASE, 16, INDIRECT, 0);
    queue.offer(0);
    queue.kick();
    assertNeedsReset(driver, irq, "indirect");
  }

  @Test
  void ringsOutsideMemoryOrOfImpossibleSize() {
    long end = TestRam.BASE + (1 << 20);
    long[][] setups = {
      {0, TestRam.BASE, TestRam.BASE, TestRam.BASE}, // no size
      {3, TestRam.BASE, TestRam.BASE, TestRam.BASE}, // no power of two
      {512, TestRam.BASE, TestRam.BASE, TestRam.BASE}, // more than the maximum
      {0x8000_0000L, TestRam.BASE, TestRam.BASE, TestRam.BASE},
      {8, end - 64, TestRam.BASE, TestRam.BASE},
      {8, TestRam.BASE, end - 16, TestRam.BASE},
      {8, TestRam.BASE, TestRam.BASE, end - 64},
      {8, TestRam.BASE + 8, TestRam.BASE, TestRam.BASE}, // alignment
      {8, TestRam.BASE, TestRam.BASE + 1, TestRam.BASE},
      {8, TestRam.BASE, TestRam.BASE, TestRam.BASE + 2},
      {8, -16, -16, -16},
    };
    for (long[] s : setups) {
      driver.negotiate(TestDriver.VERSION_1);
      driver.write(MmioLayout.QUEUE_SEL, 0);
      driver.write(MmioLayout.QUEUE_SIZE, (int) s[0]);
      int[] registers = {
        MmioLayout.QUEUE_DESC_LOW, MmioLayout.QUEUE_DRIVER_LOW, MmioLayout.QUEUE_DEVICE_LOW
      };
      for (int i = 0; i < 3; i++) {
        driver.write(registers[i], (int) s[i + 1]);
        driver.write(registers[i] + 4, (int) (s[i + 1] >>> 32));
      }
      driver.write(MmioLayout.QUEUE_READY, 1);
      assertTrue((driver.status() & TestDriver.NEEDS_RESET) != 0);
      assertEquals(0, driver.read(MmioLayout.QUEUE_READY));
      driver.write(MmioLayout.STATUS, 15);
      driver.write(MmioLayout.QUEUE_NOTIFY, 0);
    }
    assertTrue(ram.wallsStand());
  }

  @Test
  void rulesOfTheOtherDevices() {
    NetBackend cable = new LoopbackNet();
    Net net = new Net("t", new byte[] {2, 0, 0, 0, 0, 1}, Net.NO_MTU, cable, Serving.INLINE);
    Console console = new Console(80, 25, CharBackend.none(), Serving.INLINE);
    // A frame shorter than its header; input for a buffer without room.
    for (VirtioDevice device : List.of(net, console)) {
      TestIrq line = new TestIrq();
      TestDriver d = new TestDriver(new VirtioMmio(device, ram.memory(), line), ram);
      // Without VIRTIO_CONSOLE_F_MULTIPORT: with it nothing is received before the port is open.
      List<Queue> queues = d.start(device == net ? -1 : ~2L, 2, 64);
      Queue queue = queues.get(device == net ? 1 : 0);
      queue.add(Buffer.in(ram.allocate(11), 11));
      queue.kick();
      assertNeedsReset(d, line, device.offer().name());
    }
    // A receive buffer shorter than the header.
    TestIrq line = new TestIrq();
    TestDriver d = new TestDriver(new VirtioMmio(net, ram.memory(), line), ram);
    Queue rx = d.start(2).getFirst();
    rx.add(Buffer.out(ram.allocate(11), 11));
    rx.kick();
    cable.send(ByteBuffer.allocate(60));
    assertNeedsReset(d, line, "net");
  }
}
