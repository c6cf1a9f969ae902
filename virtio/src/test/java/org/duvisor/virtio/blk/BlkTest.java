package org.duvisor.virtio.blk;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.duvisor.virtio.MmioLayout;
import org.duvisor.virtio.QueueWorker.Serving;
import org.duvisor.virtio.VirtioMmio;
import org.duvisor.virtio.testing.TestDriver;
import org.duvisor.virtio.testing.TestDriver.Buffer;
import org.duvisor.virtio.testing.TestDriver.Queue;
import org.duvisor.virtio.testing.TestDriver.Used;
import org.duvisor.virtio.testing.TestIrq;
import org.duvisor.virtio.testing.TestRam;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class BlkTest {
  private static final int DISK = 1 << 20;

  /** A disk that counts flushes and can be told to fail. */
  private static class Faulty implements BlockBackend {
    private final MemoryDisk disk = new MemoryDisk(DISK);
    volatile boolean failing;
    final AtomicInteger flushes = new AtomicInteger();
    volatile boolean closed;

    private void check() throws IOException {
      if (failing) {
        throw new IOException("No space left on device");
      }
    }

    @Override
    public long size() {
      return disk.size();
    }

    @Override
    public boolean readOnly() {
      return false;
    }

    @Override
    public void read(long offset, ByteBuffer into) throws IOException {
      check();
      disk.read(offset, into);
    }

    @Override
    public void write(long offset, ByteBuffer from) throws IOException {
      check();
      disk.write(offset, from);
    }

    @Override
    public void zero(long offset, long length) throws IOException {
      check();
      disk.zero(offset, length);
    }

    @Override
    public void discard(long offset, long length) throws IOException {
      check();
      disk.discard(offset, length);
    }

    @Override
    public void flush() throws IOException {
      check();
      flushes.incrementAndGet();
    }

    @Override
    public void close() {
      closed = true;
    }
  }

  private final TestRam ram = new TestRam(8 << 20);
  private final TestIrq irq = new TestIrq();
  private VirtioMmio mmio = slot(new MemoryDisk(DISK), Serving.INLINE);
  private TestDriver driver = new TestDriver(mmio, ram);

  private VirtioMmio slot(BlockBackend backend, Serving serving) {
    return new VirtioMmio(
        new Blk("test", backend, serving, "serial-0123456789-too-long", 1), ram.memory(), irq);
  }

  private Queue start(BlockBackend backend, Serving serving, long features) {
    mmio.close();
    mmio = slot(backend, serving);
    driver = new TestDriver(mmio, ram);
    return driver.start(features, 1, 64).getFirst();
  }

  @AfterEach
  void close() {
    mmio.close();
  }

  private byte[] header(int type, long sector) {
    return ByteBuffer.allocate(16)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putInt(type)
        .putInt(0)
        .putLong(sector)
        .array();
  }

  private int status(Queue queue, int type, long sector, Buffer... data) {
    long status = ram.allocate(new byte[] {(byte) 0xee});
    Buffer[] all = new Buffer[data.length + 2];
    all[0] = Buffer.in(ram.allocate(header(type, sector)), 16);
    System.arraycopy(data, 0, all, 1, data.length);
    all[all.length - 1] = Buffer.out(status, 1);
    queue.request(all);
    return ram.bytes(status, 1)[0];
  }

  private static byte[] random(int length) {
    byte[] bytes = new byte[length];
    new Random(length).nextBytes(bytes);
    return bytes;
  }

  @ParameterizedTest
  @EnumSource(Serving.class)
  void readsBackWhatItWrote(Serving serving) {
    MemoryDisk disk = new MemoryDisk(DISK);
    Queue queue = start(disk, serving, -1);
    byte[] data = random(3 * 512);
    long from = ram.allocate(data);
    // Cut at places that mean nothing to the device.
    Buffer[] pieces = {Buffer.in(from, 1), Buffer.in(from + 1, 1000), Buffer.in(from + 1001, 535)};
    assertEquals(0, status(queue, 1, 7, pieces));
    assertArrayEquals(data, Arrays.copyOfRange(disk.contents(), 7 * 512, 10 * 512));
    long to = ram.allocate(3 * 512);
    assertEquals(0, status(queue, 0, 7, Buffer.out(to, 511), Buffer.out(to + 511, 1025)));
    assertArrayEquals(data, ram.bytes(to, 3 * 512));
  }

  @Test
  void headerAndStatusMayBeCutAndJoined() {
    Queue queue = driver.start(1).getFirst();
    long header = ram.allocate(header(0, 0));
    long room = ram.allocate(513);
    Used used =
        queue.request(Buffer.in(header, 5), Buffer.in(header + 5, 11), Buffer.out(room, 512 + 1));
    assertEquals(513, used.written());
    assertEquals(0, ram.bytes(room + 512, 1)[0]);
  }

  @Test
  void configurationSaysWhatIsThere() {
    assertEquals(DISK / 512, driver.config(0, 8));
    assertEquals(254, driver.config(12, 4));
    assertEquals(512, driver.config(20, 4));
    assertEquals(1, driver.config(34, 2));
  }

  /**
   * Adversary: a guest on a deterministic board, whose one thread serves its devices. A read whose
   * data go to the available index and to its own header makes itself available again, from another
   * sector, without end.
   */
  @Test
  @Timeout(value = 20, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
  void requestsThatMakeThemselvesAvailableEnd() {
    int sectors = 1 << 16;
    var disk =
        new Faulty() {
          @Override
          public long size() {
            return 512L * sectors;
          }

          @Override
          public void read(long offset, ByteBuffer into) {
            int sector = (int) (offset / 512);
            var data = ByteBuffer.allocate(512).order(ByteOrder.LITTLE_ENDIAN);
            data.putShort((short) 0).putShort((short) (sector + 2));
            data.putLong((sector + 1) % sectors);
            into.put(data.rewind().slice((int) (offset % 512), into.remaining()));
          }
        };
    Queue queue = start(disk, Serving.INLINE, 0);
    long header = ram.allocate(header(0, 0));
    int head =
        queue.add(
            Buffer.in(header, 16),
            Buffer.out(queue.avail(), 4),
            Buffer.out(header + 8, 8),
            Buffer.out(ram.allocate(500), 500),
            Buffer.out(ram.allocate(1), 1));
    for (int i = 0; i < 64; i++) {
      ram.set16(queue.avail() + 4 + 2L * i, head);
    }
    driver.write(MmioLayout.QUEUE_NOTIFY, 0);
    assertEquals(TestDriver.NEEDS_RESET, driver.status() & TestDriver.NEEDS_RESET);
    Queue again = driver.start(0, 1, 64).getFirst();
    assertEquals(0, status(again, 0, 9, Buffer.out(ram.allocate(512), 512)));
  }

  @Test
  void requestsOutsideTheDiskFail() {
    Queue queue = driver.start(1).getFirst();
    long room = ram.allocate(1024);
    for (long sector :
        new long[] {DISK / 512 - 1, DISK / 512, -1, Long.MAX_VALUE, Long.MIN_VALUE, 1L << 55}) {
      assertEquals(1, status(queue, 0, sector, Buffer.out(room, 1024)), "read at " + sector);
      assertEquals(1, status(queue, 1, sector, Buffer.in(room, 1024)), "write at " + sector);
    }
    assertEquals(0, status(queue, 0, DISK / 512 - 2, Buffer.out(room, 1024)));
    assertEquals(1, status(queue, 0, 0, Buffer.out(room, 1000)), "no whole sectors");
  }

  @Test
  void readOnlyDisksRefuseWrites() {
    byte[] contents = random(4096);
    Queue queue = start(new MemoryDisk(contents, true), Serving.INLINE, -1);
    assertTrue((driver.offered() >> 5 & 1) == 1);
    assertTrue((driver.offered() >> 13 & 1) == 0);
    long room = ram.allocate(512);
    assertEquals(1, status(queue, 1, 0, Buffer.in(room, 512)));
    assertEquals(1, status(queue, 13, 0, Buffer.in(ram.allocate(range(0, 1, 0)), 16)));
    assertEquals(0, status(queue, 0, 0, Buffer.out(room, 512)));
    assertArrayEquals(Arrays.copyOf(contents, 512), ram.bytes(room, 512));
  }

  private static byte[] range(long sector, int sectors, int flags) {
    return ByteBuffer.allocate(16)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putLong(sector)
        .putInt(sectors)
        .putInt(flags)
        .array();
  }

  @Test
  void zeroesAndDiscardsRanges() {
    MemoryDisk disk = new MemoryDisk(random(DISK), false);
    Queue queue = start(disk, Serving.INLINE, -1);
    long two = ram.allocate(32);
    MemorySegment.copy(
        MemorySegment.ofArray(range(1, 2, 1)), 0, ram.segment(), two - TestRam.BASE, 16);
    MemorySegment.copy(
        MemorySegment.ofArray(range(9, 1, 0)), 0, ram.segment(), two - TestRam.BASE + 16, 16);
    assertEquals(0, status(queue, 13, 0, Buffer.in(two, 32)));
    byte[] expected = random(DISK);
    Arrays.fill(expected, 512, 3 * 512, (byte) 0);
    Arrays.fill(expected, 9 * 512, 10 * 512, (byte) 0);
    assertArrayEquals(expected, disk.contents());
    assertEquals(0, status(queue, 11, 0, Buffer.in(ram.allocate(range(0, 1, 0)), 16)));
    assertEquals(0, disk.contents()[0]);
    assertEquals(
        2,
        status(queue, 11, 0, Buffer.in(ram.allocate(range(0, 1, 1)), 16)),
        "unmap is for zeroes");
    assertEquals(
        2, status(queue, 13, 0, Buffer.in(ram.allocate(range(0, 1, 2)), 16)), "reserved flag");
    assertEquals(1, status(queue, 13, 0, Buffer.in(ram.allocate(range(0, -1, 0)), 16)), "too long");
    assertEquals(1, status(queue, 13, 0, Buffer.in(ram.allocate(range(-1, 1, 0)), 16)), "outside");
    assertEquals(1, status(queue, 13, 0, Buffer.in(ram.allocate(range(0, 1, 0)), 15)), "ragged");
  }

  @Test
  void tellsItsSerialNumber() {
    Queue queue = driver.start(1).getFirst();
    long room = ram.allocate(20);
    assertEquals(0, status(queue, 8, 0, Buffer.out(room, 20)));
    assertEquals(
        "serial-0123456789-to", new String(ram.bytes(room, 20), StandardCharsets.US_ASCII));
  }

  @Test
  void unknownRequestsAreUnsupported() {
    Queue queue = driver.start(1).getFirst();
    for (int type : new int[] {2, 3, 10, 14, 99, -1}) {
      assertEquals(2, status(queue, type, 0));
    }
  }

  @Test
  void writesAreFlushedOneByOneUnlessTheDriverFlushes() {
    Faulty disk = new Faulty();
    long room = ram.allocate(512);
    Queue queue = start(disk, Serving.INLINE, 0);
    status(queue, 1, 0, Buffer.in(room, 512));
    assertEquals(1, disk.flushes.get());
    queue = driver.start(-1, 1, 64).getFirst();
    status(queue, 1, 0, Buffer.in(room, 512));
    assertEquals(1, disk.flushes.get());
    assertEquals(0, status(queue, 4, 0));
    assertEquals(2, disk.flushes.get());
    mmio.close();
    assertEquals(3, disk.flushes.get());
    assertTrue(disk.closed);
  }

  @ParameterizedTest
  @EnumSource(Serving.class)
  void hostErrorsReachTheGuestAndHeal(Serving serving) {
    Faulty disk = new Faulty();
    Queue queue = start(disk, serving, -1);
    long room = ram.allocate(512);
    disk.failing = true;
    assertEquals(1, status(queue, 1, 0, Buffer.in(room, 512)));
    assertEquals(1, status(queue, 0, 0, Buffer.out(room, 512)));
    assertEquals(1, status(queue, 4, 0));
    assertEquals(1, status(queue, 13, 0, Buffer.in(ram.allocate(range(0, 1, 0)), 16)));
    disk.failing = false;
    assertEquals(0, status(queue, 1, 0, Buffer.in(room, 512)));
    assertFalse((driver.status() & TestDriver.NEEDS_RESET) != 0);
  }

  @Test
  void servesManyQueuesFromOneThread() {
    MemoryDisk disk = new MemoryDisk(DISK);
    mmio.close();
    mmio = new VirtioMmio(new Blk("mq", disk, Serving.THREAD, "x", 4), ram.memory(), irq);
    driver = new TestDriver(mmio, ram);
    assertEquals(4, driver.config(34, 2));
    var queues = driver.start(4);
    for (int round = 0; round < 50; round++) {
      for (int q = 0; q < 4; q++) {
        long from = ram.allocate(random(512));
        assertEquals(0, status(queues.get(q), 1, round * 4L + q, Buffer.in(from, 512)));
      }
    }
    assertArrayEquals(random(512), Arrays.copyOfRange(disk.contents(), 199 * 512, 200 * 512));
  }

  /** Adversary: a driver that resets while requests are under way. */
  @Test
  void resetInTheMiddleOfRequestsLeavesGuestMemoryAlone() {
    MemoryDisk disk = new MemoryDisk(random(DISK), false);
    mmio.close();
    mmio = slot(disk, Serving.THREAD);
    for (int round = 0; round < 300; round++) {
      TestDriver d = new TestDriver(mmio, ram);
      Queue queue = d.start(-1, 1, 64).getFirst();
      long room = ram.allocate(512);
      long header = ram.allocate(header(0, 0));
      for (int i = 0; i < 20; i++) {
        queue.add(Buffer.in(header, 16), Buffer.out(room, 512), Buffer.out(ram.allocate(1), 1));
      }
      queue.kick();
      d.write(MmioLayout.STATUS, 0);
      int used = ram.get16(queue.used() + 2);
      ram.segment().asSlice(room - TestRam.BASE, 512).fill((byte) 0x77);
      LockSupport.parkNanos(1_000);
      assertEquals(used, ram.get16(queue.used() + 2));
      assertEquals(0x77, ram.bytes(room, 1)[0]);
      assertFalse(irq.level());
    }
  }
}
