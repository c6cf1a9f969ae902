package org.duvisor.machine;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongSupplier;
import org.duvisor.devices.Snapshot;
import org.duvisor.machine.mem.Raw;
import org.jspecify.annotations.Nullable;

/**
 * How a hart hears of the world: its interrupt wires, the flag that makes it look up, and the
 * thread that sleeps for it. Any thread may drive wires and call {@link #signal}; the rest is for
 * the thread that runs the hart.
 */
final class Attention {
  private static final VarHandle WIRES;

  static {
    try {
      WIRES = MethodHandles.lookup().findVarHandle(Attention.class, "wires", long.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  @SuppressWarnings("unused") // by WIRES
  private volatile long wires;

  /** Host address of the flag: code that is not Java looks at it, too. */
  private final long wanted;

  private volatile @Nullable Thread sleeper;

  /** With its flag, a word of host memory, set: the hart shall look up when it starts. */
  Attention(long flag) {
    wanted = flag;
    want();
  }

  /** Drives a wire (bit of mip). */
  void wire(int bit, boolean level) {
    long mask = 1L << bit;
    long old =
        level
            ? (long) WIRES.getAndBitwiseOr(this, mask)
            : (long) WIRES.getAndBitwiseAnd(this, ~mask);
    if (level && (old & mask) == 0) {
      signal();
    }
  }

  /** The wires that are high. */
  long wires() {
    return wires;
  }

  /** Makes the hart look up soon, and wakes its thread. */
  void signal() {
    Raw.setVolatile(wanted, 1);
    Thread thread = sleeper;
    if (thread != null) {
      LockSupport.unpark(thread);
    }
  }

  /** Makes the hart look up before its next block. */
  void want() {
    Raw.word(wanted, 1);
  }

  /** Whether it is to look up. */
  boolean isWanted() {
    return Raw.loadAlignedLong(wanted) != 0;
  }

  /** Whether it was to look up, which it does now. */
  boolean take() {
    boolean was = Raw.getVolatile(wanted) != 0;
    if (was) {
      Raw.setVolatile(wanted, 0);
    }
    return was;
  }

  /**
   * Blocks the calling thread until {@link #signal}, but no longer than {@code limit} says, in
   * nanoseconds, when the thread can be woken; not at all for 0 or less. May return early.
   */
  void sleep(LongSupplier limit) {
    sleeper = Thread.currentThread(); // before the look: a signal is seen there, or finds it here
    try {
      long nanos = limit.getAsLong();
      if (nanos > 0) {
        LockSupport.parkNanos(this, nanos);
      }
    } finally {
      sleeper = null;
    }
  }

  /** Saves or restores the wires and the flag. */
  void snapshot(Snapshot s) {
    WIRES.setVolatile(this, s.word(wires));
    Raw.setVolatile(wanted, s.flag(isWanted()) ? 1 : 0);
  }
}
