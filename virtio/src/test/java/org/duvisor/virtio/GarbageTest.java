package org.duvisor.virtio;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.duvisor.devices.IrqLine;
import org.duvisor.devices.chardev.CharBackend;
import org.duvisor.devices.chardev.QueuedBackend;
import org.duvisor.virtio.QueueWorker.Serving;
import org.duvisor.virtio.blk.Blk;
import org.duvisor.virtio.blk.MemoryDisk;
import org.duvisor.virtio.console.Console;
import org.duvisor.virtio.net.LoopbackNet;
import org.duvisor.virtio.net.Net;
import org.duvisor.virtio.rng.Rng;
import org.duvisor.virtio.testing.TestDriver;
import org.duvisor.virtio.testing.TestRam;

/**
 * Adversary: a guest whose rings and register accesses are random, biased towards what is nearly
 * right. It must see no more than DEVICE_NEEDS_RESET, and no byte may change that it did not offer
 * for writing.
 */
class GarbageTest {
  private static final int RAM = 64 << 10;

  /** Rings and indirect tables are below, buffers above. */
  private static final int BUFFERS = 16 << 10;

  private static final int SIZE = 8;
  private static final int DESCRIPTORS = 0;
  private static final int AVAIL = 0x200;
  private static final int USED = 0x300;
  private static final int USED_END = USED + 4 + 8 * SIZE + 2;
  private static final int QUEUE_STRIDE = 0x400;
  private static final int TABLES = 0x1000;
  private static final int INDIRECT = 4;
  private static final int[] TYPES = {0, 0, 1, 1, 4, 8, 11, 13, 99};

  private final TestRam ram = new TestRam(RAM);

  /** Chance that a number is not what it should be. */
  private double wrong;

  private VirtioMmio mmio = new VirtioMmio(new Rng(new Random(0)), ram.memory(), IrqLine.NONE);

  private void run(VirtioDevice device, Runnable body) {
    mmio = new VirtioMmio(device, ram.memory(), IrqLine.NONE);
    ram.segment().fill((byte) 0);
    try {
      body.run();
    } finally {
      mmio.close();
    }
    assertTrue(ram.wallsStand());
  }

  private static VirtioDevice console(Random random) {
    byte[] typed = new byte[random.nextInt(4096)];
    CharBackend host;
    try {
      host =
          new QueuedBackend(4096) {
            {
              input.put(typed, 0, typed.length);
            }

            @Override
            public void transmit(byte value) {}
          };
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
    return new Console(80, 25, host, Serving.INLINE);
  }

  private static VirtioDevice blk() {
    return new Blk("garbage", new MemoryDisk(1 << 14), Serving.INLINE);
  }

  private static VirtioDevice net() {
    return new Net(
        "garbage", new byte[] {2, 0, 0, 0, 0, 1}, Net.NO_MTU, new LoopbackNet(), Serving.INLINE);
  }

  @Property(tries = 2500)
  void ringsOfABlockDevice(@ForAll long seed) {
    Random random = new Random(seed);
    run(blk(), () -> garbageRings(random, 1));
  }

  @Property(tries = 2500)
  void ringsOfANetworkDevice(@ForAll long seed) {
    Random random = new Random(seed);
    run(net(), () -> garbageRings(random, 2));
  }

  @Property(tries = 2500)
  void ringsOfAConsole(@ForAll long seed) {
    Random random = new Random(seed);
    run(console(random), () -> garbageRings(random, 2));
  }

  @Property(tries = 1000)
  void ringsOfAConsoleAndItsControl(@ForAll long seed) {
    Random random = new Random(seed);
    run(console(random), () -> garbageRings(random, 4));
  }

  @Property(tries = 2500)
  void ringsOfAnEntropyDevice(@ForAll long seed) {
    Random random = new Random(seed);
    run(new Rng(random), () -> garbageRings(random, 1));
  }

  @Property(tries = 2000)
  void registersAndAllOfMemory(@ForAll long seed) {
    Random random = new Random(seed);
    VirtioDevice device =
        switch (random.nextInt(4)) {
          case 0 -> blk();
          case 1 -> net();
          case 2 -> console(random);
          default -> new Rng(random);
        };
    run(device, () -> garbageRegisters(random));
  }

  // ---- random rings
  // -------------------------------------------------------------------------------------------------

  private void garbageRings(Random random, int queues) {
    long[] features = {0, TestDriver.INDIRECT, TestDriver.EVENT_IDX, -1};
    double[] errors = {0.001, 0.01, 0.1};
    for (int start = 0; start < 3; start++) {
      ram.segment().asSlice(0, BUFFERS).fill((byte) 0);
      wrong = errors[start];
      long wanted = features[random.nextInt(4)];
      TestDriver driver = new TestDriver(mmio, ram);
      driver.negotiate((wanted & driver.offered()) | TestDriver.VERSION_1);
      for (int q = 0; q < queues; q++) {
        place(driver, q);
      }
      driver.write(MmioLayout.STATUS, 15);
      for (int step = 0; step < 20 && (driver.status() & TestDriver.NEEDS_RESET) == 0; step++) {
        int queue = random.nextInt(queues);
        for (int i = random.nextInt(4); i > 0; i--) {
          offer(queue, queues, (wanted & TestDriver.INDIRECT) != 0, random);
        }
        byte[] before = snapshot(queues);
        driver.write(MmioLayout.QUEUE_NOTIFY, queue);
        assertEquals(
            -1, MemorySegment.ofArray(before).mismatch(MemorySegment.ofArray(snapshot(queues))));
      }
    }
  }

  private static void place(TestDriver driver, int queue) {
    int base = (int) TestRam.BASE + queue * QUEUE_STRIDE;
    driver.write(MmioLayout.QUEUE_SEL, queue);
    driver.write(MmioLayout.QUEUE_SIZE, SIZE);
    driver.write(MmioLayout.QUEUE_DESC_LOW, base + DESCRIPTORS);
    driver.write(MmioLayout.QUEUE_DRIVER_LOW, base + AVAIL);
    driver.write(MmioLayout.QUEUE_DEVICE_LOW, base + USED);
    driver.write(MmioLayout.QUEUE_READY, 1);
    assertEquals(1, driver.read(MmioLayout.QUEUE_READY));
  }

  /** All that the device must not write: rings and tables without the used rings. */
  private byte[] snapshot(int queues) {
    byte[] bytes = ram.bytes(TestRam.BASE, BUFFERS);
    for (int q = 0; q < queues; q++) {
      int base = q * QUEUE_STRIDE;
      Arrays.fill(bytes, base + USED, base + USED_END, (byte) 0);
    }
    return bytes;
  }

  /**
   * Makes a chain available that is right but for a few numbers: readable buffers, then writable
   * ones.
   */
  private void offer(int queue, int queues, boolean indirect, Random random) {
    long base = TestRam.BASE + (long) queue * QUEUE_STRIDE;
    int readable = queues == 1 || queue % 2 == 1 ? 1 + random.nextInt(2) : 0;
    int writable = queues == 1 || queue % 2 == 0 ? 1 + random.nextInt(2) : 0;
    int length = Math.max(1, readable + writable);
    int head = random.nextInt(SIZE);
    long table = base + DESCRIPTORS;
    int first = head;
    int entries = SIZE;
    if (indirect && random.nextBoolean()) {
      table = TestRam.BASE + TABLES + 0x100L * random.nextInt(16);
      first = 0;
      entries = 16;
      put(base + DESCRIPTORS + 16L * head, table, 16 * length, INDIRECT, 0, random);
    }
    for (int i = 0; i < length; i++) {
      boolean write = i >= readable && writable > 0;
      int bytes = write ? 1 + 512 * random.nextInt(3) : i == 0 ? 16 : 512 * random.nextInt(3);
      long at = TestRam.BASE + BUFFERS + random.nextInt(RAM - BUFFERS - 2048);
      if (i == 0 && !write) {
        ram.set32(at, TYPES[random.nextInt(TYPES.length)]);
        ram.set64(at + 8, random.nextInt(40));
      }
      int flags = (i + 1 < length ? 1 : 0) | (write ? 2 : 0);
      put(
          table + 16L * ((first + i) % entries),
          at,
          bytes,
          flags,
          (first + i + 1) % entries,
          random);
    }
    int index = ram.get16(base + AVAIL + 2);
    ram.set16(base + AVAIL + 4 + 2L * (index % SIZE), (int) wrong(head, random));
    ram.set16(base + AVAIL + 2, (int) wrong(index + 1, random));
    ram.set16(base + AVAIL + 4 + 2 * SIZE, random.nextInt(0x10000));
  }

  private void put(long at, long address, int length, int flags, int next, Random random) {
    long target = wrong(address, random);
    int newFlags = (int) wrong(flags, random);
    long bytes = wrong(length, random);
    boolean intoRings = target - TestRam.BASE >= 0 && target - TestRam.BASE < BUFFERS;
    // The rings are never offered for writing: whether they stay as they are is the question.
    if (intoRings && (newFlags & INDIRECT) == 0) {
      target += BUFFERS;
    }
    ram.set64(at, target);
    ram.set32(at + 8, (int) bytes);
    ram.set16(at + 12, newFlags);
    ram.set16(at + 14, (int) wrong(next, random));
  }

  private long wrong(long right, Random random) {
    if (random.nextDouble() >= wrong) {
      return right;
    }
    return switch (random.nextInt(6)) {
      case 0 -> random.nextLong();
      case 1 -> random.nextInt();
      case 2 -> random.nextInt(SIZE);
      case 3 -> TestRam.BASE + RAM - random.nextInt(64);
      default -> right + random.nextInt(5) - 2;
    };
  }

  // ---- random registers
  // ---------------------------------------------------------------------------------------------

  private void garbageRegisters(Random random) {
    byte[] bytes = new byte[RAM];
    random.nextBytes(bytes);
    ram.segment().copyFrom(MemorySegment.ofArray(bytes));
    int[] widths = {1, 2, 4, 4, 4, 4, 4, 8};
    for (int i = 0; i < 400; i++) {
      int width = widths[random.nextInt(widths.length)];
      long offset = random.nextInt(random.nextBoolean() ? 0x110 : 0x1000) & -width;
      switch (random.nextInt(6)) {
        case 0 -> mmio.read(offset, width);
        case 1 -> mmio.write(MmioLayout.STATUS, 4, random.nextInt(8) == 0 ? 0 : 15);
        case 2 -> {
          mmio.write(MmioLayout.DRIVER_FEATURES_SEL, 4, 1);
          mmio.write(MmioLayout.DRIVER_FEATURES, 4, 1);
        }
        case 3 -> {
          mmio.write(MmioLayout.QUEUE_SEL, 4, random.nextInt(3));
          mmio.write(MmioLayout.QUEUE_SIZE, 4, 1L << random.nextInt(9));
          int[] places = {
            MmioLayout.QUEUE_DESC_LOW, MmioLayout.QUEUE_DRIVER_LOW, MmioLayout.QUEUE_DEVICE_LOW
          };
          for (int register : places) {
            mmio.write(register, 4, TestRam.BASE + (random.nextInt(RAM) & -16));
            mmio.write(register + 4, 4, 0);
          }
          mmio.write(MmioLayout.QUEUE_READY, 4, 1);
        }
        case 4 -> mmio.write(MmioLayout.QUEUE_NOTIFY, 4, random.nextInt(3));
        default -> mmio.write(offset, width, random.nextLong());
      }
    }
  }
}
