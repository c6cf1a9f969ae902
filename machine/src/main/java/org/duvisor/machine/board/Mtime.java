package org.duvisor.machine.board;

import org.duvisor.devices.Snapshot;
import org.duvisor.machine.Clock;

/**
 * mtime of a board: a clock of its own that software can set (privileged spec 3.2.1). All that
 * harts know of time follows it.
 */
final class Mtime implements Clock {
  private final Clock source;
  private volatile long offset;

  /** Time that starts with that of {@code source}, and goes as fast. */
  Mtime(Clock source) {
    this.source = source;
  }

  @Override
  public long now() {
    return source.now() + offset;
  }

  /**
   * Makes it {@code ticks} now, in the bits of {@code mask}. Whoever does has to make all harts
   * look at their timers.
   */
  synchronized void set(long ticks, long mask) {
    long now = source.now();
    offset = ((now + offset) & ~mask | ticks & mask) - now;
  }

  /** Saves or restores the time; its source may be another one. */
  synchronized void snapshot(Snapshot s) {
    offset = s.word(now()) - source.now();
  }
}
