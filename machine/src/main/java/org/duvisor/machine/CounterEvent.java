package org.duvisor.machine;

import org.jspecify.annotations.Nullable;

/**
 * What performance counters count (docs/counters.md), by its number in mhpmevent: those of QEMU's
 * virt board where it has the event, and else our own.
 */
public enum CounterEvent {
  /** Cycles: an instruction takes one. */
  CYCLE(0x1),
  /** Instructions retired. */
  INSTRUCTION(0x2),
  /** Loads that missed the TLB. */
  DTLB_READ_MISS(0x10019),
  /** Stores and atomic operations that did. */
  DTLB_WRITE_MISS(0x1001b),
  /** Fetches that did. */
  ITLB_MISS(0x10021),
  /** Translations by page tables, of one stage or both. */
  WALK(0x101),
  /** Traps, interrupts among them. */
  TRAP(0x102),
  /** Traps from V=1 to V=0. */
  GUEST_EXIT(0x103),
  /** Interrupts taken. */
  INTERRUPT(0x104);

  private static final CounterEvent[] ALL = values();

  private final int number;

  CounterEvent(int number) {
    this.number = number;
  }

  /** In mhpmevent. */
  public int number() {
    return number;
  }

  /** Whether the number is also the one by which software asks SBI for the event. */
  public boolean isOfSbi() {
    return this.compareTo(WALK) < 0;
  }

  /** The counters that can count it, a bit each. */
  public int counters() {
    int chosen = (1 << Counters.CHOSEN) - 1 << Counters.FIRST;
    return switch (this) {
      case CYCLE -> chosen | 1 << Counters.CYCLE;
      case INSTRUCTION -> chosen | 1 << Counters.INSTRET;
      default -> chosen;
    };
  }

  /** The event of this number, null for none. */
  static @Nullable CounterEvent of(long number) {
    for (CounterEvent e : ALL) {
      if (e.number == number) {
        return e;
      }
    }
    return null;
  }
}
