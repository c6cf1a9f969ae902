package org.duvisor.machine;

import org.duvisor.isa.Csr;
import org.duvisor.isa.CsrField;

/**
 * Who may access which CSR, and which register a number means in V=1 (privileged spec 2.1, 21.2;
 * docs/dv-ext.md section 3). An access that is refused throws the trap it causes.
 */
final class CsrAccess {
  private final Hart h;
  private final byte[] presence;

  CsrAccess(Hart h) {
    this.h = h;
    this.presence = h.config.csrs();
  }

  /** Checks an access by an instruction and returns the number of the register it means. */
  int effective(int csr, boolean write) {
    int kind = presence[csr];
    if (kind == CsrRegisters.PRESENT
        && csr >>> 8 == 1
        && h.priv == Hart.S) { // what kernels do most
      checkTimer(csr);
      return checkSupervisor(csr, write);
    }
    return effectiveOther(csr, kind, write);
  }

  private int effectiveOther(int csr, int kind, boolean write) {
    int meant = effective(csr, kind, write);
    if ((kind & CsrRegisters.GUARDED) != 0 && h.priv != Hart.M) {
      checkStateen(csr);
    }
    if ((kind & CsrRegisters.AIA) != 0 && h.aia != null) {
      h.aia.checkIndirect(meant);
    }
    return meant;
  }

  private int effective(int csr, int kind, boolean write) {
    if (kind == 0 || write && csr >>> 10 == 3) {
      throw h.illegal();
    }
    int level = csr >>> 8 & 3;
    boolean delegated = (kind & CsrRegisters.DELEGATED) != 0;
    if (delegated && level == 0) {
      if (h.v) {
        throw h.virtualInstruction();
      }
      if (h.priv == Hart.U && !h.csrs.dvEnabled
          || csr == Csr.HUVSTIMECMP && h.priv != Hart.M && !stce()) {
        throw h.illegal();
      }
      return csr;
    }
    if (level == 3) {
      if (h.priv != Hart.M) {
        throw h.illegal();
      }
      return csr;
    }
    checkTimer(csr);
    if (level == 2 || delegated) {
      if (h.v || h.priv == Hart.U) {
        throw h.illegalOrVirtual();
      }
      checkTvm(csr == Csr.HGATP);
      return csr;
    }
    if (level == 1) {
      if (h.priv == Hart.U) {
        throw h.illegalOrVirtual();
      }
      return checkSupervisor(csr, write);
    }
    if (csr >= Csr.CYCLE) {
      checkCounter(csr & 31);
    } else if (csr == Csr.SEED) {
      checkSeed(write);
    } else {
      h.useFp();
    }
    return csr;
  }

  /** Entropy is taken, not looked at: an access that does not write is illegal (Zkr 4.1, 4.2). */
  private void checkSeed(boolean write) {
    long levels = h.csrs.state.mseccfg();
    boolean supervisor = (levels & Csr.MSECCFG_SSEED) != 0;
    if (h.v && write && supervisor) {
      throw h.virtualInstruction();
    }
    boolean allowed =
        !h.v && h.priv == Hart.S ? supervisor : !h.v && (levels & Csr.MSECCFG_USEED) != 0;
    if (!write || h.priv != Hart.M && !allowed) {
      throw h.illegal();
    }
  }

  /**
   * mstateen, and for guests hstateen, let lower levels have what extensions add (Smstateen). While
   * the VM of a process is on the hart, hstateen is not asked: what it guards is the VM's own then
   * (docs/dv-ext.md, section 3.3).
   */
  private void checkStateen(int csr) {
    HartState s = h.csrs.state;
    long field = CsrRegisters.stateen(csr);
    int index = csr >= Csr.SSTATEEN0 && (csr & 0xff) >= 0xc && (csr & 0xff) <= 0xf ? csr & 3 : 0;
    long host = index == 0 ? s.mstateen0() : s.mstateen(index - 1);
    if ((host & field) == 0) {
      throw h.illegal();
    }
    long guest = index == 0 ? s.hstateen0() : s.hstateen(index - 1);
    if (h.v && !h.csrs.dvEnabled && (guest & field) == 0) {
      throw h.virtualInstruction();
    }
  }

  private boolean stce() {
    return (h.csrs.state.menvcfg() & Csr.MENVCFG_STCE) != 0;
  }

  /** Sstc below M: menvcfg.STCE and mcounteren.TM. */
  private boolean timerAllowed() {
    return stce() && (h.csrs.state.mcounteren() & 2) != 0;
  }

  private void checkTimer(int csr) {
    if ((csr == Csr.STIMECMP || csr == Csr.VSTIMECMP) && h.priv != Hart.M && !timerAllowed()) {
      throw h.illegal(); // from V=1 as well: HS could not do it either
    }
  }

  private void checkTvm(boolean trapped) {
    if (trapped && h.priv == Hart.S && CsrField.get(h.csrs.state.mstatus(), Csr.MSTATUS_TVM) != 0) {
      throw h.illegal();
    }
  }

  private int checkSupervisor(int csr, boolean write) {
    CsrFile c = h.csrs;
    if (!h.v) {
      checkTvm(csr == Csr.SATP);
      return csr;
    }
    return switch (csr) {
      case Csr.SIP, Csr.SIE -> {
        if (h.aia != null && h.aia.virtualTrap()) {
          throw h.virtualInstruction();
        }
        yield CsrRegisters.guest(csr);
      }
      case Csr.SATP -> {
        if (CsrField.get(c.guestControl(), Csr.HSTATUS_VTVM) != 0) {
          throw h.virtualInstruction();
        }
        yield Csr.VSATP;
      }
      case Csr.STIMECMP -> {
        boolean emulated = write && h.aia != null && h.aia.virtualTrap();
        if ((c.state.henvcfg() & Csr.MENVCFG_STCE) == 0
            || (c.effectiveHcounteren() & 2) == 0
            || emulated) {
          throw h.virtualInstruction();
        }
        yield Csr.VSTIMECMP;
      }
      case Csr.SCOUNTEREN -> c.dvEnabled ? Csr.HUVSCOUNTEREN : csr;
      case Csr.SENVCFG -> c.dvEnabled ? Csr.HUVSENVCFG : csr;
      default -> CsrRegisters.guest(csr);
    };
  }

  private void checkCounter(int bit) {
    CsrFile c = h.csrs;
    if (h.priv == Hart.M) {
      return;
    }
    if ((c.state.mcounteren() >>> bit & 1) == 0) {
      throw h.illegal();
    }
    if (h.v) {
      long guestEnables = c.dvEnabled ? c.state.huvscounteren() : c.state.scounteren();
      if ((c.effectiveHcounteren() >>> bit & 1) == 0
          || h.priv == Hart.U && (guestEnables >>> bit & 1) == 0) {
        throw h.virtualInstruction();
      }
    } else if (h.priv == Hart.U && (c.state.scounteren() >>> bit & 1) == 0) {
      throw h.illegal();
    }
  }
}
