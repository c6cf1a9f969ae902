package org.duvisor.virtio.console;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import org.duvisor.devices.chardev.CharBackend;
import org.duvisor.devices.chardev.InputQueue;
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
  private static final class Host implements CharBackend {
    final ByteArrayOutputStream output = new ByteArrayOutputStream();
    final InputQueue input = new InputQueue(1 << 16);
    final AtomicInteger flushes = new AtomicInteger();

    @Override
    public void transmit(byte value) {
      output.write(value);
    }

    @Override
    public void flush() {
      flushes.incrementAndGet();
    }

    @Override
    public int receive(byte[] into, int offset, int length) {
      return input.take(into, offset, length);
    }

    @Override
    public void onInput(Runnable listener) {
      input.onInput(listener);
    }

    void type(byte[] bytes) {
      try {
        input.put(bytes, 0, bytes.length);
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
    }
  }

  private final TestRam ram = new TestRam(1 << 20);
  private final TestIrq irq = new TestIrq();
  private final Host host = new Host();

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
    Queue tx = new TestDriver(mmio, ram).start(2).get(1);
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
    Queue rx = driver(Serving.INLINE).start(2).getFirst();
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
    driver.start(2);
    host.type(new byte[] {1, 2, 3});
    Queue rx = driver.start(2).getFirst();
    assertEquals(3, rx.request(Buffer.out(ram.allocate(10), 10)).written());
  }

  @Test
  void theEndOfInputLeavesBuffersAlone() {
    Queue rx = driver(Serving.INLINE).start(2).getFirst();
    rx.add(Buffer.out(ram.allocate(10), 10));
    rx.kick();
    host.input.end();
    assertTrue(rx.poll().isEmpty());
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
