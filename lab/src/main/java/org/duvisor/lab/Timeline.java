package org.duvisor.lab;

import java.util.List;
import java.util.OptionalDouble;

/**
 * What was seen of one run: at each line of progress, how long the process had existed, the CPU
 * time it had used, and the iterations it had done.
 *
 * @param startNanos age of the process at the start line
 * @param samples in order
 */
record Timeline(long startNanos, List<Sample> samples) {
  /**
   * One line of progress.
   *
   * @param nanos age of the process
   * @param cpuNanos its CPU time, user and system, all threads
   * @param iterations done since the start line
   */
  record Sample(long nanos, long cpuNanos, long iterations) {}

  /**
   * Guest MIPS per CPU second between two times after the start line. Empty when there are no two
   * lines in that window.
   */
  OptionalDouble mips(InstructionCounts.Work work, long fromNanos, long toNanos) {
    List<Sample> window =
        samples.stream()
            .filter(s -> s.nanos >= startNanos + fromNanos && s.nanos <= startNanos + toNanos)
            .toList();
    if (window.size() < 2 || window.getLast().cpuNanos <= window.getFirst().cpuNanos) {
      return OptionalDouble.empty();
    }
    Sample first = window.getFirst();
    Sample last = window.getLast();
    return OptionalDouble.of(
        (last.iterations - first.iterations)
            * work.iteration()
            * 1e3
            / (last.cpuNanos - first.cpuNanos));
  }

  /** The same from the birth of the process, its boot included. */
  OptionalDouble mipsSinceBirth(InstructionCounts.Work work, long boot, long untilNanos) {
    return samples.stream()
        .filter(s -> s.nanos <= untilNanos && s.cpuNanos > 0)
        .reduce((_, last) -> last)
        .map(
            s ->
                OptionalDouble.of(
                    (boot + work.prepare() + s.iterations * work.iteration()) * 1e3 / s.cpuNanos))
        .orElse(OptionalDouble.empty());
  }
}
