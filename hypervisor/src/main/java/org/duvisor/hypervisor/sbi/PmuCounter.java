package org.duvisor.hypervisor.sbi;

import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/** A counter of the PMU: counts what it is configured for, from a start to a stop. */
final class PmuCounter {
  /** How often the event has occurred since ever; null when the counter is not configured. */
  private @Nullable LongSupplier event;

  private boolean started;

  /** The value; while it counts, without what the event has by now. */
  private long value;

  boolean isConfigured() {
    return event != null;
  }

  boolean isStarted() {
    return started;
  }

  /** For a counter that does not count. */
  void configure(LongSupplier source) {
    event = source;
  }

  /** Neither counts nor is configured any more; the value stays. */
  void release() {
    stop();
    event = null;
  }

  /** Sets the value of a counter that does not count. */
  void set(long initial) {
    value = initial;
  }

  /** Begins to count; whether it can and has not yet. */
  boolean start() {
    if (started || event == null) {
      return false;
    }
    value -= event.getAsLong();
    started = true;
    return true;
  }

  /** Ends to count; whether it has until now. */
  boolean stop() {
    if (!started) {
      return false;
    }
    value = value();
    started = false;
    return true;
  }

  long value() {
    return started && event != null ? value + event.getAsLong() : value;
  }
}
