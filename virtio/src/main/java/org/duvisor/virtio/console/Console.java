package org.duvisor.virtio.console;

import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import org.duvisor.devices.Snapshot;
import org.duvisor.devices.chardev.CharBackend;
import org.duvisor.virtio.Buffers;
import org.duvisor.virtio.Chain;
import org.duvisor.virtio.ConfigSpace;
import org.duvisor.virtio.Doorbell;
import org.duvisor.virtio.Offer;
import org.duvisor.virtio.QueueWorker;
import org.duvisor.virtio.QueueWorker.Serving;
import org.duvisor.virtio.Session;
import org.duvisor.virtio.VirtioDevice;
import org.duvisor.virtio.Virtqueue;
import org.jspecify.annotations.Nullable;

/**
 * The console device (5.3) with one port: a console with its size and emergency write, or a named
 * port that carries data ({@code /dev/vport*} in Linux). No byte is lost in either direction: input
 * waits for the driver's room, and with VIRTIO_CONSOLE_F_MULTIPORT until the driver has opened the
 * port, for Linux throws away what comes earlier.
 */
public final class Console implements VirtioDevice {
  private static final int F_SIZE = 0;
  private static final int F_MULTIPORT = 1;
  private static final int F_EMERG_WRITE = 2;
  private static final long CONSOLE_FEATURES =
      1L << F_SIZE | 1L << F_MULTIPORT | 1L << F_EMERG_WRITE;
  private static final long PORT_FEATURES = 1L << F_MULTIPORT;

  private static final int CONFIG_COLS = 0;
  private static final int CONFIG_ROWS = 2;
  private static final int CONFIG_PORTS = 4;
  private static final int CONFIG_EMERG_WR = 8;
  private static final int CONFIG_SIZE = 12;

  private static final int QUEUE_SIZE = 64;
  private static final int RX = 0;
  private static final int TX = 1;
  private static final int CONTROL_TO_DRIVER = 2;
  private static final int CONTROL_FROM_DRIVER = 3;
  private static final int QUEUES = 4;
  private static final int STAGING = 4096;

  /** What belongs to a session, each half used under its queue's monitor. */
  private final class Service {
    final Session session;
    final Virtqueue receive;
    final Virtqueue transmit;
    final Chain input;
    final Chain output;
    final byte[] bytes = new byte[STAGING];
    final @Nullable PortControl control;

    /**
     * Bytes already sent of a chain longer than the staging array, which was given back to the
     * queue meanwhile.
     */
    long sent;

    Service(Session session) {
      this.session = session;
      receive = session.queues().get(RX);
      transmit = session.queues().get(TX);
      input = receive.newChain();
      output = transmit.newChain();
      control =
          session.has(F_MULTIPORT)
              ? new PortControl(
                  session.queues().get(CONTROL_TO_DRIVER),
                  session.queues().get(CONTROL_FROM_DRIVER),
                  portName,
                  session.has(F_SIZE),
                  () -> (int) config.read(CONFIG_COLS, 4),
                  () -> service == this)
              : null;
    }

    /** A driver without ports has its one port open from the start. */
    boolean open() {
      return control == null || control.open();
    }
  }

  private final CharBackend backend;
  private final byte[] portName;
  private final ConfigSpace config = new ConfigSpace(CONFIG_SIZE);
  private final Offer offer;
  private final QueueWorker worker;
  private final Object sending = new Object();
  private final byte[] staging = new byte[STAGING];
  private final MemorySegment stagingMemory = MemorySegment.ofArray(staging);
  private volatile @Nullable Service service;

  /**
   * A console.
   *
   * @param columns characters in a line, 1 to 65535
   * @param rows lines, 1 to 65535
   * @param backend flushed, but not closed, with the device
   */
  public Console(int columns, int rows, CharBackend backend, Serving serving) {
    this("", CONSOLE_FEATURES, backend, serving);
    config.set(CONFIG_COLS, 2, columns).set(CONFIG_ROWS, 2, rows);
  }

  /**
   * A port for data.
   *
   * @param name the guest's programs find it by, ASCII, not empty
   * @param backend flushed, but not closed, with the device
   */
  public static Console port(String name, CharBackend backend, Serving serving) {
    return new Console(name, PORT_FEATURES, backend, serving);
  }

  @SuppressWarnings(
      "this-escape") // input that arrives before the constructor ends stays with the back end
  private Console(String name, long features, CharBackend backend, Serving serving) {
    this.backend = backend;
    portName = name.getBytes(StandardCharsets.US_ASCII);
    offer =
        new Offer(
            3,
            name.isEmpty() ? "virtio-console" : "virtio-console " + name,
            features,
            QUEUES,
            QUEUE_SIZE,
            config);
    config.set(CONFIG_PORTS, 4, 1);
    worker = new QueueWorker(serving, offer.name(), this::session, 1L << TX, queue -> transmit());
    backend.onInput(this::receive);
  }

  /** The host's window changed; tells the driver. */
  public void resize(int columns, int rows) {
    config.set(CONFIG_COLS, 2, columns).set(CONFIG_ROWS, 2, rows);
    Service now = service;
    if (now == null || !now.session.has(F_SIZE)) {
      return;
    }
    now.session.configChanged().run();
    if (now.control != null) {
      now.control.resized();
    }
  }

  @Override
  public Offer offer() {
    return offer;
  }

  /** emerg_wr works without a driver (5.3.5). */
  @Override
  public void configWritten(int offset, int width, long value) {
    if (offset == CONFIG_EMERG_WR) {
      backend.transmit((byte) value);
      backend.flush();
    }
  }

  @Override
  public void start(Session session) {
    service = new Service(session);
    receive();
  }

  @Override
  public Doorbell doorbell() {
    return worker.doorbell();
  }

  @Override
  public void notify(int queue) {
    switch (queue) {
      case TX -> worker.wake(TX);
      case RX -> receive();
      default -> control(queue);
    }
  }

  private void control(int queue) {
    Service now = service;
    if (now == null || now.control == null) {
      return;
    }
    if (queue == CONTROL_FROM_DRIVER) {
      now.control.listen();
      receive(); // the port may be open now
    } else {
      now.control.speak();
    }
  }

  @Override
  public void snapshot(Snapshot s) {
    Service now = service;
    if (now != null) {
      now.sent = s.word(now.sent);
      if (now.sent < 0) {
        throw s.refused("less than nothing was sent");
      }
      if (now.control != null) {
        now.control.snapshot(s);
      }
    }
  }

  @Override
  public void reset() {
    service = null;
  }

  private @Nullable Session session() {
    Service now = service;
    return now == null ? null : now.session;
  }

  private void transmit() {
    Service now = service;
    if (now == null) {
      return;
    }
    synchronized (sending) {
      for (int length = takeOutput(now); length >= 0; length = takeOutput(now)) {
        backend.transmit(
            staging, 0, length); // outside the queue's monitor: it may wait for the host
      }
    }
  }

  /** Moves output to the staging array; returns how many bytes, -1 at the end. */
  private int takeOutput(Service now) {
    Virtqueue queue = now.transmit;
    synchronized (queue) {
      if (service != now || !queue.next(now.output)) {
        return -1;
      }
      Buffers in = now.output.readable();
      in.skip(now.sent);
      int length = (int) in.read(stagingMemory, 0, STAGING);
      if (in.remaining() > 0) {
        now.sent = in.position();
        queue.giveBack(1);
      } else {
        now.sent = 0;
        queue.used(now.output.head(), 0);
        queue.publish();
      }
      return length;
    }
  }

  /** Moves input to the driver's buffers until either is used up. */
  private void receive() {
    Service now = service;
    if (now == null) {
      return;
    }
    Virtqueue queue = now.receive;
    byte[] bytes = now.bytes;
    synchronized (queue) {
      while (service == now && now.open() && queue.next(now.input)) {
        Buffers out = now.input.writable();
        if (out.size() == 0) {
          queue.violated("a receive buffer without room");
          return;
        }
        int length = backend.receive(bytes, 0, (int) Math.min(STAGING, out.size()));
        if (length <= 0) {
          queue.giveBack(1);
          break;
        }
        queue.used(now.input.head(), out.write(MemorySegment.ofArray(bytes), 0, length));
      }
      queue.publish();
    }
  }

  @Override
  public void close() {
    worker.close();
    backend.flush();
  }
}
