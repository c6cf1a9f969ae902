package org.duvisor.machine.testing;

/**
 * A trap that reached the M-mode handler of {@link TestMachine}: the CSRs as the handler found
 * them.
 *
 * @param mtval2 guest-physical address &gt;&gt; 2 of a guest-page fault
 */
public record TrapRecord(
    long mcause, long mepc, long mtval, long mtval2, long mtinst, long mstatus) {
  static final int BYTES = 48;

  /** Privilege the trap came from: mstatus.MPP. */
  public int privilege() {
    return (int) (mstatus >>> 11) & 3;
  }

  /** Virtualization mode the trap came from: mstatus.MPV. */
  public boolean virtual() {
    return (mstatus >>> 39 & 1) != 0;
  }

  /** Whether mtval is a guest-virtual address: mstatus.GVA. */
  public boolean guestAddress() {
    return (mstatus >>> 38 & 1) != 0;
  }
}
