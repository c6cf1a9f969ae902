package org.duvisor.hypervisor.vcpu;

import java.util.concurrent.atomic.AtomicReference;

/**
 * The state of a hart in SBI's Hart State Management (SBI 3.0, chapter 9). All methods are for any
 * thread.
 */
public final class Hsm {
  /** The states in use; stopping, suspending and resuming take no time here. */
  public enum State {
    /** Runs. */
    STARTED(0),
    /** Does not run until somebody starts it. */
    STOPPED(1),
    /** Was told to start, and has not yet. */
    START_PENDING(2),
    /** Waits for an interrupt in hart_suspend. */
    SUSPENDED(4);

    private final int number;

    State(int number) {
      this.number = number;
    }

    /** The number in SBI. */
    public int number() {
      return number;
    }
  }

  /** A state, and for START_PENDING where to start. One value, so that a start is seen whole. */
  private record At(State state, long address, long opaque) {
    At(State state) {
      this(state, 0, 0);
    }
  }

  private static final At STOPPED = new At(State.STOPPED);
  private static final At STARTED = new At(State.STARTED);
  private static final At SUSPENDED = new At(State.SUSPENDED);

  private final AtomicReference<At> at = new AtomicReference<>(STOPPED);

  /** The state now. */
  public State state() {
    return at.get().state;
  }

  /**
   * A start is asked for; the hart's thread must be kicked afterwards.
   *
   * @return false when the hart is not stopped, and nothing changed
   */
  public boolean start(long address, long opaque) {
    return at.compareAndSet(STOPPED, new At(State.START_PENDING, address, opaque));
  }

  /** Back to the initial state, before the VM boots again. */
  public void reset() {
    at.set(STOPPED);
  }

  /** Suspended or not any more; for the hart itself. */
  public void suspended(boolean suspended) {
    at.set(suspended ? SUSPENDED : STARTED);
  }

  boolean isStartPending() {
    return at.get().state == State.START_PENDING;
  }

  boolean isRunning() {
    State s = state();
    return s == State.STARTED || s == State.SUSPENDED;
  }

  long address() {
    return at.get().address;
  }

  long opaque() {
    return at.get().opaque;
  }

  void started() {
    at.set(STARTED);
  }

  void stopped() {
    at.set(STOPPED);
  }
}
