package org.duvisor.machine;

import org.duvisor.isa.Cause;
import org.duvisor.isa.Csr;
import org.duvisor.isa.CsrField;

/**
 * The privileged instructions: who may execute them and what they do (privileged spec 3.3, 12.2,
 * 21.3; docs/dv-ext.md section 4).
 */
public final class Privileged {
  private final Hart h;
  private final Stall stall = new Stall();

  Privileged(Hart h) {
    this.h = h;
  }

  /** ECALL at {@code pc}; returns the handler's address. */
  public long ecall(long pc) {
    int cause =
        switch (h.priv) {
          case Hart.M -> Cause.ECALL_M;
          case Hart.S -> h.v ? Cause.ECALL_VS : Cause.ECALL_S;
          default -> Cause.ECALL_U;
        };
    long handler = h.traps.enter(cause, pc);
    h.retired--; // the engine counts it, and it has not retired
    return handler;
  }

  /** EBREAK at {@code pc}. */
  public long ebreak(long pc) {
    long handler = h.traps.breakpoint(pc);
    h.retired--;
    return handler;
  }

  private long arrive(int priv, boolean v, long pc) {
    h.priv = priv;
    h.v = v;
    h.contextChanged();
    h.traps.enablesChanged();
    h.counters.modeChanged();
    if (v && h.csrs.kicked()) {
      h.attend();
    }
    h.traps.returned(pc);
    return pc;
  }

  /** MRET. */
  public long mret() {
    if (h.priv != Hart.M) {
      throw h.illegal(); // also when V=1: it is not an HS-mode instruction
    }
    CsrFile c = h.csrs;
    long s = c.state.mstatus();
    int priv = CsrField.get(s, Csr.MSTATUS_MPP);
    boolean v = priv != Hart.M && CsrField.get(s, Csr.MSTATUS_MPV) != 0;
    s = CsrField.set(s, Csr.MSTATUS_MIE, CsrField.get(s, Csr.MSTATUS_MPIE));
    s = CsrField.set(s, Csr.MSTATUS_MPIE, 1);
    s = CsrField.set(s, Csr.MSTATUS_MPP, Hart.U);
    s = CsrField.set(s, Csr.MSTATUS_MPV, 0);
    c.state.mstatus(priv == Hart.M ? s : CsrField.set(s, Csr.MSTATUS_MPRV, 0));
    return arrive(priv, v, c.state.mepc());
  }

  /** SRET. */
  public long sret() {
    CsrFile c = h.csrs;
    if (h.v) {
      if (h.priv == Hart.U || CsrField.get(c.guestControl(), Csr.HSTATUS_VTSR) != 0) {
        throw h.virtualInstruction();
      }
      long s = c.state.vsstatus();
      int priv = CsrField.get(s, Csr.SSTATUS_SPP);
      s = CsrField.set(s, Csr.SSTATUS_SIE, CsrField.get(s, Csr.SSTATUS_SPIE));
      s = CsrField.set(s, Csr.SSTATUS_SPIE, 1);
      c.state.vsstatus(CsrField.set(s, Csr.SSTATUS_SPP, 0));
      return arrive(priv, true, c.state.vsepc());
    }
    if (h.priv == Hart.U
        || h.priv == Hart.S && CsrField.get(c.state.mstatus(), Csr.MSTATUS_TSR) != 0) {
      throw h.illegal();
    }
    long s = c.state.mstatus();
    int priv = CsrField.get(s, Csr.SSTATUS_SPP);
    boolean v = h.config.hypervisor() && CsrField.get(c.state.hstatus(), Csr.HSTATUS_SPV) != 0;
    s = CsrField.set(s, Csr.SSTATUS_SIE, CsrField.get(s, Csr.SSTATUS_SPIE));
    s = CsrField.set(s, Csr.SSTATUS_SPIE, 1);
    s = CsrField.set(s, Csr.SSTATUS_SPP, 0);
    c.state.mstatus(CsrField.set(s, Csr.MSTATUS_MPRV, 0));
    c.state.hstatus(CsrField.set(c.state.hstatus(), Csr.HSTATUS_SPV, 0));
    boolean refused = v && c.dvEnabled && (c.state.hdvctl() & Csr.HDVCTL_HTR) != 0;
    long target = arrive(priv, v, c.state.sepc());
    return refused ? h.traps.refuseEntry(target) : target;
  }

  /** HURET: into the guest, or, with SPV=0, back to HU code. */
  public long huret() {
    CsrFile c = h.csrs;
    if (h.v) {
      throw h.virtualInstruction();
    }
    boolean toGuest = CsrField.get(c.state.hustatus(), Csr.HSTATUS_SPV) != 0;
    if (h.priv != Hart.U || !c.dvEnabled || toGuest && c.state.hgatp() >>> 60 == 0) {
      throw h.illegal();
    }
    int priv = toGuest ? CsrField.get(c.state.hustatus(), Csr.HSTATUS_SPVP) : Hart.U;
    long s = c.state.hustatus();
    s = CsrField.set(s, Csr.HUSTATUS_UIE, CsrField.get(s, Csr.HUSTATUS_UPIE));
    s = CsrField.set(s, Csr.HUSTATUS_UPIE, 1);
    c.state.hustatus(CsrField.set(s, Csr.HSTATUS_SPV, 0));
    return arrive(priv, toGuest, c.state.uepc());
  }

  /** WFI. */
  public void wfi() {
    CsrFile c = h.csrs;
    if (h.priv != Hart.M) {
      if (CsrField.get(c.state.mstatus(), Csr.MSTATUS_TW) != 0 || !h.v && h.priv == Hart.U) {
        throw h.illegal();
      }
      if (h.v && (h.priv == Hart.U || CsrField.get(c.guestControl(), Csr.HSTATUS_VTW) != 0)) {
        throw h.virtualInstruction();
      }
    }
    h.execution.waiting = true;
    h.attend();
  }

  /**
   * WRS.NTO with a reservation held: traps as TW and VTW say when it has stalled for {@link
   * Stall#LIMIT} (unprivileged spec, "Zawrs").
   */
  public void stall() {
    CsrFile c = h.csrs;
    boolean illegal = h.priv != Hart.M && CsrField.get(c.state.mstatus(), Csr.MSTATUS_TW) != 0;
    if (!illegal && !(h.v && CsrField.get(c.guestControl(), Csr.HSTATUS_VTW) != 0)) {
      return;
    }
    if (stall.isOver(h.reservedHost(), h.reservedValue(), h.time())) {
      stall.end();
      throw illegal ? h.illegal() : h.virtualInstruction();
    }
  }

  /** An instruction of the supervisor: traps in U, VU. */
  public void checkSupervisor() {
    if (h.priv == Hart.U) {
      throw h.illegalOrVirtual();
    }
  }

  /** SFENCE.VMA; in VS it concerns the guest's own translations. {@code asid} -1 = all. */
  public void sfenceVma(boolean all, long va, long asid) {
    checkSupervisor();
    CsrFile c = h.csrs;
    if (h.v) {
      if (CsrField.get(c.guestControl(), Csr.HSTATUS_VTVM) != 0) {
        throw h.virtualInstruction();
      }
      h.mmu.fenceGuest(all, va, asid);
      return;
    }
    if (h.priv == Hart.S && CsrField.get(c.state.mstatus(), Csr.MSTATUS_TVM) != 0) {
      throw h.illegal();
    }
    h.mmu.fenceHost(all, va, asid);
  }

  private void checkHypervisor() {
    if (h.v) {
      throw h.virtualInstruction();
    }
    if (h.priv == Hart.U || !h.config.hypervisor()) {
      throw h.illegal();
    }
  }

  /** HFENCE.VVMA: of hgatp's VMID, and of the resident VM (docs/dv-ext.md, section 8). */
  public void hfenceVvma(boolean all, long va, long asid) {
    checkHypervisor();
    h.mmu.fenceGuest(all, va, asid);
    if (h.csrs.dvEnabled) {
      h.mmu.fenceGuest(all, va, asid, Spaces.vmidOf(h.csrs.state.hgatp()));
    }
  }

  /** HFENCE.GVMA; {@code vmid} -1 = all. */
  public void hfenceGvma(long vmid) {
    checkHypervisor();
    if (h.priv == Hart.S && CsrField.get(h.csrs.state.mstatus(), Csr.MSTATUS_TVM) != 0) {
      throw h.illegal();
    }
    h.mmu.fenceStage2(vmid);
  }

  /** HU, HS and M may; plain U and V=1 may not. */
  private void checkHu() {
    if (h.v) {
      throw h.virtualInstruction();
    }
    if (h.priv == Hart.U && !h.csrs.dvEnabled || !h.config.dv()) {
      throw h.illegal();
    }
  }

  /** HUFENCE.VVMA for the resident VM. */
  public void hufenceVvma(boolean all, long va, long asid) {
    checkHu();
    h.mmu.fenceGuest(all, va, asid);
  }

  /** HUFENCE.GVMA for the resident VM. */
  public void hufenceGvma() {
    checkHu();
    h.mmu.fenceStage2(h.csrs.state.hdvvmid());
  }

  /** Checks that HLV and HSV are legal here and returns the privilege they act with. */
  public int guestPrivilege() {
    if (h.v) {
      throw h.virtualInstruction();
    }
    if (!h.config.hypervisor()
        || h.priv == Hart.U && CsrField.get(h.csrs.state.hstatus(), Csr.HSTATUS_HU) == 0) {
      throw h.illegal();
    }
    return CsrField.get(h.csrs.state.hstatus(), Csr.HSTATUS_SPVP);
  }

  /** Likewise for HULV and HUSV. */
  public int huGuestPrivilege() {
    checkHu();
    return CsrField.get(h.csrs.state.hustatus(), Csr.HSTATUS_SPVP);
  }
}
