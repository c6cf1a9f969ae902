package org.duvisor.hypervisor.vm;

import java.util.List;
import org.duvisor.hypervisor.exit.ExitKind;
import org.duvisor.platform.FastExits;

/**
 * Counters of a VM, all vCPUs together, since it was made.
 *
 * @param exits one for each kind that occurred
 * @param fast those that the platform answered without the hypervisor
 * @param leaves stage-2 leaves of 4 KiB, 2 MiB and 1 GiB
 */
public record VmStats(List<Row> exits, List<Fast> fast, List<Long> leaves) {
  /**
   * One kind of exit.
   *
   * @param nanoseconds time spent in handling, 0 when not measured
   */
  public record Row(ExitKind kind, long count, long nanoseconds) {}

  /** One kind of exit that the platform answered itself. */
  public record Fast(FastExits.Kind kind, long count) {}

  /** All lists are copied. */
  public VmStats {
    exits = List.copyOf(exits);
    fast = List.copyOf(fast);
    leaves = List.copyOf(leaves);
  }

  /** How many exits of a kind. */
  public long count(ExitKind kind) {
    return exits.stream().filter(r -> r.kind == kind).mapToLong(Row::count).sum();
  }

  /** A table for a person; without times where none were measured. */
  public String text() {
    boolean timed = exits.stream().anyMatch(r -> r.nanoseconds > 0);
    StringBuilder out = new StringBuilder("%-16s %12s".formatted("exit", "count"));
    out.append(timed ? " %14s %10s%n".formatted("ns", "ns/exit") : "\n");
    for (Row r : exits) {
      long each = r.nanoseconds / Math.max(1, r.count);
      out.append("%-16s %12d".formatted(r.kind, r.count));
      out.append(timed ? " %14d %10d%n".formatted(r.nanoseconds, each) : "\n");
    }
    for (Fast f : fast) {
      out.append("%-16s %12d      (fast)%n".formatted(f.kind, f.count));
    }
    out.append(
        "stage-2 leaves: %d of 4 KiB, %d of 2 MiB, %d of 1 GiB%n"
            .formatted(leaves.get(0), leaves.get(1), leaves.get(2)));
    return out.toString();
  }
}
