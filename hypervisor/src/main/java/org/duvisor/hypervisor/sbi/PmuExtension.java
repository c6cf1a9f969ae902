package org.duvisor.hypervisor.sbi;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.function.LongSupplier;
import org.duvisor.hypervisor.stage2.GuestRam;
import org.duvisor.hypervisor.vcpu.Vcpu;
import org.duvisor.isa.Csr;
import org.duvisor.isa.CsrField;

/**
 * Performance Monitoring Unit (SBI 3.0, chapter 11), without snapshots. Counters have the numbers
 * that Linux knows: 0 is cycle, 2 is instret, and firmware counters, each for any event, follow.
 *
 * <p>The guest reads cycle and instret directly, as they are in the hart. Of one that is configured
 * here the hart withholds the register, and each read is an exit: only so can it have a value that
 * the guest sets, and stand still.
 */
final class PmuExtension implements Extension {
  /** EID. */
  private static final int ID = 0x504D55;

  /** By counter: the only event of a hardware counter; 0: there is no such counter. */
  private static final long[] HARDWARE = {PmuEvents.CYCLES, 0, PmuEvents.INSTRUCTIONS};

  private static final int COUNTERS = HARDWARE.length + 16;

  private static final long FIRMWARE_COUNTER = 1L << 63;
  private static final long WIDTH_64 = 63 << 12;

  private static final long SKIP_MATCH = 1;
  private static final long CLEAR_VALUE = 1 << 1;
  private static final long AUTO_START = 1 << 2;

  /** With the filters by mode, which are hints. */
  private static final long CONFIG_FLAGS = 0xff;

  private static final long SET_VALUE = 1;
  private static final long RESET = 1;
  private static final long SNAPSHOT = 1 << 1;
  private static final long START_STOP_FLAGS = 3;

  private static final ValueLayout.OfInt WORD =
      ValueLayout.JAVA_INT.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong DOUBLE =
      ValueLayout.JAVA_LONG.withOrder(ByteOrder.LITTLE_ENDIAN);

  /** Bytes of an entry of event_get_info: event_idx, output, event_data. */
  private static final int ENTRY = 16;

  private static final int EVENT_BITS = 20;

  /** The most entries of one call, so that a guest cannot keep its vCPU away from requests. */
  private static final long MOST = 1 << 16;

  /** No set of counters. */
  private static final long INVALID = -1;

  private final Vcpu vcpu;
  private final GuestRam ram;
  private final PmuEvents events;
  private final PmuCounter[] counters = new PmuCounter[COUNTERS];

  /** A bit for each counter. */
  private final long all;

  PmuExtension(Vcpu vcpu, GuestRam ram, PmuEvents events) {
    this.vcpu = vcpu;
    this.ram = ram;
    this.events = events;
    long valid = 0;
    for (int i = 0; i < COUNTERS; i++) {
      counters[i] = new PmuCounter();
      boolean there = isFirmware(i) || events.find(HARDWARE[i], 0) != null;
      valid |= there ? 1L << i : 0;
    }
    all = valid;
  }

  @Override
  public int id() {
    return ID;
  }

  @Override
  public void reset() {
    for (PmuCounter c : counters) {
      c.release();
      c.set(0);
    }
  }

  @Override
  public long call(long function, SbiCall call) {
    if (function < 0 || function > 8) {
      return SbiError.NOT_SUPPORTED;
    }
    return switch ((int) function) {
      case 0 -> call.succeed(COUNTERS);
      case 1 -> info(call, call.argument(0));
      case 2 -> configure(call);
      case 3 -> start(set(call), call.argument(2), call.argument(3));
      case 4 -> stop(set(call), call.argument(2));
      case 5 -> isFirmware(call.argument(0)) ? read(call) : SbiError.INVALID_PARAM;
      case 6 -> isFirmware(call.argument(0)) ? call.succeed(0) : SbiError.INVALID_PARAM;
      case 8 -> describe(call);
      default -> SbiError.NOT_SUPPORTED;
    };
  }

  /** What the guest gets from cycle, instret or another counter that the hart withholds. */
  long hardware(int csr) {
    int index = csr - Csr.CYCLE;
    return index < HARDWARE.length && counters[index].isConfigured() ? counters[index].value() : 0;
  }

  private static boolean isFirmware(long counter) {
    return counter >= HARDWARE.length && counter < COUNTERS;
  }

  /** The counters of a call, a bit each, or {@link #INVALID}. */
  private long set(SbiCall call) {
    long base = call.argument(0);
    long mask = call.argument(1);
    if (mask == 0) {
      return 0;
    }
    boolean fits = base >= 0 && base < COUNTERS && (mask << base) >>> base == mask;
    return fits && (mask << base & ~all) == 0 ? mask << base : INVALID;
  }

  private long info(SbiCall call, long counter) {
    if (isFirmware(counter)) {
      return call.succeed(FIRMWARE_COUNTER | WIDTH_64);
    }
    boolean there = counter >= 0 && counter < HARDWARE.length && (all >>> counter & 1) != 0;
    return there ? call.succeed(WIDTH_64 | Csr.CYCLE + counter) : SbiError.INVALID_PARAM;
  }

  private long read(SbiCall call) {
    return call.succeed(counters[(int) call.argument(0)].value());
  }

  private long configure(SbiCall call) {
    long set = set(call);
    long flags = call.argument(2);
    if (set == INVALID || (flags & ~CONFIG_FLAGS) != 0) {
      return SbiError.INVALID_PARAM;
    }
    LongSupplier source = events.find(call.argument(3), call.argument(4));
    int index =
        source == null
            ? -1
            : match((flags & SKIP_MATCH) != 0 ? Long.lowestOneBit(set) : set, call.argument(3));
    if (source == null || index < 0) {
      return SbiError.NOT_SUPPORTED;
    }
    PmuCounter counter = counters[index];
    counter.configure(source);
    if ((flags & CLEAR_VALUE) != 0) {
      counter.set(0);
    }
    if ((flags & AUTO_START) != 0) {
      counter.start();
    }
    show(index);
    return call.succeed(index);
  }

  /**
   * A counter that can count an event and does not count; rather one that is not configured, since
   * the guest may be about to start the others.
   */
  private int match(long set, long event) {
    int found = -1;
    for (long left = set; left != 0; left &= left - 1) {
      int i = Long.numberOfTrailingZeros(left);
      boolean can = isFirmware(i) ? PmuEvents.isFirmware(event) : HARDWARE[i] == event;
      if (can && !counters[i].isConfigured()) {
        return i;
      }
      if (can && !counters[i].isStarted() && found < 0) {
        found = i;
      }
    }
    return found;
  }

  /** Lets the guest read a hardware counter directly, or not. */
  private void show(int index) {
    if (!isFirmware(index)) {
      long direct = vcpu.hart().csr(Csr.HUCOUNTEREN);
      long shown = counters[index].isConfigured() ? 0 : 1;
      vcpu.hart().csr(Csr.HUCOUNTEREN, CsrField.set(direct, 1L << index, shown));
    }
  }

  private static long check(long set, long flags) {
    if (set == INVALID || (flags & ~START_STOP_FLAGS) != 0) {
      return SbiError.INVALID_PARAM;
    }
    return (flags & SNAPSHOT) != 0 ? SbiError.NO_SHMEM : SbiError.SUCCESS;
  }

  /** Starts those that can be, whatever the others are. */
  private long start(long set, long flags, long initial) {
    long error = check(set, flags);
    if (error != SbiError.SUCCESS) {
      return error;
    }
    for (long left = set; left != 0; left &= left - 1) {
      PmuCounter counter = counters[Long.numberOfTrailingZeros(left)];
      if (!counter.isConfigured()) {
        error = SbiError.INVALID_PARAM;
      } else if (counter.isStarted()) {
        error = SbiError.ALREADY_STARTED;
      } else {
        if ((flags & SET_VALUE) != 0) {
          counter.set(initial);
        }
        counter.start();
      }
    }
    return error;
  }

  /** Stops those that count, and resets all if told to: Linux resets counters that are stopped. */
  private long stop(long set, long flags) {
    long error = check(set, flags);
    if (error != SbiError.SUCCESS) {
      return error;
    }
    for (long left = set; left != 0; left &= left - 1) {
      int index = Long.numberOfTrailingZeros(left);
      if (!counters[index].stop()) {
        error = SbiError.ALREADY_STOPPED;
      }
      if ((flags & RESET) != 0) {
        counters[index].release();
        show(index);
      }
    }
    return error;
  }

  /** event_get_info: says of each entry whether there is such an event. */
  private long describe(SbiCall call) {
    long address = call.argument(0);
    long entries = call.argument(2);
    if (call.argument(3) != 0 || address % ENTRY != 0) {
      return SbiError.INVALID_PARAM;
    }
    if (entries == 0) {
      return SbiError.SUCCESS;
    }
    boolean fits = entries > 0 && entries <= Long.MAX_VALUE / ENTRY;
    if (call.argument(1) != 0 || !fits || !ram.contains(address, entries * ENTRY)) {
      return SbiError.INVALID_ADDRESS;
    }
    if (entries > MOST) {
      return SbiError.FAILED;
    }
    MemorySegment memory = ram.slice(address, entries * ENTRY);
    long error = describe(memory);
    ram.written(memory);
    return error;
  }

  private long describe(MemorySegment memory) {
    for (long at = 0; at < memory.byteSize(); at += ENTRY) {
      int event = memory.get(WORD, at);
      if (event >>> EVENT_BITS != 0) {
        return SbiError.INVALID_PARAM;
      }
      long data = PmuEvents.isFirmware(event) ? memory.get(DOUBLE, at + 8) : 0;
      memory.set(WORD, at + 4, events.find(event, data) == null ? 0 : 1);
    }
    return SbiError.SUCCESS;
  }
}
