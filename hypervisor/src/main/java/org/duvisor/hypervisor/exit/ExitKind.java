package org.duvisor.hypervisor.exit;

/**
 * What exits are counted as: the cause, and what was done about it where one cause has several
 * uses.
 */
public enum ExitKind {
  /** An SBI call. */
  SBI,
  /** A guest page fault filled by a stage-2 leaf. */
  STAGE2_FILL,
  /** A guest page fault whose leaf was there already. */
  STAGE2_SPURIOUS,
  /** A device register was read. */
  MMIO_READ,
  /** A device register was written. */
  MMIO_WRITE,
  /** WFI; its time is the time waited. */
  WFI,
  /** WRS.NTO: the guest spins, and another vCPU may need the hart; its time is the time given. */
  SPIN,
  /** A priority of a major interrupt was read or written. */
  PRIORITY,
  /** A performance counter was read that the PMU of SBI has, or that the host keeps to itself. */
  COUNTER,
  /** An IPI arrived. */
  IPI,
  /** A kick or a host interrupt. */
  HOST_EVENT,
  /** The guest got an exception for what it did. */
  INJECTED,
  /** A cause that is not expected. */
  UNEXPECTED
}
