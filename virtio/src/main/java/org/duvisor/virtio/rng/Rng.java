package org.duvisor.virtio.rng;

import java.lang.foreign.MemorySegment;
import java.util.random.RandomGenerator;
import org.duvisor.virtio.Buffers;
import org.duvisor.virtio.Chain;
import org.duvisor.virtio.ConfigSpace;
import org.duvisor.virtio.Session;
import org.duvisor.virtio.VirtioDevice;
import org.duvisor.virtio.Virtqueue;
import org.jspecify.annotations.Nullable;

/**
 * The entropy device (5.4). Serves in the notifying thread; a request gets at most {@link #LIMIT}
 * bytes.
 */
public final class Rng implements VirtioDevice {
  /** Most bytes for one request; the driver asks again for more. */
  public static final int LIMIT = 4096;

  private static final int QUEUE_SIZE = 64;

  private final RandomGenerator source;
  private final ConfigSpace config = new ConfigSpace(0);
  private volatile @Nullable Service service;

  private static final class Service {
    final Virtqueue queue;
    final Chain chain;

    Service(Session session) {
      queue = session.queues().getFirst();
      chain = queue.newChain();
    }
  }

  /**
   * An entropy device.
   *
   * @param source a SecureRandom for use, a seeded generator for reproducible machines; used by one
   *     thread at a time
   */
  public Rng(RandomGenerator source) {
    this.source = source;
  }

  @Override
  public int id() {
    return 4;
  }

  @Override
  public String name() {
    return "virtio-rng";
  }

  @Override
  public long features() {
    return 0;
  }

  @Override
  public int[] queueSizes() {
    return new int[] {QUEUE_SIZE};
  }

  @Override
  public ConfigSpace config() {
    return config;
  }

  @Override
  public void start(Session session) {
    service = new Service(session);
  }

  @Override
  public void notify(int index) {
    Service now = service;
    if (now == null) {
      return;
    }
    Virtqueue queue = now.queue;
    synchronized (queue) {
      while (service == now && queue.next(now.chain)) {
        Buffers out = now.chain.writable();
        if (out.size() == 0) {
          queue.violated("an entropy request without room"); // 5.4.6.1
          return;
        }
        byte[] bytes = new byte[(int) Math.min(LIMIT, out.size())];
        source.nextBytes(bytes);
        queue.used(now.chain.head(), out.write(MemorySegment.ofArray(bytes), 0, bytes.length));
      }
      queue.publish();
    }
  }

  @Override
  public void reset() {
    service = null;
  }

  @Override
  public void close() {}
}
