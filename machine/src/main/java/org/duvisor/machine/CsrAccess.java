package org.duvisor.machine;

import org.duvisor.isa.Csr;

/**
 * Who may access which CSR, and which register a number means in V=1 (privileged spec 2.1, 21.2;
 * docs/dv-ext.md section 3). An access that is refused throws the trap it causes.
 */
final class CsrAccess {
  /** How a number is treated. */
  private static final byte ABSENT = 0;

  private static final byte STANDARD = 1;
  private static final byte HYPERVISOR = 2;
  private static final byte DV_KERNEL = 3;
  private static final byte DV_USER = 4;

  /** Added to a kind: needs AIA as well. */
  private static final byte AIA = 8;

  private static final byte[] KIND = kinds();

  private CsrAccess() {}

  private static byte[] kinds() {
    byte[] kind = new byte[4096];
    mark(kind, STANDARD, Csr.FFLAGS, Csr.FRM, Csr.FCSR, Csr.CYCLE, Csr.TIME, Csr.INSTRET);
    mark(
        kind,
        STANDARD,
        Csr.SSTATUS,
        Csr.SIE,
        Csr.STVEC,
        Csr.SCOUNTEREN,
        Csr.SENVCFG,
        Csr.SSCRATCH,
        Csr.SEPC);
    mark(kind, STANDARD, Csr.SCAUSE, Csr.STVAL, Csr.SIP, Csr.STIMECMP, Csr.SATP);
    mark(
        kind,
        STANDARD,
        Csr.MVENDORID,
        Csr.MARCHID,
        Csr.MIMPID,
        Csr.MHARTID,
        Csr.MCONFIGPTR,
        Csr.MSTATUS,
        Csr.MISA);
    mark(
        kind,
        STANDARD,
        Csr.MEDELEG,
        Csr.MIDELEG,
        Csr.MIE,
        Csr.MTVEC,
        Csr.MCOUNTEREN,
        Csr.MENVCFG,
        Csr.MSCRATCH);
    mark(
        kind,
        STANDARD,
        Csr.MEPC,
        Csr.MCAUSE,
        Csr.MTVAL,
        Csr.MIP,
        Csr.MCYCLE,
        Csr.MINSTRET,
        Csr.MCOUNTINHIBIT);
    mark(kind, STANDARD, Csr.PMPCFG0, Pmp.CFG2);
    mark(
        kind,
        STANDARD,
        Csr.TSELECT,
        Csr.TDATA1,
        Csr.TDATA2); // Sdtrig without triggers: tdata1.type is 0
    for (int i = 0; i < Pmp.ENTRIES; i++) {
      kind[Csr.PMPADDR0 + i] = STANDARD;
    }
    for (int i = 3; i < 32; i++) { // Zihpm: counters that never count
      kind[Csr.CYCLE + i] = STANDARD;
      kind[Csr.MCYCLE + i] = STANDARD;
      kind[Csr.MCOUNTINHIBIT + i] = STANDARD;
    }
    mark(
        kind,
        HYPERVISOR,
        Csr.MTINST,
        Csr.MTVAL2,
        Csr.HSTATUS,
        Csr.HEDELEG,
        Csr.HIDELEG,
        Csr.HIE,
        Csr.HTIMEDELTA);
    mark(
        kind,
        HYPERVISOR,
        Csr.HCOUNTEREN,
        Csr.HGEIE,
        Csr.HENVCFG,
        Csr.HTVAL,
        Csr.HIP,
        Csr.HVIP,
        Csr.HTINST);
    mark(
        kind,
        HYPERVISOR,
        Csr.HGATP,
        Csr.HGEIP,
        Csr.VSSTATUS,
        Csr.VSIE,
        Csr.VSTVEC,
        Csr.VSSCRATCH,
        Csr.VSEPC);
    mark(kind, HYPERVISOR, Csr.VSCAUSE, Csr.VSTVAL, Csr.VSIP, Csr.VSTIMECMP, Csr.VSATP);
    mark(
        kind,
        DV_KERNEL,
        Csr.SEDELEG,
        Csr.SIDELEG,
        Csr.HDVCTL,
        Csr.HDVVMID,
        Csr.HDVVCPU,
        Csr.HDVGEIN);
    mark(
        kind,
        DV_KERNEL,
        Csr.HDVWINSEL,
        Csr.HDVWINBASE,
        Csr.HDVWINLIMIT,
        Csr.HDVROOT,
        Csr.HDVGOWNER);
    mark(
        kind,
        DV_USER,
        Csr.UTVEC,
        Csr.USCRATCH,
        Csr.UEPC,
        Csr.UCAUSE,
        Csr.UTVAL,
        Csr.HUSTATUS,
        Csr.HUIE,
        Csr.HUIP);
    mark(
        kind,
        DV_USER,
        Csr.HUVIP,
        Csr.HUTIMEDELTA,
        Csr.HUCOUNTEREN,
        Csr.HUENVCFG,
        Csr.HUTVAL,
        Csr.HUTINST);
    mark(
        kind,
        DV_USER,
        Csr.HUGATP,
        Csr.HUVSSTATUS,
        Csr.HUVSIE,
        Csr.HUVSTVEC,
        Csr.HUVSSCRATCH,
        Csr.HUVSEPC);
    mark(
        kind,
        DV_USER,
        Csr.HUVSCAUSE,
        Csr.HUVSTVAL,
        Csr.HUVSIP,
        Csr.HUVSATP,
        Csr.HUVSTIMECMP,
        Csr.VTIMECMP);
    mark(kind, DV_USER, Csr.VTIMECTL, Csr.VCPUID, Csr.VIPI0, Csr.VIPI2, Csr.VIPI3, Csr.VIPICLR);
    mark(kind, DV_USER, Csr.HUVSCOUNTEREN, Csr.HUVSENVCFG, Csr.HUVSSTATEEN0);
    markAia(kind);
    return kind;
  }

  private static void markAia(byte[] kind) {
    byte standard = STANDARD + AIA;
    byte hypervisor = HYPERVISOR + AIA;
    byte dvUser = DV_USER + AIA;
    mark(kind, standard, Csr.MISELECT, Csr.MIREG, Csr.MTOPEI, Csr.MTOPI, Csr.MVIEN, Csr.MVIP);
    mark(kind, standard, Csr.SISELECT, Csr.SIREG, Csr.STOPEI, Csr.STOPI);
    mark(kind, hypervisor, Csr.HVIEN, Csr.HVICTL, Csr.HVIPRIO1, Csr.HVIPRIO2);
    mark(kind, hypervisor, Csr.VSISELECT, Csr.VSIREG, Csr.VSTOPEI, Csr.VSTOPI);
    mark(kind, dvUser, Csr.HUVSISELECT, Csr.HUVSIREG, Csr.HUVSTOPI);
  }

  /** Whether AIA gives the number a meaning. */
  static boolean isAia(int csr) {
    return KIND[csr] >= AIA || csr == Csr.HGEIE || csr == Csr.HGEIP;
  }

  private static void mark(byte[] kind, byte value, int... numbers) {
    for (int n : numbers) {
      kind[n] = value;
    }
  }

  /** Checks an access by an instruction and returns the number of the register it means. */
  static int effective(Hart h, int csr, boolean write) {
    byte kind = KIND[csr];
    if (kind >= AIA) {
      if (!h.config.aia()) {
        throw h.illegal();
      }
      int meant = effective(h, csr, (byte) (kind - AIA), write);
      h.aia.checkIndirect(meant);
      return meant;
    }
    return effective(h, csr, kind, write);
  }

  private static int effective(Hart h, int csr, byte kind, boolean write) {
    if (kind == ABSENT
        || kind == HYPERVISOR && !h.config.hypervisor()
        || kind >= DV_KERNEL && !h.config.dv()
        || write && csr >>> 10 == 3) {
      throw h.illegal();
    }
    if (kind == DV_USER) {
      if (h.v) {
        throw h.virtualInstruction();
      }
      if (h.priv == Hart.U && !h.csrs.dvEnabled
          || csr == Csr.HUVSTIMECMP && h.priv != Hart.M && !stce(h)) {
        throw h.illegal();
      }
      return csr;
    }
    int level = csr >>> 8 & 3;
    if (level == 3) {
      if (h.priv != Hart.M) {
        throw h.illegal();
      }
      return csr;
    }
    if ((csr == Csr.STIMECMP || csr == Csr.VSTIMECMP) && h.priv != Hart.M && !timerAllowed(h)) {
      throw h.illegal(); // from V=1 as well: HS could not do it either
    }
    if (level == 2 || kind == DV_KERNEL) {
      if (h.v || h.priv == Hart.U) {
        throw h.illegalOrVirtual();
      }
      checkTvm(h, csr == Csr.HGATP);
      return csr;
    }
    if (level == 1) {
      if (h.priv == Hart.U) {
        throw h.illegalOrVirtual();
      }
      return checkSupervisor(h, csr, write);
    }
    if (csr >= Csr.CYCLE) {
      checkCounter(h, csr & 31);
    } else {
      h.useFp();
    }
    return csr;
  }

  private static boolean stce(Hart h) {
    return (h.csrs.menvcfg & CsrFile.STCE) != 0;
  }

  /** Sstc below M: menvcfg.STCE and mcounteren.TM. */
  private static boolean timerAllowed(Hart h) {
    return stce(h) && (h.csrs.mcounteren & 2) != 0;
  }

  private static void checkTvm(Hart h, boolean trapped) {
    if (trapped && h.priv == Hart.S && Status.get(h.csrs.mstatus, Status.TVM) != 0) {
      throw h.illegal();
    }
  }

  private static int checkSupervisor(Hart h, int csr, boolean write) {
    CsrFile c = h.csrs;
    if (!h.v) {
      checkTvm(h, csr == Csr.SATP);
      return csr;
    }
    return switch (csr) {
      case Csr.SIP, Csr.SIE -> {
        if (h.aia != null && h.aia.virtualTrap()) {
          throw h.virtualInstruction();
        }
        yield csr + 0x100;
      }
      case Csr.SATP -> {
        if (Status.get(c.guestControl(), Status.VTVM) != 0) {
          throw h.virtualInstruction();
        }
        yield Csr.VSATP;
      }
      case Csr.STIMECMP -> {
        boolean emulated = write && h.aia != null && h.aia.virtualTrap();
        if ((c.henvcfg & CsrFile.STCE) == 0 || (c.effectiveHcounteren() & 2) == 0 || emulated) {
          throw h.virtualInstruction();
        }
        yield Csr.VSTIMECMP;
      }
      case Csr.SCOUNTEREN -> c.dvEnabled ? Csr.HUVSCOUNTEREN : csr;
      case Csr.SENVCFG -> c.dvEnabled ? Csr.HUVSENVCFG : csr;
      default -> csr + 0x100;
    };
  }

  private static void checkCounter(Hart h, int bit) {
    CsrFile c = h.csrs;
    if (h.priv == Hart.M) {
      return;
    }
    if ((c.mcounteren >>> bit & 1) == 0) {
      throw h.illegal();
    }
    if (h.v) {
      long guestEnables = c.dvEnabled ? c.huvscounteren : c.scounteren;
      if ((c.effectiveHcounteren() >>> bit & 1) == 0
          || h.priv == Hart.U && (guestEnables >>> bit & 1) == 0) {
        throw h.virtualInstruction();
      }
    } else if (h.priv == Hart.U && (c.scounteren >>> bit & 1) == 0) {
      throw h.illegal();
    }
  }
}
