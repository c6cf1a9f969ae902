package org.duvisor.machine.board;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.duvisor.machine.Hart;
import org.jspecify.annotations.Nullable;

/** One thread a hart, in real time. */
final class ParallelScheduler implements Scheduler {
  private static final long QUANTUM = 20_000;
  private static final long PARK_NANOS = 100_000_000;

  private final List<Hart> harts;

  ParallelScheduler(List<Hart> harts) {
    this.harts = harts;
  }

  @Override
  public void run(Progress progress) {
    List<Thread> threads = new ArrayList<>();
    AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
    Progress orFailed = () -> failure.get() != null || progress.stopped();
    for (Hart hart : harts) {
      threads.add(
          Thread.ofPlatform()
              .name("hart-" + hart.id())
              .daemon()
              .unstarted(() -> drive(hart, orFailed)));
    }
    for (Thread t :
        threads) { // an exception in a hart is our bug: the others stop and it is shown, rather
      // than a machine with a hart missing
      t.setUncaughtExceptionHandler(
          (thread, e) -> {
            failure.compareAndSet(null, e);
            harts.forEach(Hart::signal);
          });
      t.start();
    }
    for (Thread t : threads) {
      join(t);
    }
    Throwable e = failure.get();
    if (e != null) {
      throw new IllegalStateException("a hart failed", e);
    }
  }

  private static void drive(Hart hart, Progress progress) {
    while (!progress.stopped()) {
      hart.run(QUANTUM);
      if (hart.isWaiting() && !progress.stopped()) {
        hart.park(PARK_NANOS);
      }
    }
  }

  private static void join(Thread t) {
    boolean interrupted = false;
    while (true) {
      try {
        t.join();
        break;
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
