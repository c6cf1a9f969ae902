package org.duvisor.machine.board;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.duvisor.machine.Clock;
import org.duvisor.machine.Hart;
import org.duvisor.machine.Mode;
import org.jspecify.annotations.Nullable;

/**
 * One thread a hart, in real time.
 *
 * <p>Harts that outnumber the processors of this computer need those that wait for each other to
 * leave them alone. Kernels say when they wait (PAUSE, WRS). Firmware does not, while it spins for
 * another hart to take a lock or to answer a remote fence; but what it does for a kernel is else
 * done in a moment, so a hart that stays in M-mode for long is taken to wait. (One that never left
 * M-mode has a program there, not firmware.)
 */
final class ParallelScheduler implements Scheduler {
  private static final long QUANTUM = 20_000;
  private static final long PARK_NANOS = 100_000_000;

  /** For a hart that seems to wait for one without a processor. */
  private static final long SLEEP_NANOS = 50_000;

  private final List<Hart> harts;
  private final EventQueue events;
  private final boolean crowded;

  ParallelScheduler(List<Hart> harts, EventQueue events) {
    this.harts = harts;
    this.events = events;
    this.crowded = harts.size() > Runtime.getRuntime().availableProcessors();
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

  private void drive(Hart hart, Progress progress) {
    while (!progress.stopped()) {
      boolean firmware = crowded && hart.privilege() == Hart.M;
      long calls = firmware ? calls(hart) : 0;
      hart.run(QUANTUM);
      if (hart.isWaiting()) {
        if (!progress.stopped()) {
          hart.park(nanosToEvent());
        }
      } else if (calls > 0 && hart.privilege() == Hart.M && calls(hart) == calls) {
        LockSupport.parkNanos(hart, SLEEP_NANOS);
      }
    }
  }

  private long nanosToEvent() {
    return Math.min(PARK_NANOS / Clock.NANOS, events.ticksToNext()) * Clock.NANOS;
  }

  private static long calls(Hart hart) {
    return hart.traps().counts().entries(Mode.M);
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
