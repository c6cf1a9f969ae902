package org.duvisor.virtio.rng;

import java.lang.foreign.MemorySegment;
import java.util.random.RandomGenerator;
import org.duvisor.virtio.Buffers;
import org.duvisor.virtio.Chain;
import org.duvisor.virtio.ConfigSpace;
import org.duvisor.virtio.Offer;
import org.duvisor.virtio.QueueWorker.Serving;
import org.duvisor.virtio.RequestDevice;
import org.duvisor.virtio.Session;
import org.duvisor.virtio.Virtqueue;

/** The entropy device (5.4). A request gets at most {@link #LIMIT} bytes. */
public final class Rng extends RequestDevice {
  /** Most bytes for one request; the driver asks again for more. */
  public static final int LIMIT = 4096;

  private static final int QUEUE_SIZE = 64;

  private final RandomGenerator source;

  /**
   * An entropy device that serves in the notifying thread.
   *
   * @param source a SecureRandom for use, a seeded generator for reproducible machines; used by one
   *     thread at a time
   */
  public Rng(RandomGenerator source) {
    this(source, Serving.INLINE);
  }

  /** The same, served in the notifying thread or by one of its own. */
  public Rng(RandomGenerator source, Serving serving) {
    super(new Offer(4, "virtio-rng", 0, 1, QUEUE_SIZE, new ConfigSpace(0)), serving);
    this.source = source;
  }

  @Override
  protected void request(Session session, Virtqueue queue, Chain chain) {
    Buffers out = chain.writable();
    if (out.size() == 0) {
      queue.violated("an entropy request without room"); // 5.4.6.1
      return;
    }
    byte[] bytes = new byte[(int) Math.min(LIMIT, out.size())];
    source.nextBytes(bytes);
    queue.used(chain.head(), out.write(MemorySegment.ofArray(bytes), 0, bytes.length));
  }
}
