package org.duvisor.lab;

import java.util.List;
import org.duvisor.isa.Cause;
import org.duvisor.machine.Mode;
import org.duvisor.machine.TrapCounts;

/**
 * What traps of a hart mean for virtualization. Interrupts that the host takes are apart from all
 * else: they are the host's own, whatever runs.
 *
 * @param exits traps that leave the guest for HS or HU, other than interrupts of the host
 * @param entries traps from below into the host's kernel, other than interrupts of the host: exits
 *     that it handles, system calls and page faults of its processes
 * @param timer interrupts of the host's timer, taken below its kernel
 * @param others other interrupts of the host, taken below its kernel
 */
public record ExitCounts(long exits, long entries, long timer, long others) {
  private static final long TIMER = Cause.INTERRUPT | Cause.SUPERVISOR_TIMER;

  /** Sums up what harts have counted. */
  public static ExitCounts of(List<TrapCounts.Kind> traps) {
    long exits = 0;
    long entries = 0;
    long timer = 0;
    long others = 0;
    for (TrapCounts.Kind trap : traps) {
      boolean hosts = trap.to() == Mode.HS && trap.cause() < 0;
      boolean below = trap.from() != Mode.HS && trap.from() != Mode.M;
      if (trap.from().guest() && !hosts && (trap.to() == Mode.HS || trap.to() == Mode.HU)) {
        exits += trap.count();
      }
      if (trap.to() == Mode.HS && below) {
        if (!hosts) {
          entries += trap.count();
        } else if (trap.cause() == TIMER) {
          timer += trap.count();
        } else {
          others += trap.count();
        }
      }
    }
    return new ExitCounts(exits, entries, timer, others);
  }
}
