package org.duvisor.virtio;

import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import org.duvisor.devices.Snapshot;
import org.duvisor.virtio.QueueWorker.Serving;
import org.jspecify.annotations.Nullable;

/**
 * A device whose every queue takes requests of the driver, each a chain that goes back when it is
 * answered (for instance VIRTIO 1.2, 5.2 and 5.4). A subclass is its protocol: what it offers, and
 * how it answers.
 */
public abstract class RequestDevice implements VirtioDevice {
  /** A session with the chains it works on, one for each queue, used under that queue's monitor. */
  private static final class Service {
    final Session session;
    final List<Chain> chains;

    Service(Session session) {
      this.session = session;
      chains = session.queues().stream().map(Virtqueue::newChain).toList();
    }
  }

  /**
   * More requests than this in one notification are no driver's: no queue holds as many. A request
   * may store to the queue itself, so that it never ends, and the thread that notifies is the
   * machine's, which nothing could stop any more.
   */
  private static final int INLINE_MOST = 1024;

  private final Offer offer;
  private final boolean inline;
  private final QueueWorker worker;
  private final AtomicBoolean closed = new AtomicBoolean();
  private volatile @Nullable Service service;

  /** A device that serves all its queues from one thread, or in the thread that notifies. */
  @SuppressWarnings("this-escape") // nothing is served before the first session
  protected RequestDevice(Offer offer, Serving serving) {
    this.offer = offer;
    inline = serving == Serving.INLINE;
    worker =
        new QueueWorker(
            serving, offer.name(), this::session, (1L << offer.queues()) - 1, this::serve);
  }

  /**
   * Answers a request: returns the chain by {@link Virtqueue#used}, or says by {@link
   * Virtqueue#violated} why it is none. Called holding the queue's monitor; the driver sees the
   * answer afterwards.
   */
  protected abstract void request(Session session, Virtqueue queue, Chain chain);

  /** Releases host resources; called once, when no thread serves any more. Errors are logged. */
  protected void release() {}

  @Override
  public final Offer offer() {
    return offer;
  }

  @Override
  public final void start(Session session) {
    service = new Service(session);
  }

  @Override
  public final Doorbell doorbell() {
    return worker.doorbell();
  }

  @Override
  public final void notify(int queue) {
    worker.wake(queue);
  }

  /** Requests are in the queues, and nothing else is remembered. */
  @Override
  public void snapshot(Snapshot s) {}

  @Override
  public void reset() {
    service = null;
  }

  @Override
  public final void close() {
    if (closed.compareAndSet(false, true)) {
      worker.close();
      release();
    }
  }

  private @Nullable Session session() {
    Service now = service;
    return now == null ? null : now.session;
  }

  private void serve(int index) {
    Service now = service;
    if (now == null) {
      return;
    }
    Virtqueue queue = now.session.queues().get(index);
    Chain chain = now.chains.get(index);
    boolean more = true;
    for (int served = 0; more; served++) {
      synchronized (queue) { // for each request anew: a reset waits for one at most
        more = service == now && queue.next(chain);
        if (more && inline && served == INLINE_MOST) {
          more = queue.violated("requests without end in one notification");
        }
        if (more) {
          request(now.session, queue, chain);
          queue.publish();
        }
      }
    }
  }
}
