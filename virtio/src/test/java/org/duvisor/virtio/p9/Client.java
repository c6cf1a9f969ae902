package org.duvisor.virtio.p9;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.function.Consumer;
import org.duvisor.devices.IrqLine;
import org.duvisor.virtio.QueueWorker.Serving;
import org.duvisor.virtio.VirtioMmio;
import org.duvisor.virtio.testing.TestDriver;
import org.duvisor.virtio.testing.TestDriver.Buffer;
import org.duvisor.virtio.testing.TestRam;

/** A 9P2000.L client on a virtio driver that sends whatever it is told. Fid 0 is the root. */
final class Client implements AutoCloseable {
  /** Access modes of Tlopen and Tlcreate. */
  static final int READ = 0;

  static final int WRITE = 1;
  static final int BOTH = 2;

  private static final int AREA = 600 << 10;

  private final TestRam ram = new TestRam(2 << 20);
  private final VirtioMmio mmio;
  private final TestDriver driver;
  private final TestDriver.Queue queue;
  private final long request = ram.allocate(AREA);
  private final long reply = ram.allocate(AREA);
  private int nextFid = 1;

  Client(Path folder, boolean readOnly) throws IOException {
    mmio =
        new VirtioMmio(
            P9.share(folder, "host", readOnly, Serving.INLINE), ram.memory(), IrqLine.NONE);
    driver = new TestDriver(mmio, ram);
    queue = driver.start(TestDriver.EVENT_IDX | 1, 1, 64).getFirst();
    call(P9Layout.T_VERSION, m -> string(m.putInt(256 << 10), "9P2000.L"));
    call(P9Layout.T_ATTACH, m -> string(string(m.putInt(0).putInt(-1), "root"), "").putInt(0));
  }

  TestDriver driver() {
    return driver;
  }

  static ByteBuffer string(ByteBuffer m, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    return m.putShort((short) bytes.length).put(bytes);
  }

  /** Sends a message as it is, and does not wait. */
  void send(byte[] message, int room) {
    queue.add(Buffer.in(request, message.length), Buffer.out(reply, room));
    queue.kick();
  }

  /** Sends a message as it is; returns the reply as it is. */
  ByteBuffer raw(byte[] message, int room) {
    MemorySegment.copy(
        message, 0, ram.segment(), ValueLayout.JAVA_BYTE, request - TestRam.BASE, message.length);
    int half = message.length / 2;
    var used =
        queue.request(
            Buffer.in(request, half),
            Buffer.in(request + half, message.length - half),
            Buffer.out(reply, room));
    ByteBuffer answer =
        ByteBuffer.wrap(ram.bytes(reply, (int) used.written())).order(ByteOrder.LITTLE_ENDIAN);
    assertEquals(used.written(), answer.getInt(0));
    return answer;
  }

  private ByteBuffer answer(int type, Consumer<ByteBuffer> body) {
    ByteBuffer m = ByteBuffer.allocate(AREA).order(ByteOrder.LITTLE_ENDIAN);
    m.position(7);
    body.accept(m);
    m.putInt(0, m.position()).put(4, (byte) type).putShort(5, (short) 77);
    byte[] message = new byte[m.position()];
    m.get(0, message);
    ByteBuffer answer = raw(message, AREA);
    assertEquals(77, answer.getShort(5));
    return answer.position(7);
  }

  /** A request that succeeds; the reply is at its body. */
  ByteBuffer call(int type, Consumer<ByteBuffer> body) {
    ByteBuffer answer = answer(type, body);
    assertEquals(type + 1, answer.get(4) & 0xff, () -> "errno " + answer.getInt(7));
    return answer;
  }

  /** A request that fails; the error of Linux. */
  int fail(int type, Consumer<ByteBuffer> body) {
    ByteBuffer answer = answer(type, body);
    assertEquals(P9Layout.R_LERROR, answer.get(4) & 0xff);
    assertEquals(11, answer.limit());
    return answer.getInt(7);
  }

  /** A request of which only the end matters: 0 or the error. */
  int attempt(int type, Consumer<ByteBuffer> body) {
    ByteBuffer answer = answer(type, body);
    return (answer.get(4) & 0xff) == P9Layout.R_LERROR ? answer.getInt(7) : 0;
  }

  static Consumer<ByteBuffer> walking(int from, int to, String... names) {
    return m -> {
      m.putInt(from).putInt(to).putShort((short) names.length);
      for (String name : names) {
        string(m, name);
      }
    };
  }

  /** A new fid for what the names lead to. */
  int walk(String... names) {
    int fid = nextFid++;
    ByteBuffer answer = call(P9Layout.T_WALK, walking(0, fid, names));
    assertEquals(names.length, answer.getShort());
    return fid;
  }

  int open(int access, String... names) {
    int fid = walk(names);
    call(P9Layout.T_LOPEN, m -> m.putInt(fid).putInt(access));
    return fid;
  }

  /** A new file in the root, open. */
  int create(String name, int mode) {
    int fid = walk();
    call(P9Layout.T_LCREATE, creating(fid, name, mode));
    return fid;
  }

  static Consumer<ByteBuffer> creating(int fid, String name, int mode) {
    return m -> string(m.putInt(fid), name).putInt(BOTH).putInt(mode).putInt(0);
  }

  int write(int fid, long offset, byte[] bytes) {
    return call(
            P9Layout.T_WRITE, m -> m.putInt(fid).putLong(offset).putInt(bytes.length).put(bytes))
        .getInt();
  }

  byte[] read(int fid, long offset, int bytes) {
    ByteBuffer answer = call(P9Layout.T_READ, m -> m.putInt(fid).putLong(offset).putInt(bytes));
    byte[] data = new byte[answer.getInt()];
    answer.get(data);
    assertEquals(0, answer.remaining());
    return data;
  }

  void clunk(int fid) {
    call(P9Layout.T_CLUNK, m -> m.putInt(fid));
  }

  /** The walls around the buffers stand, and the device is well. */
  @Override
  public void close() {
    assertEquals(0, driver.status() & TestDriver.NEEDS_RESET);
    mmio.close();
    assertTrue(ram.wallsStand());
  }
}
