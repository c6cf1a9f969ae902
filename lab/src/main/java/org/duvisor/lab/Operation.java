package org.duvisor.lab;

import java.util.Optional;
import org.duvisor.isa.Cause;

/**
 * What the guest of guest/micro does, in the order of the table.
 *
 * <p>An operation starts and ends at symbols of that guest: {@code op_} where it traps to the
 * hypervisor, {@code begin_} where it goes on after a trap of its own, {@code end_} where it goes
 * on, or traps by itself, afterwards; or it ends with an interrupt of the guest.
 */
public enum Operation {
  NULL_CALL("null SBI call", "op_null", "end_null", new Published(618, 214)),
  PROBE("SBI probe", "op_probe", "end_probe"),
  MMIO_READ("MMIO read", "op_mmio_read", "end_mmio_read", new Published(4758, 494)),
  MMIO_WRITE("MMIO write", "op_mmio_write", "end_mmio_write"),
  DOORBELL("virtio doorbell", "op_doorbell", "end_doorbell"),
  WFI("WFI, something pending", "op_wfi", "end_wfi"),
  SET_TIMER("timer by SBI", "op_set_timer", "end_set_timer"),
  STIMECMP("timer by stimecmp", "begin_stimecmp", "end_stimecmp"),
  IPI_SELF("IPI to itself, SBI", "op_ipi_self", Cause.SUPERVISOR_SOFTWARE),
  AIA_SELF("IPI to itself, AIA", "begin_aia_self", Cause.SUPERVISOR_EXTERNAL),
  IPI_SEND("IPI to a peer, SBI: sender", "op_ipi_peer", "end_ipi_peer"),
  IPI_PEER(
      "IPI to a peer, SBI", "op_ipi_peer", Cause.SUPERVISOR_SOFTWARE, new Published(4692, 147)),
  AIA_PEER(
      "IPI to a peer, AIA", "begin_aia_peer", Cause.SUPERVISOR_EXTERNAL, new Published(4692, 147)),
  UART_INTERRUPT("external interrupt, from a write", "op_uart", Cause.SUPERVISOR_EXTERNAL),
  UART_ROUND("the same, whole round", "op_uart", "end_uart"),
  FAULT_2M("stage-2 fault, 2 MiB leaf", "op_fault_coarse", "op_fault_coarse"),
  FAULT_4K("stage-2 fault, 4 KiB leaf", "op_fault_fine", "op_fault_fine", new Published(6344, 694));

  /**
   * Means of the published system's evaluation (OSDI 2023, figure 6), in cycles of its hardware.
   */
  record Published(int kvm, int duvisor) {}

  final String title;
  final String start;

  /** A symbol, or nothing. */
  final String end;

  /** The interrupt that ends it when there is no symbol. */
  final int interrupt;

  @SuppressWarnings("ImmutableEnumChecker") // an Optional of a record does not change
  final Optional<Published> published;

  Operation(String title, String start, String end) {
    this(title, start, end, -1, Optional.empty());
  }

  Operation(String title, String start, String end, Published published) {
    this(title, start, end, -1, Optional.of(published));
  }

  Operation(String title, String start, int interrupt) {
    this(title, start, "", interrupt, Optional.empty());
  }

  Operation(String title, String start, int interrupt, Published published) {
    this(title, start, "", interrupt, Optional.of(published));
  }

  Operation(String title, String start, String end, int interrupt, Optional<Published> published) {
    this.title = title;
    this.start = start;
    this.end = end;
    this.interrupt = interrupt;
    this.published = published;
  }

  /** Whether it starts with a trap to the hypervisor. */
  boolean traps() {
    return start.startsWith("op_");
  }

  /**
   * Whether it ends where it is answered, possibly on another hart; others end where they began.
   */
  boolean isInterrupt() {
    return interrupt >= 0;
  }
}
