package org.duvisor.hypervisor.vcpu;

/**
 * What a guest can have counted of its SBI calls and what comes of those of others (SBI 3.0,
 * section 11.6). Only what is counted to the last one: exceptions that the guest takes itself are
 * no events of the hypervisor.
 */
public enum FirmwareEvent {
  /** A call of set_timer. */
  SET_TIMER(5),
  /** An IPI to another hart, by send_ipi; one to three harts is three. */
  IPI_SENT(6),
  /** An IPI of another hart was taken; those that came together are one. */
  IPI_RECEIVED(7),
  /** A fence for another hart, as for IPIs; the same holds for the others. */
  FENCE_I_SENT(8),
  /** A fence for another hart was done here; the same holds for the others. */
  FENCE_I_RECEIVED(9),
  /** See {@link #FENCE_I_SENT}. */
  SFENCE_VMA_SENT(10),
  /** See {@link #FENCE_I_RECEIVED}. */
  SFENCE_VMA_RECEIVED(11),
  /** See {@link #FENCE_I_SENT}. */
  SFENCE_VMA_ASID_SENT(12),
  /** See {@link #FENCE_I_RECEIVED}. */
  SFENCE_VMA_ASID_RECEIVED(13);

  private final int code;

  FirmwareEvent(int code) {
    this.code = code;
  }

  /** The number in SBI. */
  public int code() {
    return code;
  }
}
