package org.duvisor.machine.board;

import org.duvisor.machine.Clock;

/**
 * Time that passes with instructions: set by the deterministic scheduler, the same for all harts
 * during a round.
 */
final class VirtualClock implements Clock {
  private long ticks;

  @Override
  public long now() {
    return ticks;
  }

  void advance(long by) {
    ticks += by;
  }
}
