package org.duvisor.hypervisor.sbi;

import java.util.HashMap;
import java.util.Map;
import java.util.function.LongSupplier;
import org.duvisor.hypervisor.vcpu.FirmwareEvent;
import org.duvisor.hypervisor.vcpu.Vcpu;
import org.duvisor.isa.Csr;
import org.duvisor.platform.FastExits;
import org.jspecify.annotations.Nullable;

/**
 * The events that a vCPU's PMU can count, by event_idx (SBI 3.0, sections 11.2 to 11.6), and how
 * often each has occurred, seen by the hypervisor or answered by the platform.
 */
final class PmuEvents {
  static final long CYCLES = 1;
  static final long INSTRUCTIONS = 2;

  private static final long FIRMWARE = 0xf << 16;

  private final Map<Long, LongSupplier> events = new HashMap<>();

  /** Firmware events, and those of hardware if it counts the guest alone. */
  PmuEvents(Vcpu vcpu, FastExits fastExits, boolean hardware) {
    if (hardware) {
      events.put(CYCLES, () -> vcpu.hart().csr(Csr.CYCLE));
      events.put(INSTRUCTIONS, () -> vcpu.hart().csr(Csr.INSTRET));
    }
    for (FirmwareEvent e : FirmwareEvent.values()) {
      LongSupplier fast = fast(e, fastExits);
      events.put(FIRMWARE | e.code(), () -> vcpu.counted(e) + fast.getAsLong());
    }
  }

  private static LongSupplier fast(FirmwareEvent event, FastExits fastExits) {
    return switch (event) {
      case SET_TIMER -> () -> fastExits.count(FastExits.Kind.SBI_TIMER);
      case IPI_SENT -> fastExits::posts;
      case IPI_RECEIVED -> () -> fastExits.count(FastExits.Kind.IPI);
      default -> () -> 0; // the fences that a platform answers are the caller's own
    };
  }

  /** The count of an event, or null when there is no such event here; its data are all 0. */
  @Nullable LongSupplier find(long event, long data) {
    return data == 0 ? events.get(event) : null;
  }

  static boolean isFirmware(long event) {
    return event >>> 16 == FIRMWARE >>> 16;
  }
}
