package org.duvisor.hypervisor.vcpu;

/**
 * How a VM ends, told by whatever notices first; later calls change nothing. May be called from any
 * thread.
 */
public interface Power {
  /** The guest switched itself off. */
  void poweroff();

  /**
   * The guest asked for a restart.
   *
   * @param warm with the processor alone, not the devices (SBI 3.0, section 10.1)
   */
  void reboot(boolean warm);

  /**
   * The guest says that it failed.
   *
   * @param code what it said about it, 1 when nothing
   */
  void fail(int code);

  /**
   * The VM cannot go on.
   *
   * @param report text for a person: what happened, and the state of the vCPU
   */
  void crash(String report);

  /** The heap of this process is full. Allocates nothing. */
  void outOfMemory();

  /**
   * The host cannot give what the VM was configured with.
   *
   * @param why one line for a person
   */
  void refuse(String why);

  /** The driver closed or killed the VM. */
  void gone();
}
