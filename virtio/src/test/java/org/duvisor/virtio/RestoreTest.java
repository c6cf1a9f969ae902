package org.duvisor.virtio;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.duvisor.devices.Device;
import org.duvisor.devices.Plic;
import org.duvisor.devices.Snapshot;
import org.duvisor.devices.aia.Aplic;
import org.duvisor.devices.chardev.CharBackend;
import org.duvisor.virtio.QueueWorker.Serving;
import org.duvisor.virtio.console.Console;
import org.duvisor.virtio.rng.Rng;
import org.duvisor.virtio.testing.TestDriver;
import org.duvisor.virtio.testing.TestDriver.Buffer;
import org.duvisor.virtio.testing.TestDriver.Queue;
import org.duvisor.virtio.testing.TestIrq;
import org.duvisor.virtio.testing.TestRam;
import org.junit.jupiter.api.Test;

/** What waits at a device when it is saved waits where it is restored. */
class RestoreTest {
  private final TestRam ram = new TestRam(1 << 20);

  private static byte[] saved(Device... parts) {
    var bytes = new ByteArrayOutputStream();
    Snapshot s = Snapshot.saving(bytes);
    for (Device d : parts) {
      d.snapshot(s);
    }
    return bytes.toByteArray();
  }

  private static void restore(byte[] bytes, Device... parts) {
    Snapshot s = Snapshot.restoring(new ByteArrayInputStream(bytes));
    for (Device d : parts) {
      d.snapshot(s);
    }
  }

  private static Aplic aplic(TestIrq m, TestIrq s) {
    return new Aplic(
        95,
        1,
        new Aplic.Level(1, List.of(m), 11, 0),
        new Aplic.Level(2, List.of(s), 9, 0),
        Optional.empty());
  }

  /** The order is that of a board: the controller, then what drives it. */
  @Test
  void anInterruptThatWaitsIsThereAfterwardsAtAnAplic() {
    Aplic a = aplic(new TestIrq(), new TestIrq());
    a.machine().write(0, 4, 1 << 8); // domaincfg.IE
    a.machine().write(4, 4, 6); // source 1: level-high
    a.machine().write(0x3004, 4, 1); // target: hart 0
    a.machine().write(0x1edc, 4, 1); // setienum 1
    a.machine().write(0x4000, 4, 1); // idelivery
    var first = new VirtioMmio(new Rng(new Random(1)), ram.memory(), a.source(1));
    Queue q = new TestDriver(first, ram).start(1).getFirst();
    q.request(Buffer.out(ram.allocate(16), 16));
    assertEquals(1 << 16 | 1, (int) a.machine().read(0x4018, 4)); // topi
    byte[] bytes = saved(a.machine(), a.supervisor(), first);

    Aplic b = aplic(new TestIrq(), new TestIrq());
    var second = new VirtioMmio(new Rng(new Random(1)), ram.memory(), b.source(1));
    restore(bytes, b.machine(), b.supervisor(), second);
    assertEquals(1, second.read(0x60, 4)); // InterruptStatus: used
    assertEquals(1 << 16 | 1, (int) b.machine().read(0x4018, 4));
  }

  /** The same while the PLIC's claim before is not complete. */
  @Test
  void anInterruptThatWaitsIsThereAfterwardsAtAPlic() {
    Plic a = new Plic(95, List.of(new Plic.Context(new TestIrq(), 1, 9)));
    a.write(4, 4, 1);
    a.write(0x2000, 4, 2);
    var first = new VirtioMmio(new Rng(new Random(1)), ram.memory(), a.source(1));
    Queue q = new TestDriver(first, ram).start(-1 & ~TestDriver.EVENT_IDX, 1, 64).getFirst();
    q.request(Buffer.out(ram.allocate(16), 16));
    assertEquals(1, a.read(0x20_0004, 4)); // claim
    q.request(Buffer.out(ram.allocate(16), 16)); // told again, while it is served
    byte[] bytes = saved(a, first);
    a.write(0x20_0004, 4, 1);
    assertEquals(2, a.read(0x1000, 4), "pending where it was saved");

    Plic b = new Plic(95, List.of(new Plic.Context(new TestIrq(), 1, 9)));
    var second = new VirtioMmio(new Rng(new Random(1)), ram.memory(), b.source(1));
    restore(bytes, b, second);
    b.write(0x20_0004, 4, 1);
    assertEquals(2, b.read(0x1000, 4), "pending where it was restored");
  }

  /** A name that the driver has made no room for yet. */
  @Test
  void aNamedPortCanBeSaved() {
    var mmio =
        new VirtioMmio(
            Console.port("org.example", CharBackend.none(), Serving.INLINE),
            ram.memory(),
            new TestIrq());
    Queue toDevice = new TestDriver(mmio, ram).start(4).get(3);
    long at = ram.allocate(8);
    var m = ByteBuffer.allocate(8).order(java.nio.ByteOrder.LITTLE_ENDIAN);
    m.putInt(0).putShort((short) 3).putShort((short) 1); // PORT_READY
    java.lang.foreign.MemorySegment.copy(
        java.lang.foreign.MemorySegment.ofArray(m.array()), 0, ram.segment(), at - TestRam.BASE, 8);
    toDevice.add(Buffer.in(at, 8));
    toDevice.kick();
    saved(mmio);
  }

  /** Adversary: a file with DRIVER_OK and not FEATURES_OK, which no driver can reach. */
  @Test
  void featuresThatAreNotOfferedAreRefused() {
    var first = new VirtioMmio(new Rng(new Random(1)), ram.memory(), new TestIrq());
    new TestDriver(first, ram).start(1);
    ByteBuffer bytes = ByteBuffer.wrap(saved(first));
    // section, offered, two selects, features, queue select, status
    bytes.putLong(4 * 8, -1L);
    assertEquals(0xf, bytes.getLong(6 * 8));
    bytes.putLong(6 * 8, 0x7);
    var second = new VirtioMmio(new Rng(new Random(1)), ram.memory(), new TestIrq());
    assertThrows(Snapshot.RefusedException.class, () -> restore(bytes.array(), second));
  }
}
