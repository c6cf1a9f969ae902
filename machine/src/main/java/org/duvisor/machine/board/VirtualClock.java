package org.duvisor.machine.board;

import java.time.Instant;
import java.time.temporal.ChronoUnit;
import org.duvisor.devices.Snapshot;
import org.duvisor.machine.Clock;

/**
 * Time that passes with instructions: set by the deterministic scheduler, the same for all harts
 * during a round.
 */
final class VirtualClock implements Clock {
  /** Instructions in a tick of mtime: harts of one instruction a nanosecond. */
  private static final long INSTRUCTIONS_PER_TICK = 100;

  private long ticks;
  private long instructions; // in the tick that has begun

  @Override
  public long now() {
    return ticks;
  }

  /** The same in instructions; what lies beyond 2^63 wraps around. */
  long instructions() {
    return ticks * INSTRUCTIONS_PER_TICK + instructions;
  }

  /** The same as a date, from {@link BoardConfig#FIXED} on. */
  Instant instant() {
    return BoardConfig.FIXED
        .plus(ticks / HERTZ, ChronoUnit.SECONDS)
        .plusNanos(ticks % HERTZ * NANOS);
  }

  void advance(long byInstructions) {
    long sum = instructions + byInstructions;
    ticks += sum / INSTRUCTIONS_PER_TICK;
    instructions = sum % INSTRUCTIONS_PER_TICK;
  }

  /** Goes to the begin of a later tick. */
  void skip(long byTicks) {
    ticks += byTicks;
    instructions = 0;
  }

  /** Saves or restores it. */
  void snapshot(Snapshot s) {
    s.section("virtual time");
    ticks = s.word(ticks);
    instructions = s.number((int) instructions, 0, (int) INSTRUCTIONS_PER_TICK - 1);
  }
}
