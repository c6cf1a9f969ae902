package org.duvisor.machine;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongSupplier;
import org.duvisor.devices.Snapshot;
import org.jspecify.annotations.Nullable;

/**
 * How a hart hears of the world: its interrupt wires, the flag that makes it look up, and the
 * thread that sleeps for it. Any thread may drive wires and call {@link #signal}; the rest is for
 * the thread that runs the hart.
 */
final class Attention {
  private static final VarHandle WIRES;
  private static final VarHandle WANTED;

  static {
    try {
      WIRES = MethodHandles.lookup().findVarHandle(Attention.class, "wires", long.class);
      WANTED = MethodHandles.lookup().findVarHandle(Attention.class, "wanted", boolean.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  @SuppressWarnings("unused") // by WIRES
  private volatile long wires;

  @SuppressWarnings({"FieldMayBeFinal", "unused"}) // by WANTED
  private boolean wanted = true;

  private volatile @Nullable Thread sleeper;

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
    WANTED.setVolatile(this, true);
    Thread thread = sleeper;
    if (thread != null) {
      LockSupport.unpark(thread);
    }
  }

  /** Makes the hart look up before its next block. */
  void want() {
    WANTED.setOpaque(this, true);
  }

  /** Whether it is to look up. */
  boolean isWanted() {
    return (boolean) WANTED.getOpaque(this);
  }

  /** Whether it was to look up, which it does now. */
  boolean take() {
    boolean was = (boolean) WANTED.getVolatile(this);
    if (was) {
      WANTED.setVolatile(this, false);
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
    WANTED.setVolatile(this, s.flag(isWanted()));
  }
}
