package org.duvisor.machine;

/** The machine's time. */
@FunctionalInterface
public interface Clock {
  /** Ticks per second of mtime. */
  long HERTZ = 10_000_000;

  /** Nanoseconds per tick. */
  long NANOS = 1_000_000_000 / HERTZ;

  /**
   * mtime, in ticks, unsigned; goes back only when software sets it, which then makes all harts
   * look ({@link Hart#signal}).
   */
  long now();

  /** Time of this computer, starting at 0. */
  static Clock realTime() {
    long start = System.nanoTime();
    return () -> (System.nanoTime() - start) / NANOS;
  }
}
