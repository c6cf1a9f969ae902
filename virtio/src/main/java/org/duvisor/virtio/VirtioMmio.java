package org.duvisor.virtio;

import java.util.ArrayList;
import java.util.List;
import org.duvisor.devices.Device;
import org.duvisor.devices.GuestMemory;
import org.duvisor.devices.IrqLine;
import org.duvisor.devices.Snapshot;
import org.duvisor.devices.fdt.Node;

/**
 * The modern MMIO transport (4.2), version 2. Registers are 32 bits wide and answer 0 to any other
 * width; the configuration behind them takes any width. Legacy drivers (version 1) find no device
 * they know; those that know version 2 and not VIRTIO_F_VERSION_1 are served, as QEMU does.
 */
public final class VirtioMmio extends Device implements AutoCloseable {
  /** Window of a board with a page for each slot. */
  public static final long PAGE = 0x1000;

  /** Smallest window, as QEMU's boards use for packed slots. */
  public static final long SLOT = 0x200;

  static final int MAGIC = 0x74726976;
  static final int MODERN = 2;

  /** "QEMU": drivers made for its boards look. */
  static final int VENDOR = 0x554d4551;

  private static final int F_INDIRECT_DESC = 28;
  private static final int F_EVENT_IDX = 29;
  private static final long RING_FEATURES =
      1L << F_INDIRECT_DESC | 1L << F_EVENT_IDX | 1L << Session.F_VERSION_1;

  private static final int FEATURES_OK = 8;
  private static final int DRIVER_OK = 4;
  private static final int NEEDS_RESET = 64;

  /** The status bits a driver may set: ACKNOWLEDGE, DRIVER, DRIVER_OK, FEATURES_OK, FAILED. */
  private static final int DRIVER_STATUS = 1 | 2 | DRIVER_OK | FEATURES_OK | 128;

  private static final int INTERRUPT_USED = 1;
  private static final int INTERRUPT_CONFIG = 2;

  private static final System.Logger LOG = System.getLogger("org.duvisor.virtio");

  /** What the driver programs for a queue before it is ready. */
  private static final class Setup {
    final Virtqueue queue;
    int size;
    long descriptors;
    long driver;
    long device;
    boolean ready;

    Setup(Virtqueue queue) {
      this.queue = queue;
    }

    void clear() {
      size = 0;
      descriptors = 0;
      driver = 0;
      device = 0;
      ready = false;
    }
  }

  /**
   * Status, interrupt status and line change together, under this object's monitor; reads need no
   * lock.
   */
  private final class State implements Virtqueue.Signals {
    private final IrqLine irq;
    volatile int status;
    volatile int interrupts;

    State(IrqLine irq) {
      this.irq = irq;
    }

    @Override
    public void used() {
      raise(INTERRUPT_USED);
    }

    void configChanged() {
      raise(INTERRUPT_CONFIG);
    }

    @Override
    public synchronized void violated(String rule) {
      device.doorbell().open(false);
      status = status | NEEDS_RESET;
      raise(INTERRUPT_CONFIG);
      LOG.log(System.Logger.Level.DEBUG, "{0}: needs a reset: {1}", offer.name(), rule);
    }

    synchronized void raise(int cause) {
      if ((status & DRIVER_OK) != 0) { // none before DRIVER_OK (3.1.1)
        interrupts = interrupts | cause;
        irq.set(true); // again, when the driver has not acknowledged the one before
      }
    }

    synchronized void acknowledge(int causes) {
      interrupts = interrupts & ~causes;
      irq.set(interrupts != 0);
    }

    synchronized void add(int bits) {
      status = status | bits;
      device.doorbell().open((status & (DRIVER_OK | NEEDS_RESET)) == DRIVER_OK);
    }

    synchronized void clear() {
      forget();
      irq.set(false);
    }

    /** The same, and says nothing on the line. */
    synchronized void forget() {
      device.doorbell().open(false);
      status = 0;
      interrupts = 0;
    }
  }

  private final VirtioDevice device;
  private final Offer offer;
  private final long window;
  private final long offered;
  private final State state;
  private final List<Setup> queues = new ArrayList<>();

  // Written by the driver, guarded by this object's monitor.
  private int deviceFeaturesSelect;
  private int driverFeaturesSelect;
  private long driverFeatures;
  private int queueSelect;

  /** A transport with a window of {@link #PAGE} bytes. */
  public VirtioMmio(VirtioDevice device, GuestMemory memory, IrqLine irq) {
    this(device, memory, irq, PAGE);
  }

  /**
   * A transport.
   *
   * @param memory what the driver's buffers may be in
   * @param window length in bytes, {@link #SLOT} or {@link #PAGE}
   */
  public VirtioMmio(VirtioDevice device, GuestMemory memory, IrqLine irq, long window) {
    if (window != PAGE && window != SLOT) {
      throw new IllegalArgumentException(
          "a virtio-mmio window is 0x200 or 0x1000 bytes, not " + window);
    }
    this.device = device;
    this.offer = device.offer();
    this.window = window;
    this.offered = offer.features() | RING_FEATURES;
    this.state = new State(irq);
    for (int i = 0; i < offer.queues(); i++) {
      queues.add(new Setup(new Virtqueue(offer.queueSize(), memory, state)));
    }
  }

  /** The device behind. */
  public VirtioDevice device() {
    return device;
  }

  @Override
  public long size() {
    return window;
  }

  @Override
  public long read(long offset, int width) {
    if (offset >= MmioLayout.CONFIG) {
      return offer.config().read(offset - MmioLayout.CONFIG, width);
    }
    if (width != 4 || offset < 0) {
      return 0;
    }
    return switch ((int) offset) {
      case MmioLayout.INTERRUPT_STATUS -> state.interrupts;
      case MmioLayout.STATUS -> state.status;
      default -> readSelected((int) offset) & 0xffff_ffffL;
    };
  }

  private synchronized int readSelected(int register) {
    return switch (register) {
      case MmioLayout.MAGIC -> MAGIC;
      case MmioLayout.VERSION -> MODERN;
      case MmioLayout.DEVICE_ID -> offer.id();
      case MmioLayout.VENDOR_ID -> VENDOR;
      case MmioLayout.DEVICE_FEATURES -> half(offered, deviceFeaturesSelect);
      case MmioLayout.QUEUE_SIZE_MAX -> selectable() ? selected().queue.maxSize() : 0;
      case MmioLayout.QUEUE_READY -> selectable() && selected().ready ? 1 : 0;
      // No shared memory region exists: length and base are -1 (4.2.2).
      case MmioLayout.SHM_LEN_LOW,
          MmioLayout.SHM_LEN_HIGH,
          MmioLayout.SHM_BASE_LOW,
          MmioLayout.SHM_BASE_HIGH ->
          -1;
      case MmioLayout.CONFIG_GENERATION -> offer.config().generation();
      default -> 0;
    };
  }

  @Override
  public void write(long offset, int width, long value) {
    if (offset >= MmioLayout.CONFIG) {
      long at = offset - MmioLayout.CONFIG;
      if (at <= offer.config().size() - width) {
        device.configWritten((int) at, width, value);
      }
      return;
    }
    if (width != 4 || offset < 0) {
      return;
    }
    int v = (int) value;
    switch ((int) offset) {
      case MmioLayout.QUEUE_NOTIFY -> queueNotify(v);
      case MmioLayout.INTERRUPT_ACK -> state.acknowledge(v);
      case MmioLayout.STATUS -> writeStatus(v);
      default -> writeSelected((int) offset, v);
    }
  }

  /** Without the registers' lock: a device may serve the queue on this thread. */
  private void queueNotify(int queue) {
    if (queue >= 0
        && queue < queues.size()
        && (state.status & (DRIVER_OK | NEEDS_RESET)) == DRIVER_OK) {
      device.notify(queue);
    }
  }

  private synchronized void writeSelected(int register, int value) {
    switch (register) {
      case MmioLayout.DEVICE_FEATURES_SEL -> deviceFeaturesSelect = value;
      case MmioLayout.DRIVER_FEATURES_SEL -> driverFeaturesSelect = value;
      case MmioLayout.DRIVER_FEATURES -> writeFeatures(value);
      case MmioLayout.QUEUE_SEL -> queueSelect = value;
      default -> {
        if (selectable()) {
          writeQueue(selected(), register, value);
        }
      }
    }
  }

  private void writeQueue(Setup queue, int register, int value) {
    if (register == MmioLayout.QUEUE_READY) {
      writeReady(queue, (value & 1) != 0);
      return;
    }
    if (queue.ready) {
      return; // the driver must not (4.2.2.2); the live queue keeps what it was enabled with
    }
    switch (register) {
      case MmioLayout.QUEUE_SIZE -> queue.size = value;
      case MmioLayout.QUEUE_DESC_LOW -> queue.descriptors = low(queue.descriptors, value);
      case MmioLayout.QUEUE_DESC_HIGH -> queue.descriptors = high(queue.descriptors, value);
      case MmioLayout.QUEUE_DRIVER_LOW -> queue.driver = low(queue.driver, value);
      case MmioLayout.QUEUE_DRIVER_HIGH -> queue.driver = high(queue.driver, value);
      case MmioLayout.QUEUE_DEVICE_LOW -> queue.device = low(queue.device, value);
      case MmioLayout.QUEUE_DEVICE_HIGH -> queue.device = high(queue.device, value);
      default -> {}
    }
  }

  private void writeReady(Setup queue, boolean ready) {
    if (ready == queue.ready) {
      return;
    }
    if (!ready) {
      queue.queue.disable();
      queue.ready = false;
    } else if (queue.queue.enable(queue.size, queue.descriptors, queue.driver, queue.device)) {
      queue.ready = true;
      if ((state.status & DRIVER_OK) != 0) {
        runQueue(queue);
      }
    } else {
      state.violated("a queue's size, alignment or place is wrong");
    }
  }

  /** Driver features can change until FEATURES_OK is accepted (3.1.1). */
  private void writeFeatures(int value) {
    if ((state.status & FEATURES_OK) != 0) {
      return;
    }
    switch (driverFeaturesSelect) {
      case 0 -> driverFeatures = low(driverFeatures, value);
      case 1 -> driverFeatures = high(driverFeatures, value);
      default -> {}
    }
  }

  /** Status bits only accumulate; 0 resets (2.1, 4.2.2.1). */
  private synchronized void writeStatus(int value) {
    if (value == 0) {
      reset();
      return;
    }
    int added = value & DRIVER_STATUS & ~state.status;
    if ((added & FEATURES_OK) != 0 && (driverFeatures & ~offered) != 0) {
      added &= ~FEATURES_OK;
    }
    if (((state.status | added) & FEATURES_OK) == 0) {
      added &= ~DRIVER_OK;
    }
    if ((added & DRIVER_OK) == 0) {
      state.add(added);
      return;
    }
    for (Setup queue : queues) {
      runQueue(queue);
    }
    // DRIVER_OK first: it lets the interrupts through that a device raises as soon as it starts.
    state.add(added);
    start();
  }

  private void start() {
    device.start(
        new Session(
            driverFeatures, queues.stream().map(q -> q.queue).toList(), state::configChanged));
  }

  private void runQueue(Setup queue) {
    queue.queue.run(
        (driverFeatures >>> F_EVENT_IDX & 1) != 0, (driverFeatures >>> F_INDIRECT_DESC & 1) != 0);
  }

  @Override
  public synchronized void reset() {
    forget();
    state.clear();
  }

  private void forget() {
    for (Setup queue : queues) {
      queue.queue.disable();
      queue.clear();
    }
    device.reset();
    deviceFeaturesSelect = 0;
    driverFeaturesSelect = 0;
    driverFeatures = 0;
    queueSelect = 0;
  }

  @Override
  public synchronized void snapshot(Snapshot s) {
    s.section(offer.name());
    s.same(offered, "it offers something else");
    if (s.restores()) {
      forget();
      state.forget();
    }
    deviceFeaturesSelect = s.bits(deviceFeaturesSelect);
    driverFeaturesSelect = s.bits(driverFeaturesSelect);
    driverFeatures = s.word(driverFeatures);
    queueSelect = s.bits(queueSelect);
    int status = s.number(state.status, 0, 0xff);
    state.interrupts = s.number(state.interrupts, 0, INTERRUPT_USED | INTERRUPT_CONFIG);
    boolean agreed = (status & FEATURES_OK) != 0;
    if (agreed ? (driverFeatures & ~offered) != 0 : (status & DRIVER_OK) != 0) {
      throw s.refused("features that it does not offer");
    }
    for (Setup queue : queues) {
      snapshot(s, queue, (status & DRIVER_OK) != 0);
    }
    if (s.restores()) {
      state.add(status);
      if ((status & DRIVER_OK) != 0) {
        start();
      }
    }
    device.snapshot(s);
  }

  private void snapshot(Snapshot s, Setup queue, boolean run) {
    queue.size = s.bits(queue.size);
    queue.descriptors = s.word(queue.descriptors);
    queue.driver = s.word(queue.driver);
    queue.device = s.word(queue.device);
    boolean ready = s.flag(queue.ready);
    if (s.restores() && ready) {
      if (!queue.queue.enable(queue.size, queue.descriptors, queue.driver, queue.device)) {
        throw s.refused("a queue's size, alignment or place is wrong");
      }
      queue.ready = true;
      if (run) {
        runQueue(queue);
      }
    }
    queue.queue.snapshot(s);
  }

  /** Does something while no thread serves a queue of these devices: their memory stands still. */
  public static void whileIdle(List<VirtioMmio> devices, Runnable action) {
    List<Virtqueue> all =
        devices.stream().flatMap(d -> d.queues.stream()).map(setup -> setup.queue).toList();
    holding(all, action);
  }

  private static void holding(List<Virtqueue> queues, Runnable action) {
    if (queues.isEmpty()) {
      action.run();
      return;
    }
    synchronized (queues.getFirst()) {
      holding(queues.subList(1, queues.size()), action);
    }
  }

  /** Has the device look at all queues: after a restore, when everything is in its place again. */
  public void resume() {
    for (int i = 0; i < queues.size(); i++) {
      queueNotify(i);
    }
  }

  /** Resets, then closes the device. For the end of the machine or VM. */
  @Override
  public void close() {
    reset();
    device.close();
  }

  @Override
  public void describe(Node soc, long base, int irq, int plic) {
    describe(soc, base, window, irq, plic);
  }

  /** The node of a slot, which is the same with and without a device. */
  static void describe(Node soc, long base, long window, int irq, int plic) {
    Node node = soc.child("virtio_mmio@" + Long.toHexString(base));
    node.strings("compatible", "virtio,mmio").longs("reg", base, window).flag("dma-coherent");
    if (irq != 0) {
      node.cells("interrupts", irq).cells("interrupt-parent", plic);
    }
  }

  private boolean selectable() {
    return queueSelect >= 0 && queueSelect < queues.size();
  }

  private Setup selected() {
    return queues.get(queueSelect);
  }

  private static int half(long value, int select) {
    return switch (select) {
      case 0 -> (int) value;
      case 1 -> (int) (value >>> 32);
      default -> 0;
    };
  }

  private static long low(long value, int half) {
    return value & 0xffff_ffff_0000_0000L | half & 0xffff_ffffL;
  }

  private static long high(long value, int half) {
    return value & 0xffff_ffffL | (long) half << 32;
  }
}
