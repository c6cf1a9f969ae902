package org.duvisor.machine.semantics;

import org.duvisor.machine.Hart;

/** Zicsr. A write happens unless rs1 is x0 (set, clear); a read unless rd is x0 (swap). */
public final class Csrs {
  private Csrs() {}

  /** CSRRW, CSRRWI. */
  public static long csrrw(Hart h, int csr, long value, int rd) {
    return h.csrs().swap(csr, value, rd != 0);
  }

  /** CSRRS, CSRRSI. */
  public static long csrrs(Hart h, int csr, long bits, int rs1) {
    return rs1 == 0 ? h.csrs().readChecked(csr) : h.csrs().update(csr, bits, 0);
  }

  /** CSRRC, CSRRCI. */
  public static long csrrc(Hart h, int csr, long bits, int rs1) {
    return rs1 == 0 ? h.csrs().readChecked(csr) : h.csrs().update(csr, 0, bits);
  }
}
