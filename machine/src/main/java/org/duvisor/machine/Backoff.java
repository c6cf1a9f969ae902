package org.duvisor.machine;

import java.util.concurrent.locks.LockSupport;

/**
 * How the thread of a hart waits for another hart that has its turn too: for a while on its
 * processor, since the other one is likely to be running; then it sleeps, since the other one may
 * be waiting for just that processor. Sleep rather than yield: some kernels take from a thread that
 * yields what it had left of its turn. Used by one thread.
 */
final class Backoff {
  /** A wait that is worth a processor of this computer; about what a sleep costs. */
  private static final long SPIN_NANOS = 10_000;

  private static final long SLEEP_NANOS = 50_000;

  /** Two pauses further apart are not of one wait. */
  private static final long APART_NANOS = 2_000;

  private long began;
  private long last;

  /** One moment of a wait; whether it was a long one, as instructions go. */
  boolean pause() {
    long now = System.nanoTime();
    if (now - last > APART_NANOS) {
      began = now;
    }
    if (now - began < SPIN_NANOS) {
      Thread.onSpinWait();
      last = now;
      return false;
    }
    LockSupport.parkNanos(this, SLEEP_NANOS);
    last = System.nanoTime();
    return true;
  }
}
