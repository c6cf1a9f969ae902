package org.duvisor.machine;

import java.util.ArrayList;
import java.util.List;
import org.duvisor.isa.Cause;

/**
 * How often a hart has trapped: by the mode it was in, the mode it went to, and the cause. A trap
 * to HS that is reflected (docs/dv-ext.md, section 6) is one trap, from the guest to HS. The hart's
 * thread counts; who reads from another one while the hart runs may miss the latest.
 */
public final class TrapCounts {
  private static final int MODES = Mode.values().length;
  private static final int CODES = 64;
  private static final int CAUSES = 2 * CODES;

  private final long[] counts;
  private long all;

  TrapCounts() {
    this(new long[MODES * MODES * CAUSES]);
  }

  private TrapCounts(long[] counts) {
    this.counts = counts;
  }

  /**
   * One kind of trap.
   *
   * @param from where the hart was
   * @param to where it went
   * @param cause as in a cause register, interrupt flag included
   * @param count how often, at least once
   */
  public record Kind(Mode from, Mode to, long cause, long count) {}

  void add(Mode from, Mode to, long cause) {
    all++;
    counts[index(from, to, cause)]++;
  }

  private static int index(Mode from, Mode to, long cause) {
    int number = (int) (cause & CODES - 1) + (cause < 0 ? CODES : 0);
    return (from.ordinal() * MODES + to.ordinal()) * CAUSES + number;
  }

  /** How often a trap of this kind was taken. */
  public long of(Mode from, Mode to, long cause) {
    return counts[index(from, to, cause)];
  }

  /** How often any trap was taken since power-on; not kept by copies. */
  long all() {
    return all;
  }

  /** How often a mode was entered from others. */
  public long entries(Mode to) {
    long sum = 0;
    for (Mode from : Mode.values()) {
      int first = index(from, to, 0);
      for (int i = first; from != to && i < first + CAUSES; i++) {
        sum += counts[i];
      }
    }
    return sum;
  }

  /** A copy that stays as it is. */
  public TrapCounts copy() {
    return new TrapCounts(counts.clone());
  }

  /** What has come since {@code earlier}, a copy of the same counts. */
  public TrapCounts since(TrapCounts earlier) {
    long[] difference = counts.clone();
    for (int i = 0; i < difference.length; i++) {
      difference[i] -= earlier.counts[i];
    }
    return new TrapCounts(difference);
  }

  /** All that were taken at least once, by from, to and cause. */
  public List<Kind> kinds() {
    List<Kind> kinds = new ArrayList<>();
    for (Mode from : Mode.values()) {
      for (Mode to : Mode.values()) {
        for (int number = 0; number < CAUSES; number++) {
          long cause = number < CODES ? number : Cause.INTERRUPT | number - CODES;
          long count = of(from, to, cause);
          if (count != 0) {
            kinds.add(new Kind(from, to, cause, count));
          }
        }
      }
    }
    return kinds;
  }
}
