package org.duvisor.machine.board;

import java.util.List;
import org.duvisor.machine.Hart;

/**
 * All harts on one thread, in turns of a fixed number of instructions, or fewer for a hart that
 * waits for another; virtual time passes with the turns and jumps when all wait for interrupts. The
 * same images give the same run, bit for bit, as long as nothing comes from outside.
 */
final class DeterministicScheduler implements Scheduler {
  /** Instructions a turn. */
  private static final long QUANTUM = 5_000;

  /** Instructions in a tick of mtime: harts of one instruction a nanosecond. */
  private static final long INSTRUCTIONS_PER_TICK = 100;

  private static final long OUTSIDE_WAIT_NANOS = 10_000_000;

  private final List<Hart> harts;
  private final VirtualClock clock;

  DeterministicScheduler(List<Hart> harts, VirtualClock clock) {
    this.harts = harts;
    this.clock = clock;
    harts.forEach(Hart::takeTurns);
  }

  @Override
  public void run(Progress progress) {
    while (!progress.stopped()) {
      boolean allWait = true;
      for (Hart hart : harts) {
        if (!hart.isWaiting()) {
          hart.run(QUANTUM);
          allWait = false;
        }
      }
      clock.advance(QUANTUM / INSTRUCTIONS_PER_TICK);
      if (allWait) {
        skipToNextEvent();
      }
    }
  }

  private void skipToNextEvent() {
    long next = Long.MAX_VALUE;
    for (Hart hart : harts) {
      next = Math.min(next, hart.ticksToTimer());
    }
    if (next != Long.MAX_VALUE) {
      clock.advance(next);
    } else { // only the outside world can go on
      harts.getFirst().park(OUTSIDE_WAIT_NANOS);
    }
  }
}
