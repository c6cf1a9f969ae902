package org.duvisor.virtio.net;

import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.duvisor.virtio.QueueWorker.Serving;
import org.duvisor.virtio.VirtioMmio;
import org.duvisor.virtio.testing.TestDriver;
import org.duvisor.virtio.testing.TestDriver.Buffer;
import org.duvisor.virtio.testing.TestDriver.Queue;
import org.duvisor.virtio.testing.TestDriver.Used;
import org.duvisor.virtio.testing.TestIrq;
import org.duvisor.virtio.testing.TestRam;

/** A network card with a driver that sends and receives whole frames. */
final class NetFixture implements AutoCloseable {
  static final int HEADER = 12;
  static final byte[] MAC = {2, 0x12, 0x34, 0x56, 0x78, (byte) 0x9a};

  final TestRam ram = new TestRam(8 << 20);
  final TestIrq irq = new TestIrq();
  final VirtioMmio mmio;
  final TestDriver driver;
  private final int bufferSize;
  private final Map<Integer, Long> posted = new HashMap<>();
  private final Deque<Long> spare = new ArrayDeque<>();
  private final long sendBuffer = ram.allocate(NetBackend.MAX_FRAME + 100);
  Queue rx;
  Queue tx;

  NetFixture(NetBackend backend, Serving serving, int bufferSize) {
    mmio = new VirtioMmio(new Net("test", MAC, Net.NO_MTU, backend, serving), ram.memory(), irq);
    driver = new TestDriver(mmio, ram);
    this.bufferSize = bufferSize;
    List<Queue> queues = driver.start(2);
    rx = queues.get(0);
    tx = queues.get(1);
  }

  /** Gives the device receive buffers. */
  void post(int count) {
    for (int i = 0; i < count; i++) {
      long at = spare.isEmpty() ? ram.allocate(bufferSize) : spare.remove();
      posted.put(rx.add(Buffer.out(at, bufferSize)), at);
    }
    rx.kick();
  }

  void send(byte[] frame) {
    byte[] all = new byte[HEADER + frame.length];
    System.arraycopy(frame, 0, all, HEADER, frame.length);
    MemorySegment.copy(
        MemorySegment.ofArray(all), 0, ram.segment(), sendBuffer - TestRam.BASE, all.length);
    tx.request(Buffer.in(sendBuffer, 7), Buffer.in(sendBuffer + 7, all.length - 7));
  }

  /** Waits for a frame, puts its pieces together. */
  byte[] receive() {
    return assemble(rx.await());
  }

  Optional<byte[]> poll() {
    return rx.poll().map(this::assemble);
  }

  private byte[] assemble(Used first) {
    byte[] frame = take(first);
    int buffers = ram.get16(addressOf(first) + 10);
    frame = Arrays.copyOfRange(frame, HEADER, frame.length);
    for (int i = 1; i < buffers; i++) {
      Used next = rx.poll().orElseThrow();
      byte[] more = take(next);
      int at = frame.length;
      frame = Arrays.copyOf(frame, at + more.length);
      System.arraycopy(more, 0, frame, at, more.length);
    }
    return frame;
  }

  private long addressOf(Used used) {
    return last.get(used.head());
  }

  private final Map<Integer, Long> last = new HashMap<>();

  private byte[] take(Used used) {
    long at = posted.remove(used.head());
    last.put(used.head(), at);
    spare.add(at);
    return ram.bytes(at, (int) used.written());
  }

  @Override
  public void close() {
    mmio.close();
  }
}
