package org.duvisor.virtio.console;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import org.duvisor.devices.chardev.QueuedBackend;
import org.duvisor.virtio.QueueWorker.Serving;
import org.duvisor.virtio.VirtioMmio;
import org.duvisor.virtio.testing.TestDriver;
import org.duvisor.virtio.testing.TestDriver.Buffer;
import org.duvisor.virtio.testing.TestDriver.Queue;
import org.duvisor.virtio.testing.TestIrq;
import org.duvisor.virtio.testing.TestRam;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ConsoleTest {
  /** A host whose output is an array and whose input is a queue. */
  private static final class Host extends QueuedBackend {
    final ByteArrayOutputStream output = new ByteArrayOutputStream();
    final AtomicInteger flushes = new AtomicInteger();

    Host() {
      super(1 << 16);
    }

    @Override
    public void transmit(byte value) {
      output.write(value);
    }

    @Override
    public void flush() {
      flushes.incrementAndGet();
    }

    void type(byte[] bytes) {
      try {
        input.put(bytes, 0, bytes.length);
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
    }

    void end() {
      input.end();
    }
  }

  private final TestRam ram = new TestRam(1 << 20);
  private final TestIrq irq = new TestIrq();
  private final Host host = new Host();

  /** Everything but VIRTIO_CONSOLE_F_MULTIPORT. */
  private static final long ONE_PORT = ~2L;

  private TestDriver driver(Serving serving) {
    return new TestDriver(
        new VirtioMmio(new Console(80, 25, host, serving), ram.memory(), irq), ram);
  }

  private static byte[] random(int length) {
    byte[] bytes = new byte[length];
    new Random(length).nextBytes(bytes);
    return bytes;
  }

  @ParameterizedTest
  @EnumSource(Serving.class)
  void outputOfAnyLengthArrivesWhole(Serving serving) {
    VirtioMmio mmio = new VirtioMmio(new Console(80, 25, host, serving), ram.memory(), irq);
    Queue tx = new TestDriver(mmio, ram).start(ONE_PORT, 2, 64).get(1);
    byte[] text = random(3 * 4096 + 17);
    long at = ram.allocate(text);
    tx.request(Buffer.in(at, 5000), Buffer.in(at + 5000, text.length - 5000));
    tx.request(Buffer.in(at, 4096));
    tx.request(Buffer.in(at, 1));
    mmio.close(); // ends the thread
    byte[] expected = Arrays.copyOf(text, text.length + 4097);
    System.arraycopy(text, 0, expected, text.length, 4096);
    expected[text.length + 4096] = text[0];
    assertArrayEquals(expected, host.output.toByteArray());
    assertTrue(host.flushes.get() > 0);
  }

  @Test
  void inputWaitsForRoom() {
    host.type("before the driver, ".getBytes(StandardCharsets.UTF_8));
    Queue rx = driver(Serving.INLINE).start(ONE_PORT, 2, 64).getFirst();
    long at = ram.allocate(100);
    assertEquals(19, rx.request(Buffer.out(at, 100)).written());
    rx.add(Buffer.out(at + 19, 4));
    rx.add(Buffer.out(at + 23, 4));
    rx.kick();
    assertTrue(rx.poll().isEmpty());
    host.type("after it".getBytes(StandardCharsets.UTF_8));
    assertEquals(4, rx.await().written());
    assertEquals(4, rx.await().written());
    assertEquals(
        "before the driver, after it", new String(ram.bytes(at, 27), StandardCharsets.UTF_8));
    assertTrue(irq.level());
  }

  @Test
  void inputSurvivesAReset() {
    TestDriver driver = driver(Serving.INLINE);
    driver.start(ONE_PORT, 2, 64);
    host.type(new byte[] {1, 2, 3});
    Queue rx = driver.start(ONE_PORT, 2, 64).getFirst();
    assertEquals(3, rx.request(Buffer.out(ram.allocate(10), 10)).written());
  }

  @Test
  void theEndOfInputLeavesBuffersAlone() {
    Queue rx = driver(Serving.INLINE).start(ONE_PORT, 2, 64).getFirst();
    rx.add(Buffer.out(ram.allocate(10), 10));
    rx.kick();
    host.end();
    assertTrue(rx.poll().isEmpty());
  }

  private void say(Queue control, int port, int event, int value) {
    long at = ram.allocate(8);
    ram.set32(at, port);
    ram.set16(at + 4, event);
    ram.set16(at + 6, value);
    control.request(Buffer.in(at, 8));
  }

  private int heard(Queue control, long at) {
    return heard(control, at, 8);
  }

  private int heard(Queue control, long at, int length) {
    assertEquals(length, control.await().written());
    assertEquals(0, ram.get32(at));
    assertEquals(1, ram.get16(at + 6));
    return ram.get16(at + 4);
  }

  /** As Linux does it: input that comes before the port is open would be thrown away. */
  @Test
  void inputWaitsForThePortToBeOpened() {
    host.type("early".getBytes(StandardCharsets.UTF_8));
    List<Queue> queues = driver(Serving.INLINE).start(4);
    Queue rx = queues.get(0);
    long at = ram.allocate(10);
    rx.add(Buffer.out(at, 10));
    rx.kick();
    long heard = ram.allocate(8);
    queues.get(2).add(Buffer.out(heard, 8));
    queues.get(2).kick();
    say(queues.get(3), 0, 0, 1); // DEVICE_READY
    assertEquals(1, heard(queues.get(2), heard)); // PORT_ADD
    say(queues.get(3), 0, 3, 1); // PORT_READY
    for (int event : new int[] {4, 6}) { // CONSOLE_PORT, PORT_OPEN, each when there is room
      queues.get(2).add(Buffer.out(heard, 8));
      queues.get(2).kick();
      assertEquals(event, heard(queues.get(2), heard));
    }
    say(queues.get(3), 7, 6, 1); // another port, which does not exist
    assertTrue(rx.poll().isEmpty());
    say(queues.get(3), 0, 6, 1); // PORT_OPEN
    assertEquals(5, rx.await().written());
    assertEquals("early", new String(ram.bytes(at, 5), StandardCharsets.UTF_8));
    rx.add(Buffer.out(at, 10));
    rx.kick();
    say(queues.get(3), 0, 6, 0); // closed again
    host.type(new byte[1]);
    assertTrue(rx.poll().isEmpty());
    say(queues.get(3), 0, 6, 1);
    assertEquals(1, rx.await().written());
  }

  /** Linux looks for the size of a console with ports nowhere else. */
  @Test
  void aDriverWithPortsIsToldTheSizeAndItsChanges() {
    Console console = new Console(80, 25, host, Serving.INLINE);
    var mmio = new VirtioMmio(console, ram.memory(), irq);
    List<Queue> queues = new TestDriver(mmio, ram).start(4);
    Queue control = queues.get(2);
    long heard = ram.allocate(12);
    console.resize(90, 30); // before the port is there
    say(queues.get(3), 0, 3, 1); // PORT_READY
    for (int event : new int[] {4, 5, 6}) {
      control.add(Buffer.out(heard, 12));
      control.kick();
      assertEquals(event, heard(control, heard, event == 5 ? 12 : 8));
    }
    assertEquals(90 | 30 << 16, ram.get32(heard + 8));
    say(queues.get(3), 0, 6, 1); // PORT_OPEN
    control.add(Buffer.out(heard, 12));
    control.kick();
    console.resize(132, 43);
    assertEquals(5, heard(control, heard, 12));
    assertEquals(132 | 43 << 16, ram.get32(heard + 8));
  }

  /** Linux makes a device of its own for a port that is no console. */
  @Test
  void aPortForDataHasANameAndNoSize() {
    Console port = Console.port("org.example", host, Serving.INLINE);
    var mmio = new VirtioMmio(port, ram.memory(), irq);
    List<Queue> queues = new TestDriver(mmio, ram).start(4);
    Queue control = queues.get(2);
    long heard = ram.allocate(19);
    say(queues.get(3), 0, 3, 1); // PORT_READY
    for (int event : new int[] {7, 6}) { // PORT_NAME, PORT_OPEN
      control.add(Buffer.out(heard, 19));
      control.kick();
      assertEquals(event, heard(control, heard, event == 7 ? 19 : 8));
    }
    assertEquals("org.example", new String(ram.bytes(heard + 8, 11), StandardCharsets.US_ASCII));
  }

  /** Adversary: a driver that asks without end and gives no room to be answered. */
  @Test
  void controlMessagesWithoutEnd() {
    TestDriver driver = driver(Serving.INLINE);
    List<Queue> queues = driver.start(4);
    for (int i = 0; i < 1000; i++) {
      say(queues.get(3), i % 3 - 1, i % 9, i % 2);
    }
    assertEquals(0, driver.status() & TestDriver.NEEDS_RESET);
    long at = ram.allocate(8);
    queues.get(3).add(Buffer.in(at, 7));
    queues.get(3).kick();
    assertEquals(TestDriver.NEEDS_RESET, driver.status() & TestDriver.NEEDS_RESET);
  }

  @Test
  void emergencyWritesNeedNoDriver() {
    TestDriver driver = driver(Serving.INLINE);
    driver.write(0x100 + 8, 'A');
    assertEquals("A", host.output.toString(StandardCharsets.UTF_8));
    assertEquals(80 | 25 << 16, driver.config(0, 4));
    assertEquals(1, driver.config(4, 4));
  }
}
