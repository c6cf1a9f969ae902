package org.duvisor.virtio.net;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import org.duvisor.devices.Snapshot;
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
 * The network device (5.1): one receive and one transmit queue, mergeable receive buffers, link
 * status; no offloads and no control queue.
 */
public final class Net implements VirtioDevice {
  /** The MTU field is absent. */
  public static final int NO_MTU = 0;

  private static final int F_MTU = 3;
  private static final int F_MAC = 5;
  private static final int F_MRG_RXBUF = 15;
  private static final int F_STATUS = 16;

  private static final int CONFIG_MAC = 0;
  private static final int CONFIG_STATUS = 6;
  private static final int CONFIG_PAIRS = 8;
  private static final int CONFIG_MTU = 10;
  private static final int CONFIG_SIZE = 12;
  private static final int MAC_BYTES = 6;

  /** struct virtio_net_hdr with num_buffers (5.1.6). */
  private static final int HEADER = 12;

  /** Without: a driver that knows neither VIRTIO_F_VERSION_1 nor mergeable buffers (5.1.6.1). */
  private static final int LEGACY_HEADER = 10;

  private static final int QUEUE_SIZE = 256;
  private static final int RX = 0;
  private static final int TX = 1;

  /** Frames sent before the driver gets its buffers' notification. */
  private static final int TX_BATCH = 32;

  /** Receive side of a session, used under the receive queue's monitor. */
  private static final class Receiver {
    final Virtqueue queue;
    final boolean mergeable;

    /** Kept until the frame is stored: its header counts the chains. */
    final Chain first;

    final Chain further;
    final int[] heads = new int[QUEUE_SIZE];
    final long[] lengths = new long[QUEUE_SIZE];

    Receiver(Session session) {
      queue = session.queues().get(RX);
      mergeable = session.has(F_MRG_RXBUF);
      first = queue.newChain();
      further = queue.newChain();
    }
  }

  private static final class Service {
    final Session session;
    final Receiver receiver;

    /** Bytes before each frame. */
    final int header;

    /** Used under the transmit queue's monitor. */
    final Chain transmit;

    Service(Session session) {
      this.session = session;
      receiver = new Receiver(session);
      header = session.has(Session.F_VERSION_1) || receiver.mergeable ? HEADER : LEGACY_HEADER;
      transmit = session.queues().get(TX).newChain();
    }
  }

  private final NetBackend backend;
  private final ConfigSpace config = new ConfigSpace(CONFIG_SIZE);
  private final Offer offer;
  private final QueueWorker worker;
  private final Object sending = new Object();
  private final ByteBuffer staging = ByteBuffer.allocateDirect(NetBackend.MAX_FRAME);
  private final MemorySegment stagingMemory = MemorySegment.ofBuffer(staging);
  private volatile @Nullable Service service;

  /**
   * A network device.
   *
   * @param name for the log and the thread, for instance "net0"
   * @param mac 6 bytes, a unicast address
   * @param mtu 68 to 65520, or {@link #NO_MTU}
   * @param backend closed with the device
   * @throws IllegalArgumentException with a line for the user when {@code mac} or {@code mtu} is
   *     out of range
   */
  @SuppressWarnings(
      "this-escape") // frames that arrive before the constructor ends find no driver and are lost
  public Net(String name, byte[] mac, int mtu, NetBackend backend, Serving serving) {
    if (mac.length != MAC_BYTES || (mac[0] & 1) != 0) {
      throw new IllegalArgumentException("a MAC address has 6 bytes, the first one even");
    }
    if (mtu != NO_MTU && (mtu < 68 || mtu > 65520)) {
      throw new IllegalArgumentException("an MTU is 68 to 65520 bytes, not " + mtu);
    }
    this.backend = backend;
    for (int i = 0; i < MAC_BYTES; i++) {
      config.set(CONFIG_MAC + i, 1, mac[i]);
    }
    config
        .set(CONFIG_STATUS, 2, backend.up() ? 1 : 0)
        .set(CONFIG_PAIRS, 2, 1)
        .set(CONFIG_MTU, 2, mtu);
    long features =
        1L << F_MAC | 1L << F_STATUS | 1L << F_MRG_RXBUF | (mtu == NO_MTU ? 0 : 1L << F_MTU);
    offer = new Offer(1, "virtio-net " + name, features, 2, QUEUE_SIZE, config);
    worker = new QueueWorker(serving, offer.name(), this::session, 1L << TX, queue -> transmit());
    backend.plug(new Cable());
  }

  private final class Cable implements NetBackend.Port {
    @Override
    public boolean receive(ByteBuffer frame) {
      Service now = service;
      return now == null || Net.this.receive(now, frame);
    }

    @Override
    public void link(boolean up) {
      config.set(CONFIG_STATUS, 2, up ? 1 : 0);
      Service now = service;
      if (now != null) {
        now.session.configChanged().run();
      }
    }
  }

  @Override
  public Offer offer() {
    return offer;
  }

  @Override
  public void start(Session session) {
    service = new Service(session);
    backend.room();
  }

  @Override
  public Doorbell doorbell() {
    return worker.doorbell();
  }

  @Override
  public void notify(int queue) {
    if (queue == TX) {
      worker.wake(TX);
    } else {
      backend.room();
    }
  }

  /** Frames are in the queues, or lost as networks lose them. */
  @Override
  public void snapshot(Snapshot s) {}

  @Override
  public void reset() {
    service = null;
    backend.room(); // a frame that waits for this session is lost
  }

  // ---- guest to network
  // ---------------------------------------------------------------------------------------------

  private @Nullable Session session() {
    Service now = service;
    return now == null ? null : now.session;
  }

  private void transmit() {
    Service now = service;
    if (now == null) {
      return;
    }
    Virtqueue queue = now.session.queues().get(TX);
    synchronized (sending) {
      for (int batched = 1; takeFrame(now, queue, batched % TX_BATCH == 0); batched++) {
        int length = staging.remaining();
        if (length >= NetBackend.MIN_FRAME) {
          backend.send(staging); // outside the queue's monitor: it may wait for the peer
        }
      }
    }
  }

  /**
   * Moves the next frame to the staging buffer, empty when it is none that can be carried; false at
   * the end.
   */
  private boolean takeFrame(Service now, Virtqueue queue, boolean publish) {
    Chain chain = now.transmit;
    synchronized (queue) {
      boolean more = service == now && queue.next(chain);
      if (more) {
        Buffers in = chain.readable();
        if (in.size() < now.header) {
          return queue.violated("a frame to send without header");
        }
        in.skip(now.header);
        int length = in.remaining() > NetBackend.MAX_FRAME ? 0 : (int) in.remaining();
        in.read(stagingMemory, 0, length);
        staging.limit(length).position(0);
        queue.used(chain.head(), 0);
      }
      if (!more || publish) {
        queue.publish();
      }
      return more;
    }
  }

  // ---- network to guest
  // ---------------------------------------------------------------------------------------------

  /**
   * Stores a frame in as many chains as it needs (5.1.6.4); false when the driver has not provided
   * enough.
   */
  private boolean receive(Service now, ByteBuffer frame) {
    Receiver to = now.receiver;
    MemorySegment source = MemorySegment.ofBuffer(frame);
    long length = source.byteSize();
    Virtqueue queue = to.queue;
    synchronized (queue) {
      if (service != now || !queue.next(to.first)) {
        return service != now;
      }
      Buffers out = to.first.writable();
      if (out.size() < now.header) {
        queue.violated("a receive buffer smaller than the header");
        return true;
      }
      if (!to.mergeable && out.size() < now.header + length) {
        queue.giveBack(1);
        return true; // too long for this driver: lost
      }
      out.skip(now.header);
      long done = out.write(source, 0, length);
      to.heads[0] = to.first.head();
      to.lengths[0] = out.position();
      int chains = 1;
      while (done < length) {
        boolean full = chains == queue.size();
        if (full || !queue.next(to.further)) {
          queue.giveBack(chains);
          return full; // longer than all buffers that this driver can provide: lost
        }
        done += to.further.writable().write(source, done, length - done);
        to.heads[chains] = to.further.head();
        to.lengths[chains] = to.further.writable().position();
        chains++;
      }
      out.rewind();
      out.writeNumber(8, 0);
      out.writeNumber(2, 0);
      if (now.header == HEADER) {
        out.writeNumber(2, chains);
      }
      for (int i = 0; i < chains; i++) {
        queue.used(to.heads[i], to.lengths[i]);
      }
      queue.publish();
      return true;
    }
  }

  @Override
  public void close() {
    backend.close();
    worker.close();
  }
}
