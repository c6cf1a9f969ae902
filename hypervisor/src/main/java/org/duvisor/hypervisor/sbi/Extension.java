package org.duvisor.hypervisor.sbi;

/** An SBI extension as one vCPU calls it. */
interface Extension {
  /** EID, as 32 bits. */
  int id();

  /**
   * Performs a call.
   *
   * @param function FID, a6
   * @param call arguments and result value
   * @return the error code for a0, one of {@link SbiError}
   */
  long call(long function, SbiCall call);

  /** The hart was reset: what its last life has set is as at the beginning. Its own thread. */
  default void reset() {}
}
