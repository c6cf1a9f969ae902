package org.duvisor.machine;

/**
 * How long a hart has stalled on one reservation. Each WRS ends after a moment, so that the hart
 * can look at what else there is to do, and programs execute the next: a stall is all of them that
 * find the same value at the same address. Used by one thread.
 */
final class Stall {
  /**
   * The bounded time of Zawrs after which a WRS.NTO that may trap does, in ticks of mtime: 10
   * microseconds, some switches of a virtual hart. Whoever runs has left a short critical section
   * by then; whoever does not is worth the trap.
   */
  static final long LIMIT = Clock.HERTZ / 100_000;

  /** Two WRS further apart are not of one stall, in ticks; harts that take turns wait for long. */
  private static final long APART = 50 * LIMIT;

  private long host;
  private long value;
  private long began;
  private long last;

  /** One WRS on the reservation at {@code now}; whether the stall has reached its limit. */
  boolean isOver(long host, long value, long now) {
    if (host != this.host || value != this.value || now - last > APART) {
      this.host = host;
      this.value = value;
      began = now;
    }
    last = now;
    return now - began >= LIMIT;
  }

  /** The next WRS begins another stall. */
  void end() {
    host = 0;
  }
}
