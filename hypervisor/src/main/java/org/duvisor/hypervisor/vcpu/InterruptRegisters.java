package org.duvisor.hypervisor.vcpu;

import org.duvisor.isa.Csr;
import org.duvisor.platform.HuHart;

/** The registers of the interrupt file that hustatus.VGEIN selects (AIA 3.8), by huvsiselect. */
final class InterruptRegisters {
  private static final int EIDELIVERY = 0x70;
  private static final int LAST = 0xff;

  private InterruptRegisters() {}

  /** Sets eidelivery: 0 makes the file silent. Returns what it was. */
  static long delivery(HuHart h, long delivery) {
    long select = h.csr(Csr.HUVSISELECT);
    h.csr(Csr.HUVSISELECT, EIDELIVERY);
    long before = h.csr(Csr.HUVSIREG);
    h.csr(Csr.HUVSIREG, delivery);
    h.csr(Csr.HUVSISELECT, select);
    return before;
  }

  /** Brings the file to its reset state; delivery first. */
  static void clear(HuHart h) {
    for (int select = EIDELIVERY; select < LAST; select += 2) {
      h.csr(Csr.HUVSISELECT, select);
      h.csr(Csr.HUVSIREG, 0);
    }
    h.csr(Csr.HUVSISELECT, 0);
  }
}
