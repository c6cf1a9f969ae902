package org.duvisor.machine.board;

import java.util.List;
import org.duvisor.machine.Hart;

/**
 * All harts on one thread, in turns of a fixed number of instructions, or fewer for a hart that
 * waits for another; virtual time passes with the turns and jumps when all wait for interrupts. The
 * same images give the same run, bit for bit, as long as nothing comes from outside.
 */
final class DeterministicScheduler implements Scheduler {
  /** Instructions a turn, unless told otherwise. */
  static final long TURN = 5_000;

  private static final long OUTSIDE_WAIT_NANOS = 10_000_000;

  private final List<Hart> harts;
  private final VirtualClock clock;
  private final EventQueue events;
  private long turn = TURN;
  private long retiredBefore;

  DeterministicScheduler(List<Hart> harts, VirtualClock clock, EventQueue events) {
    this.harts = harts;
    this.events = events;
    this.clock = clock;
    harts.forEach(Hart::takeTurns);
  }

  /** Instructions a turn from the next round on, at least 1. */
  void turn(long instructions) {
    turn = instructions;
  }

  /** The virtual time at which the hart is whose turn it is, in instructions. */
  long instant(Hart hart) {
    return clock.instructions() + hart.retired - retiredBefore;
  }

  @Override
  public void run(Progress progress) {
    while (!progress.stopped()) {
      boolean allWait = true;
      long instructions = turn;
      for (Hart hart : harts) {
        if (!hart.isWaiting()) {
          retiredBefore = hart.retired;
          hart.run(instructions);
          allWait = false;
        }
      }
      clock.advance(instructions);
      if (allWait) {
        skipToNextEvent();
      }
    }
  }

  private void skipToNextEvent() {
    long next = events.ticksToNext();
    for (Hart hart : harts) {
      next = Math.min(next, hart.ticksToTimer());
    }
    if (next != Long.MAX_VALUE) {
      clock.skip(next);
    } else { // only the outside world can go on
      harts.getFirst().park(OUTSIDE_WAIT_NANOS);
    }
  }
}
