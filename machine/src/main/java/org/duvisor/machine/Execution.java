package org.duvisor.machine;

import org.duvisor.devices.Snapshot;

/**
 * The run loop of a hart: code, between looks at what others ask and at interrupts; and what ends
 * it: WFI, another hart's turn, and, when HU is Java code, a trap out of the guest. For the thread
 * that runs the hart.
 */
final class Execution {
  /** Looks at interrupts in one {@link #run} that retires nothing between them. */
  private static final int MAX_FRUITLESS = 100;

  private final Hart h;
  private final Attention attention;

  /** How the hart waits for others that run at the same time. */
  private final Backoff backoff = new Backoff();

  /** Whether the harts take turns on one thread. */
  private boolean inTurns;

  /** With {@link #inTurns}: the hart waits for another one. */
  private boolean turnOver;

  /** In WFI; ended by whoever runs the hart. */
  boolean waiting;

  /** HU is Java code: a trap to HU or HS ends {@link #run}. */
  boolean embedded;

  /** With {@link #embedded}: the hart has left V=1 by a trap. */
  boolean left;

  Execution(Hart h, Attention attention) {
    this.h = h;
    this.attention = attention;
  }

  void reset() {
    waiting = false;
    left = false;
  }

  void snapshot(Snapshot s) {
    if (embedded) {
      throw s.refused("its user mode is a program of this process");
    }
    waiting = s.flag(waiting);
  }

  /** {@link Hart#run}. */
  void run(long instructions) {
    h.requests.begin();
    try {
      h.engine.tidy();
      execute(instructions);
    } finally {
      h.requests.end();
    }
  }

  private void execute(long instructions) {
    long limit = h.retired + instructions;
    int fruitless = 0;
    turnOver = false;
    while (h.retired < limit && !waiting && !turnOver) {
      if (left) {
        return;
      }
      if (attention.take()) {
        lookUp();
        continue;
      }
      long before = h.retired;
      h.engine.run(Math.min(limit, h.counters.deadline()));
      h.counters.settle();
      boolean ended = h.retired >= limit;
      if (h.retired == before) { // a loop of traps, which takes time as well
        ended |= !attention.isWanted() || ++fruitless == MAX_FRUITLESS;
      }
      if (ended && !waiting) {
        attendToTimer();
        return;
      }
    }
  }

  private void lookUp() {
    h.requests.serve();
    h.counters.settle();
    h.traps.takeInterrupt();
  }

  /** {@link Hart#step}. */
  void step() {
    h.requests.begin();
    try {
      attendToTimer();
      if (attention.take()) {
        lookUp();
      }
      if (!waiting && !left) {
        h.engine.step();
        h.counters.settle();
      }
    } finally {
      h.requests.end();
    }
  }

  private void attendToTimer() {
    if (h.traps.ticksLeft() == 0) {
      attention.want();
    }
  }

  /** {@link Hart#isWaiting}. */
  boolean isWaiting() {
    if (waiting && h.traps.wakesFromWait()) {
      waiting = false;
      attention.want();
    }
    return waiting;
  }

  /** {@link Hart#park}. */
  void park(long maxNanos) {
    attention.sleep(() -> attention.take() || !isWaiting() ? 0 : nanosToTimer(maxNanos));
    isWaiting();
  }

  private long nanosToTimer(long maxNanos) {
    long ticks = h.traps.ticksLeft();
    return ticks > maxNanos / Clock.NANOS ? maxNanos : ticks * Clock.NANOS;
  }

  /** {@link Hart#takeTurns}. */
  void takeTurns() {
    inTurns = true;
  }

  /** {@link Hart#pause}. */
  void pause() {
    if (inTurns) {
      turnOver = true;
      attention.want(); // ends translated code
    } else if (backoff.pause()) {
      attendToTimer(); // run() does after many instructions only
    }
  }
}
