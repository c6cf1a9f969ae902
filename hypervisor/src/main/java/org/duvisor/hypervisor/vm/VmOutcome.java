package org.duvisor.hypervisor.vm;

/** How the run of a VM ended. */
public sealed interface VmOutcome {
  /** The guest switched itself off. */
  record Poweroff() implements VmOutcome {}

  /**
   * The guest asked for a restart, and the VM is not to restart.
   *
   * @param warm a warm one, which is never followed: it is what a Linux with {@code
   *     reboot=panic_warm} asks for after a panic
   */
  record Reboot(boolean warm) implements VmOutcome {}

  /**
   * The guest ended with a failure of its own.
   *
   * @param code 1..65535
   */
  record Failed(int code) implements VmOutcome {}

  /**
   * The VM could not go on.
   *
   * @param report what happened and the state of the vCPU, several lines
   */
  record Crashed(String report) implements VmOutcome {}

  /**
   * The host did not give what the VM was configured with; it has not run.
   *
   * @param why one line
   */
  record Refused(String why) implements VmOutcome {}

  /** The VM was stopped from outside. */
  record Killed() implements VmOutcome {}
}
