package org.duvisor.hypervisor.exit;

import java.util.Arrays;

/**
 * Counters and the last exits of one vCPU. Plain fields written by its thread; others may read
 * them, and see a slightly older state.
 */
public final class ExitStats {
  private static final int KEPT = 16;

  private final long[] counts = new long[ExitKind.values().length];
  private final long[] nanos = new long[ExitKind.values().length];

  /** Causes and addresses, in turn. */
  private final long[] last = new long[2 * KEPT];

  private long next;

  void exit(long cause, long pc) {
    int slot = 2 * ((int) next++ & KEPT - 1);
    last[slot] = cause;
    last[slot + 1] = pc;
  }

  void handled(ExitKind kind) {
    counts[kind.ordinal()]++;
  }

  void time(ExitKind kind, long nanoseconds) {
    nanos[kind.ordinal()] += nanoseconds;
  }

  void clear() {
    Arrays.fill(counts, 0);
    Arrays.fill(nanos, 0);
    next = 0;
  }

  /** How many exits there were of a kind. */
  public long count(ExitKind kind) {
    return counts[kind.ordinal()];
  }

  /** Nanoseconds spent in handling them; 0 when time is not measured. */
  public long nanoseconds(ExitKind kind) {
    return nanos[kind.ordinal()];
  }

  /** The last exits, the latest first, a line each. */
  String history() {
    StringBuilder out = new StringBuilder();
    for (int i = 1; i <= Math.min(KEPT, next); i++) {
      int slot = 2 * ((int) next - i & KEPT - 1);
      out.append("  ucause %016x at pc %016x%n".formatted(last[slot], last[slot + 1]));
    }
    return out.toString();
  }
}
