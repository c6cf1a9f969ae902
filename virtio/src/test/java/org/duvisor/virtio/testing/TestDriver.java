package org.duvisor.virtio.testing;

import java.lang.invoke.VarHandle;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;
import org.duvisor.devices.Device;
import org.duvisor.virtio.MmioLayout;

/**
 * The driver's side of virtio-mmio and split rings, as Linux does it: the handshake of 3.1.1, rings
 * in guest RAM, notifications that respect VIRTIO_F_EVENT_IDX, indirect descriptors when
 * negotiated. One thread uses it.
 */
public final class TestDriver {
  /** VIRTIO_F_INDIRECT_DESC. */
  public static final long INDIRECT = 1L << 28;

  /** VIRTIO_F_EVENT_IDX. */
  public static final long EVENT_IDX = 1L << 29;

  /** VIRTIO_F_VERSION_1. */
  public static final long VERSION_1 = 1L << 32;

  /** Status bits ACKNOWLEDGE and DRIVER. */
  public static final int FOUND = 3;

  /** Status bit DRIVER_OK. */
  public static final int DRIVER_OK = 4;

  /** Status bit FEATURES_OK. */
  public static final int FEATURES_OK = 8;

  /** Status bit DEVICE_NEEDS_RESET. */
  public static final int NEEDS_RESET = 64;

  private static final long PATIENCE_NANOS = 10_000_000_000L;

  /** One buffer of a chain. */
  public record Buffer(long address, long length, boolean writable) {
    /** For the device to read. */
    public static Buffer in(long address, long length) {
      return new Buffer(address, length, false);
    }

    /** For the device to write. */
    public static Buffer out(long address, long length) {
      return new Buffer(address, length, true);
    }
  }

  /** A used element. */
  public record Used(int head, long written) {}

  private final Device transport;
  private final TestRam ram;
  private long features;

  /** A driver of the device behind {@code transport}. */
  public TestDriver(Device transport, TestRam ram) {
    this.transport = transport;
    this.ram = ram;
  }

  /** Reads a register. */
  public int read(int register) {
    return (int) transport.read(register, 4);
  }

  /** Writes a register. */
  public void write(int register, int value) {
    transport.write(register, 4, value);
  }

  /** Reads {@code width} bytes of configuration. */
  public long config(int offset, int width) {
    return transport.read(MmioLayout.CONFIG + offset, width);
  }

  /** The status register. */
  public int status() {
    return read(MmioLayout.STATUS);
  }

  /** The features the device offers. */
  public long offered() {
    write(MmioLayout.DEVICE_FEATURES_SEL, 1);
    long high = (long) read(MmioLayout.DEVICE_FEATURES) << 32;
    write(MmioLayout.DEVICE_FEATURES_SEL, 0);
    return high | read(MmioLayout.DEVICE_FEATURES) & 0xffff_ffffL;
  }

  /** Resets and negotiates; returns whether the device accepted exactly these features. */
  public boolean negotiate(long wanted) {
    write(MmioLayout.STATUS, 0);
    write(MmioLayout.STATUS, 1);
    write(MmioLayout.STATUS, FOUND);
    write(MmioLayout.DRIVER_FEATURES_SEL, 0);
    write(MmioLayout.DRIVER_FEATURES, (int) wanted);
    write(MmioLayout.DRIVER_FEATURES_SEL, 1);
    write(MmioLayout.DRIVER_FEATURES, (int) (wanted >>> 32));
    write(MmioLayout.STATUS, FOUND | FEATURES_OK);
    features = wanted;
    return (status() & FEATURES_OK) != 0;
  }

  /**
   * Brings the device up with all of {@code wanted} that it offers and queues of {@code size};
   * returns the queues.
   */
  public List<Queue> start(long wanted, int queues, int size) {
    if (!negotiate(wanted & offered() | VERSION_1)) {
      throw new IllegalStateException("features were not accepted");
    }
    List<Queue> all = new ArrayList<>();
    for (int i = 0; i < queues; i++) {
      all.add(queue(i, size));
    }
    write(MmioLayout.STATUS, FOUND | FEATURES_OK | DRIVER_OK);
    return all;
  }

  /** As {@link #start(long, int, int)} with everything on offer and 64 descriptors. */
  public List<Queue> start(int queues) {
    return start(-1, queues, 64);
  }

  /** Gives a queue rings and makes it ready. */
  public Queue queue(int index, int size) {
    return new Queue(index, size);
  }

  /** Acknowledges all interrupts; returns what they were. */
  public int acknowledge() {
    int causes = read(MmioLayout.INTERRUPT_STATUS);
    write(MmioLayout.INTERRUPT_ACK, causes);
    return causes;
  }

  /** The driver's view of a queue. */
  public final class Queue {
    private final int index;
    private final int size;
    private final long descriptors;
    private final long avail;
    private final long used;
    private final Deque<Integer> free = new ArrayDeque<>();
    private final int[] next;
    private int added;
    private int kicked;
    private int seen;
    private boolean indirect = (features & INDIRECT) != 0;

    private Queue(int index, int size) {
      this.index = index;
      this.size = size;
      descriptors = ram.allocate(16L * size);
      avail = ram.allocate(6 + 2L * size);
      used = ram.allocate(6 + 8L * size);
      next = new int[size];
      Arrays.fill(next, -1);
      for (int i = 0; i < size; i++) {
        free.add(i);
      }
      write(MmioLayout.QUEUE_SEL, index);
      write(MmioLayout.QUEUE_SIZE, size);
      write(MmioLayout.QUEUE_DESC_LOW, (int) descriptors);
      write(MmioLayout.QUEUE_DESC_HIGH, (int) (descriptors >>> 32));
      write(MmioLayout.QUEUE_DRIVER_LOW, (int) avail);
      write(MmioLayout.QUEUE_DRIVER_HIGH, (int) (avail >>> 32));
      write(MmioLayout.QUEUE_DEVICE_LOW, (int) used);
      write(MmioLayout.QUEUE_DEVICE_HIGH, (int) (used >>> 32));
      write(MmioLayout.QUEUE_READY, 1);
    }

    /** Address of the descriptor table. */
    public long descriptors() {
      return descriptors;
    }

    /** Address of the available ring. */
    public long avail() {
      return avail;
    }

    /** Address of the used ring. */
    public long used() {
      return used;
    }

    /** Use direct descriptors even when indirect ones were negotiated. */
    public Queue direct() {
      indirect = false;
      return this;
    }

    /** Writes one descriptor as it is, for drivers that break rules. */
    public void descriptor(int at, long address, int length, int flags, int nextIndex) {
      putDescriptor(descriptors, at, address, length, flags, nextIndex);
    }

    /** Makes a chain available, without notification; returns its head. */
    public int add(Buffer... buffers) {
      int head;
      if (indirect && buffers.length > 1) {
        long table = ram.allocate(16L * buffers.length);
        for (int i = 0; i < buffers.length; i++) {
          put(table, i, buffers[i], i + 1 < buffers.length ? i + 1 : -1);
        }
        head = free.remove();
        putDescriptor(descriptors, head, table, 16 * buffers.length, 4, 0);
        next[head] = -1;
      } else {
        head = addDirect(buffers);
      }
      offer(head);
      return head;
    }

    private int addDirect(Buffer... buffers) {
      int[] at = new int[buffers.length];
      for (int i = 0; i < at.length; i++) {
        at[i] = free.remove();
      }
      for (int i = 0; i < at.length; i++) {
        next[at[i]] = i + 1 < at.length ? at[i + 1] : -1;
        put(descriptors, at[i], buffers[i], next[at[i]]);
      }
      return at[0];
    }

    private void put(long table, int at, Buffer b, int nextIndex) {
      int flags = (b.writable ? 2 : 0) | (nextIndex >= 0 ? 1 : 0);
      putDescriptor(table, at, b.address, (int) b.length, flags, Math.max(nextIndex, 0));
    }

    private void putDescriptor(
        long table, int at, long address, int length, int flags, int nextIndex) {
      long d = table + 16L * at;
      ram.set64(d, address);
      ram.set32(d + 8, length);
      ram.set16(d + 12, flags);
      ram.set16(d + 14, nextIndex);
    }

    /** Puts a head into the available ring as it is. */
    public void offer(int head) {
      ram.set16(avail + 4 + 2L * (added & size - 1), head);
      VarHandle.releaseFence();
      added = added + 1 & 0xffff;
      ram.set16(avail + 2, added);
    }

    /** Notifies the device unless it asked not to be; returns whether it was. */
    public boolean kick() {
      VarHandle.fullFence();
      boolean needed;
      if ((features & EVENT_IDX) != 0) {
        int event = ram.get16(used + 4 + 8L * size);
        needed = (added - event - 1 & 0xffff) < (added - kicked & 0xffff);
      } else {
        needed = (ram.get16(used) & 1) == 0;
      }
      kicked = added;
      if (needed) {
        write(MmioLayout.QUEUE_NOTIFY, index);
      }
      return needed;
    }

    /**
     * The next used element, if the device has returned one. Asks for an interrupt at the one
     * after.
     */
    public Optional<Used> poll() {
      if (ram.get16(used + 2) == seen) {
        return Optional.empty();
      }
      VarHandle.acquireFence();
      long at = used + 4 + 8L * (seen & size - 1);
      int head = ram.get32(at);
      long written = ram.get32(at + 4) & 0xffff_ffffL;
      seen = seen + 1 & 0xffff;
      ram.set16(avail + 4 + 2L * size, seen);
      VarHandle.fullFence();
      for (int i = head; i >= 0; i = next[i]) {
        free.add(i);
      }
      return Optional.of(new Used(head, written));
    }

    /** Waits for the next used element. */
    public Used await() {
      long deadline = System.nanoTime() + PATIENCE_NANOS;
      while (true) {
        Optional<Used> found = poll();
        if (found.isPresent()) {
          return found.get();
        }
        if (System.nanoTime() > deadline) {
          throw new IllegalStateException("the device did not answer; status " + status());
        }
        LockSupport.parkNanos(1_000);
      }
    }

    /** Adds a chain, notifies and waits for its return. */
    public Used request(Buffer... buffers) {
      add(buffers);
      kick();
      return await();
    }
  }
}
