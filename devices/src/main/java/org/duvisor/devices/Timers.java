package org.duvisor.devices;

import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Makes timers for devices. Injected: host time for running machines, virtual time for
 * deterministic ones and tests.
 */
@FunctionalInterface
public interface Timers {
  /**
   * A single-shot timer that can be set again and again. Its methods may be called from any thread
   * and never block.
   */
  interface Timer {
    /** Runs the task once {@code nanos} (at least 0) from now, instead of any time set before. */
    void set(long nanos);

    /** Forgets the time set. A task that is just starting may still run once. */
    void cancel();
  }

  /**
   * A timer for {@code task}, which runs on a thread of this service without locks held and must be
   * short.
   */
  Timer timer(Runnable task);

  /** Timers that never expire. */
  static Timers never() {
    return task ->
        new Timer() {
          @Override
          public void set(long nanos) {}

          @Override
          public void cancel() {}
        };
  }

  /** Timers in host time, on one daemon thread that is there while one is set. */
  static Timers host() {
    ScheduledThreadPoolExecutor executor =
        new ScheduledThreadPoolExecutor(
            1, Thread.ofPlatform().daemon().name("device-timers").factory());
    executor.setRemoveOnCancelPolicy(true);
    executor.setKeepAliveTime(1, TimeUnit.SECONDS);
    executor.allowCoreThreadTimeOut(true);
    return task ->
        new Timer() {
          private @Nullable ScheduledFuture<?> scheduled;

          @Override
          public synchronized void set(long nanos) {
            cancel();
            scheduled = executor.schedule(task, nanos, TimeUnit.NANOSECONDS);
          }

          @Override
          public synchronized void cancel() {
            if (scheduled != null) {
              scheduled.cancel(false);
              scheduled = null;
            }
          }
        };
  }
}
