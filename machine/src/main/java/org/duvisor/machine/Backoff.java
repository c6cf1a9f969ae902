package org.duvisor.machine;

/**
 * How the thread of a hart waits for another hart: for a while on its processor, since the other
 * one is likely to be running; then it offers the processor to others, since the other one may be
 * waiting for just that. Used by one thread.
 */
final class Backoff {
  /** A wait that is worth a processor of this computer. Less than two switches of threads cost. */
  private static final long SPIN_NANOS = 5_000;

  /** Two pauses further apart are not of one wait. */
  private static final long APART_NANOS = 2_000;

  private long began;
  private long last;

  /** One moment of a wait. */
  void pause() {
    long now = System.nanoTime();
    if (now - last > APART_NANOS) {
      began = now;
    }
    if (now - began < SPIN_NANOS) {
      Thread.onSpinWait();
      last = now;
    } else {
      Thread.yield();
      last = System.nanoTime();
    }
  }
}
