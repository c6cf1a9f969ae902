package org.duvisor.machine;

import java.util.Arrays;
import org.duvisor.isa.Cause;
import org.duvisor.isa.Csr;
import org.duvisor.isa.Extension;
import org.jspecify.annotations.Nullable;

/**
 * The counters of a hart: mcycle, minstret and mhpmcounter3 to 10, with the filters by mode of
 * Smcntrpmf and Sscofpmf and the overflow interrupt of the latter (docs/counters.md).
 *
 * <p>Each event has a number that only grows, for instructions {@link Hart#retired}; counters are
 * brought up to date when somebody looks, before anything changes what they count, and when one
 * overflows. So counting costs an instruction nothing. Other events happen on slow paths.
 *
 * <p>Translated code does not know how many instructions have retired when it traps or returns. So
 * a change of mode, if it concerns any counter, only asks for attention: the engine stops before
 * the first instruction in the new mode, and what there is to count belongs to the old one.
 */
final class Counters {
  /** Number of mcycle. */
  static final int CYCLE = 0;

  /** Number of minstret. */
  static final int INSTRET = 2;

  /** Number of the first counter whose event can be chosen. */
  static final int FIRST = 3;

  /** How many of these there are. */
  static final int CHOSEN = 8;

  private static final int COUNT = FIRST + CHOSEN;
  private static final int EVENTS = CounterEvent.values().length;
  private static final long NEVER = Long.MAX_VALUE;

  private static final long OF = Csr.MHPMEVENT3_OF;
  private static final long EVENT = Csr.MHPMEVENT3_EVENT;

  /** VUINH, from which those of VS, U, S and M go up (Sscofpmf, "Machine CSRs"). */
  private static final long VUINH = Csr.MHPMEVENT3_VUINH;

  private static final long FILTERS =
      VUINH
          | Csr.MHPMEVENT3_VSINH
          | Csr.MHPMEVENT3_UINH
          | Csr.MHPMEVENT3_SINH
          | Csr.MHPMEVENT3_MINH;

  private final Hart h;
  private final HartState state;
  private final boolean overflows;

  /** How often each event has happened since power-on. */
  private final long[] happened = new long[EVENTS];

  /** How many of these the counters know of. */
  private final long[] known = new long[EVENTS];

  /** What {@link #happened} is when a counter overflows. */
  private final long[] limits = new long[EVENTS];

  // What the CSRs and the mode came to at the last refresh.
  private final int[] events = new int[COUNT];
  private int active; // a bit for each counter that counts
  private boolean filtered; // a change of mode may change that
  private long deadline = NEVER;

  /** Something has happened that counters do not know of and should. */
  private boolean due;

  Counters(Hart h) {
    this.h = h;
    this.state = h.state;
    this.overflows = h.config.extensions().has(Extension.SSCOFPMF);
  }

  /** The words of the state are new: what has happened before is in them. */
  void restart() {
    retire(h.retired);
    System.arraycopy(happened, 0, known, 0, EVENTS);
    due = false;
    refresh();
  }

  /** The words of the state are to be saved: what has happened is to be in them. */
  void saved() {
    account(h.retired);
  }

  /** The words of the state have been restored, and {@link Hart#retired}. */
  void restored() {
    happened[CounterEvent.INSTRUCTION.ordinal()] = 0;
    restart();
  }

  // ---- what happens

  /** An event that is none of instructions. */
  void happens(CounterEvent event) {
    int e = event.ordinal();
    if (++happened[e] >= limits[e]) {
      settleSoon();
    }
  }

  /** The hart is in another mode, and has executed nothing in it. */
  void modeChanged() {
    if (filtered) {
      settleSoon();
    }
  }

  private void settleSoon() {
    due = true;
    h.attend();
  }

  /** How many instructions may retire before {@link #settle}, as {@link Hart#retired}. */
  long deadline() {
    return deadline;
  }

  /** To be called between blocks, when {@link Hart#retired} is exact. */
  void settle() {
    if (due || h.retired >= deadline) {
      due = false;
      account(h.retired);
      refresh();
    }
  }

  // ---- CSRs

  /** The value of a counter. */
  long read(int counter) {
    account(h.retired);
    return value(counter);
  }

  /** Sets a counter; the instruction that does is not counted (privileged spec 3.1.11). */
  void write(int counter, long value) {
    account((active >>> counter & 1) != 0 ? h.retired + 1 : h.retired);
    value(counter, value);
    reconfigured();
  }

  /** mhpmevent. */
  long readEvent(int index) {
    account(h.retired);
    return state.mhpmevent(index);
  }

  /** Sets mhpmevent; a number that is no event's becomes 0, which is none. */
  void writeEvent(int index, long value) {
    account(h.retired);
    state.mhpmevent(index, CounterEvent.of(value & EVENT) == null ? value & ~EVENT : value);
    reconfigured();
  }

  /** The counters that have overflowed: a bit for each whose OF is set. */
  long overflowed() {
    account(h.retired);
    long all = 0;
    for (int i = 0; i < CHOSEN; i++) {
      all |= (state.mhpmevent(i) >>> 63) << FIRST + i;
    }
    return all;
  }

  /** mcountinhibit, mcyclecfg or minstretcfg has been written. */
  void changed() {
    account(h.retired);
    reconfigured();
  }

  private void reconfigured() {
    refresh();
    h.attend(); // the deadline may be nearer than the one that the engine runs to
  }

  private long value(int counter) {
    return switch (counter) {
      case CYCLE -> state.mcycle();
      case INSTRET -> state.minstret();
      default -> state.mhpmcounter(counter - FIRST);
    };
  }

  private void value(int counter, long value) {
    switch (counter) {
      case CYCLE -> state.mcycle(value);
      case INSTRET -> state.minstret(value);
      default -> state.mhpmcounter(counter - FIRST, value);
    }
  }

  // ---- counting

  /** Never less than before: an instruction may have been counted while it is still executed. */
  private void retire(long instructions) {
    long most = Math.max(happened[CounterEvent.INSTRUCTION.ordinal()], instructions);
    happened[CounterEvent.INSTRUCTION.ordinal()] = most;
    happened[CounterEvent.CYCLE.ordinal()] = most;
  }

  /** Brings the counters up to date, by what the last refresh found. */
  private void account(long instructions) {
    retire(instructions);
    for (int left = active; left != 0; left &= left - 1) {
      int counter = Integer.numberOfTrailingZeros(left);
      int event = events[counter];
      long old = value(counter);
      long now = old + happened[event] - known[event];
      value(counter, now);
      if (Long.compareUnsigned(now, old) < 0 && counter >= FIRST) {
        overflow(counter - FIRST);
      }
    }
    System.arraycopy(happened, 0, known, 0, EVENTS);
  }

  /** OF holds back further interrupts until software clears it (Sscofpmf, "Machine CSRs"). */
  private void overflow(int index) {
    long event = state.mhpmevent(index);
    if (overflows && (event & OF) == 0) {
      state.mhpmevent(index, event | OF);
      h.csrs.setSoftPending(1L << Cause.COUNTER_OVERFLOW, 1L << Cause.COUNTER_OVERFLOW);
      due = true; // the limit that this was is one no more
    }
  }

  /** Finds out who counts what, and when the next one overflows. */
  private void refresh() {
    active = 0;
    filtered = false;
    Arrays.fill(limits, NEVER);
    long inhibit = VUINH << (h.v ? 0 : 2) + (h.priv == Hart.M ? 2 : h.priv);
    for (int counter = 0; counter < COUNT; counter++) {
      CounterEvent event = event(counter);
      if (event == null || (state.mcountinhibit() >>> counter & 1) != 0) {
        continue;
      }
      long config = config(counter);
      filtered |= (config & FILTERS) != 0;
      if ((config & inhibit) == 0) {
        int e = event.ordinal();
        active |= 1 << counter;
        events[counter] = e;
        if (counter >= FIRST && overflows && (config & OF) == 0) {
          limits[e] = Math.min(limits[e], overflowAt(happened[e], value(counter)));
        }
      }
    }
    deadline =
        Math.min(limits[CounterEvent.CYCLE.ordinal()], limits[CounterEvent.INSTRUCTION.ordinal()]);
  }

  private static long overflowAt(long happened, long value) {
    long left = -value; // unsigned
    return left > 0 && happened + left > 0 ? happened + left : NEVER;
  }

  private @Nullable CounterEvent event(int counter) {
    return switch (counter) {
      case CYCLE -> CounterEvent.CYCLE;
      case INSTRET -> CounterEvent.INSTRUCTION;
      case CYCLE + 1 -> null; // time is no counter of the hart
      default -> CounterEvent.of(config(counter) & EVENT);
    };
  }

  private long config(int counter) {
    return switch (counter) {
      case CYCLE -> state.mcyclecfg();
      case INSTRET -> state.minstretcfg();
      default -> state.mhpmevent(counter - FIRST);
    };
  }
}
