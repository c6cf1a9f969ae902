package org.duvisor.machine.board;

import java.util.Comparator;
import java.util.PriorityQueue;
import org.duvisor.devices.Timers;
import org.duvisor.machine.Clock;
import org.jspecify.annotations.Nullable;

/**
 * What is to be done at times of a board's own clock, which software cannot set: by a thread of the
 * board, between two turns of its harts, so that on a deterministic board all stand still and the
 * same happens each time. Any thread may add and cancel; where another thread than one of the board
 * adds while all harts of a parallel board sleep, it may be done a tenth of a second late.
 */
public final class EventQueue {
  private static final Comparator<Event> BY_TIME =
      Comparator.<Event>comparingLong(e -> e.at).thenComparingLong(e -> e.order);

  /** One thing to do. */
  public static final class Event {
    private final long at;
    private final long order;
    private final Runnable action;

    private Event(long at, long order, Runnable action) {
      this.at = at;
      this.order = order;
      this.action = action;
    }
  }

  private final Clock clock;
  private final PriorityQueue<Event> events = new PriorityQueue<>(BY_TIME);
  private long added;

  /** The time of the first one, to be looked at without the lock. */
  private volatile long first = Long.MAX_VALUE;

  EventQueue(Clock clock) {
    this.clock = clock;
  }

  /**
   * Has something done once.
   *
   * @param ticks of mtime from now on, at least 0
   * @return for {@link #cancel}
   */
  public synchronized Event after(long ticks, Runnable action) {
    if (ticks < 0) {
      throw new IllegalArgumentException("an event " + -ticks + " ticks ago");
    }
    long at = clock.now() + ticks;
    Event e = new Event(at < 0 ? Long.MAX_VALUE : at, added++, action);
    events.add(e);
    look();
    return e;
  }

  /** Forgets an event; false when it has begun, or was forgotten before. */
  public synchronized boolean cancel(Event e) {
    boolean was = events.remove(e);
    look();
    return was;
  }

  private void look() {
    Event next = events.peek();
    first = next == null ? Long.MAX_VALUE : next.at;
  }

  /** Does what is due, in the order of time; what that adds is left for the next call. */
  void runDue() {
    long now = clock.now();
    if (now < first) {
      return;
    }
    long end;
    synchronized (this) {
      end = added;
    }
    for (Event e = take(now, end); e != null; e = take(now, end)) {
      e.action.run();
    }
  }

  private synchronized @Nullable Event take(long now, long end) {
    Event e = events.peek();
    if (e == null || e.at > now || e.order >= end) {
      return null;
    }
    events.remove();
    look();
    return e;
  }

  /** Ticks until something is due, 0 when it is; {@link Long#MAX_VALUE} when there is nothing. */
  long ticksToNext() {
    long at = first;
    return at == Long.MAX_VALUE ? at : Math.max(0, at - clock.now());
  }

  /** Timers of devices in this time. */
  Timers timers() {
    return task ->
        new Timers.Timer() {
          private @Nullable Event event;

          @Override
          public synchronized void set(long nanos) {
            cancel();
            event = after(Math.ceilDiv(nanos, Clock.NANOS), task);
          }

          @Override
          public synchronized void cancel() {
            if (event != null) {
              EventQueue.this.cancel(event);
              event = null;
            }
          }
        };
  }
}
