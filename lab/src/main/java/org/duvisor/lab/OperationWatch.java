package org.duvisor.lab;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToLongFunction;
import org.duvisor.devices.images.ElfImage;
import org.duvisor.isa.Cause;
import org.duvisor.machine.Hart;
import org.duvisor.machine.Mode;
import org.duvisor.machine.ModeListener;
import org.jspecify.annotations.Nullable;

/**
 * Measures the operations of the guest of guest/micro from outside, on the harts that run it: from
 * the trap, or the return of a trap, at an operation's first symbol to its end. Instructions of the
 * harts, or time.
 */
final class OperationWatch implements ModeListener {
  /**
   * One occurrence.
   *
   * @param total from start to end
   * @param by how much of it in each mode, by its ordinal; empty when it ended on another hart
   */
  record Sample(long total, long[] by) {}

  private static final int MODES = Mode.values().length;
  private static final long[] UNKNOWN = {};
  private static final int MAX_HARTS = 256;

  /** What a hart has spent in each mode. */
  private static final class Account {
    final long[] spent = new long[MODES];
    Mode mode = Mode.M;
    long since;

    void change(Mode to, long now) {
      spent[mode.ordinal()] += now - since;
      mode = to;
      since = now;
    }
  }

  /** An operation that may be under way; the guest does one at a time. */
  private static final class Watched {
    final Operation operation;
    final long start;
    final long end;
    final List<Sample> samples = new ArrayList<>();
    boolean begun;
    int hart;
    long own;
    long shared;
    long[] before = UNKNOWN;

    Watched(Operation operation, long start, long end) {
      this.operation = operation;
      this.start = start;
      this.end = end;
    }
  }

  private final ToLongFunction<Hart> own;
  private final ToLongFunction<Hart> shared;
  private final List<Watched> operations = new ArrayList<>();
  private final Account[] accounts = new Account[MAX_HARTS];
  private final Map<Long, Runnable> actions = new HashMap<>();
  private boolean filesSeen;
  private @Nullable Watched latest;

  /**
   * A watch.
   *
   * @param guest the guest, for its symbols
   * @param own what passes on a hart, such as its instructions
   * @param shared the time of a hart in the same unit, comparable between harts; what is shorter
   *     than they compare may seem to end before it began, and is 0 then
   * @throws LabException when the guest lacks a symbol
   */
  OperationWatch(ElfImage guest, ToLongFunction<Hart> own, ToLongFunction<Hart> shared) {
    this.own = own;
    this.shared = shared;
    Arrays.setAll(accounts, _ -> new Account());
    for (Operation o : Operation.values()) {
      operations.add(
          new Watched(o, address(guest, o.start), o.isInterrupt() ? -1 : address(guest, o.end)));
    }
  }

  /** Has something done whenever the guest goes on at a symbol after a trap. */
  void at(ElfImage guest, String symbol, Runnable action) {
    actions.put(address(guest, symbol), action);
  }

  private static long address(ElfImage guest, String symbol) {
    return guest
        .symbol(symbol)
        .orElseThrow(() -> new LabException("the guest has no symbol " + symbol));
  }

  /** What was measured since the last time, in order. */
  synchronized Map<Operation, List<Sample>> take() {
    Map<Operation, List<Sample>> taken = new EnumMap<>(Operation.class);
    for (Watched w : operations) {
      taken.put(w.operation, List.copyOf(w.samples));
      w.samples.clear();
      w.begun = false;
    }
    filesSeen = false;
    return taken;
  }

  /** The operation that ended last, with how often it was seen. */
  synchronized String latest() {
    Watched w = latest;
    return w == null ? "none" : w.operation + ", " + w.samples.size() + " times";
  }

  /** Whether guests have had interrupt files of the harts since the last {@link #take}. */
  synchronized boolean filesSeen() {
    return filesSeen;
  }

  @Override
  public synchronized void trapped(Hart hart, Mode from, Mode to, long cause, long epc) {
    long now = own.applyAsLong(hart);
    account(hart).change(to, now);
    if (!from.guest()) {
      return;
    }
    if (!to.guest()) {
      if (cause >= 0) {
        begin(hart, epc, true, now, 0);
      }
    } else if (cause >= 0) {
      end(hart, epc, -1, now, 0);
    } else {
      end(hart, -1, (int) (cause & ~Cause.INTERRUPT), now, 0);
    }
  }

  @Override
  public synchronized void returned(Hart hart, Mode to, long pc) {
    long now = own.applyAsLong(hart) + 1; // the return is over
    account(hart).change(to, now);
    if (to.guest()) {
      filesSeen |= hart.guestFile() != 0;
      end(hart, pc, -1, now, 1);
      begin(hart, pc, false, now, 1);
      Runnable action = actions.get(pc);
      if (action != null) {
        action.run();
      }
    }
  }

  private Account account(Hart hart) {
    return accounts[hart.id()];
  }

  private void begin(Hart hart, long pc, boolean traps, long now, int more) {
    for (Watched w : operations) {
      if (w.start == pc && w.operation.traps() == traps) {
        w.begun = true;
        w.hart = hart.id();
        w.own = now;
        w.shared = w.operation.isInterrupt() ? shared.applyAsLong(hart) + more : 0;
        w.before = account(hart).spent.clone();
      }
    }
  }

  /** Ends what ends here: at an address, or with an interrupt; the other is -1. */
  private void end(Hart hart, long pc, int interrupt, long now, int more) {
    for (Watched w : operations) {
      if (w.begun && w.end == pc && w.operation.interrupt == interrupt) {
        w.begun = false;
        latest = w;
        if (w.hart == hart.id()) {
          w.samples.add(new Sample(now - w.own, since(w.before, account(hart).spent)));
        } else if (w.operation.isInterrupt()) {
          long passed = shared.applyAsLong(hart) + more - w.shared;
          w.samples.add(new Sample(Math.max(0, passed), UNKNOWN)); // less than a turn
        } // else the vCPU has moved to another hart
      }
    }
  }

  private static long[] since(long[] before, long[] after) {
    long[] difference = after.clone();
    for (int i = 0; i < difference.length; i++) {
      difference[i] -= before[i];
    }
    return difference;
  }
}
