package org.duvisor.virtio;

import java.util.concurrent.locks.LockSupport;
import java.util.function.IntConsumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Who serves a device's queues: one thread of its own, parked when there is nothing to do, so that
 * a vCPU does not wait for host I/O; or the thread that notifies, for machines whose every step
 * must be reproducible.
 */
public final class QueueWorker implements AutoCloseable {
  /** The two ways. */
  public enum Serving {
    /** In the notifying thread, before the notification returns. */
    INLINE,
    /** On a daemon thread of the device. */
    THREAD
  }

  private static final System.Logger LOG = System.getLogger("org.duvisor.virtio");

  private final String name;
  private final Supplier<@Nullable Session> session;
  private final IntConsumer serve;
  private final Doorbell doorbell;
  private final @Nullable Thread thread;
  private volatile boolean closed;

  /**
   * A worker, running.
   *
   * @param name for the thread and the log
   * @param session what the device serves now; null without a driver
   * @param queues a bit for each queue of whose notifications {@link #wake} is all that is done
   * @param serve serves one queue, 0 to 63, until it is empty; what it throws stops that queue and
   *     asks the driver for a reset (2.1.1)
   */
  @SuppressWarnings("this-escape") // the thread needs only fields that are set
  public QueueWorker(
      Serving serving,
      String name,
      Supplier<@Nullable Session> session,
      long queues,
      IntConsumer serve) {
    this.name = name;
    this.doorbell = new Doorbell(serving == Serving.THREAD ? queues : 0);
    this.session = session;
    this.serve = serve;
    this.thread =
        switch (serving) {
          case INLINE -> null;
          case THREAD -> Thread.ofPlatform().daemon().name(name).unstarted(this::run);
        };
    if (thread != null) {
      thread.start();
    }
  }

  /** The queue has something to do. */
  public void wake(int queue) {
    if (thread == null) {
      serve(queue);
    } else if (doorbell.ring(queue)) {
      LockSupport.unpark(thread);
    }
  }

  /** Where a queue can be left for the thread, too. */
  public Doorbell doorbell() {
    return doorbell;
  }

  private void run() {
    while (!closed) {
      long work = doorbell.take();
      if (work == 0) {
        work = sleep();
      }
      for (long left = work; left != 0; left &= left - 1) {
        serve(Long.numberOfTrailingZeros(left));
      }
    }
  }

  /** Until there is work, or for no reason; returns what there is. */
  private long sleep() {
    doorbell.asleep(true);
    long work = doorbell.take(); // after it is known that somebody has to wake this thread
    if (work == 0 && !closed) {
      LockSupport.park(this);
      // A stray interrupt must neither spin here nor close the back end's channel.
      Thread.interrupted();
    }
    doorbell.asleep(false);
    return work;
  }

  private void serve(int index) {
    Session now = session.get();
    try {
      serve.accept(index);
    } catch (RuntimeException | Error e) { // of a back end, of a full heap: the guest has to know
      LOG.log(System.Logger.Level.ERROR, name + " failed: " + e, e);
      if (now != null) {
        Virtqueue queue = now.queues().get(index);
        synchronized (queue) {
          if (session.get() == now) {
            queue.violated("the device failed");
          }
        }
      }
    }
  }

  /**
   * Ends the thread after what it is doing, and waits for that unless called by the thread itself.
   * Idempotent.
   */
  @Override
  public void close() {
    closed = true;
    if (thread == null || thread == Thread.currentThread()) {
      return;
    }
    LockSupport.unpark(thread);
    boolean interrupted = false;
    while (thread.isAlive()) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
