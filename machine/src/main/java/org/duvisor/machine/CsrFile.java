package org.duvisor.machine;

import org.duvisor.isa.Cause;
import org.duvisor.isa.Csr;
import org.duvisor.machine.dv.FileOwners;

/**
 * The CSRs of a hart: storage as fields, WARL rules in {@link #write}, views as shared cases. Who
 * may access what is in {@link CsrAccess}. Numbers below are after the redirection of V=1 ({@link
 * CsrAccess#effective}).
 */
public final class CsrFile {
  static final long STCE = 1L << 63;
  static final long PBMTE = 1L << 62;
  static final long ADUE = 1L << 61;
  static final long CBZE = 1 << 7;
  static final long CBCFE = 1 << 6;
  static final long CBIE = 3 << 4;
  private static final long FIOM = 1;
  private static final long ENVCFG = STCE | PBMTE | ADUE | CBZE | CBCFE | CBIE | FIOM;
  private static final long SENVCFG = CBZE | CBCFE | CBIE | FIOM;

  static final long HDVCTL_EN = 1;
  static final long HDVCTL_HTR = 2;
  static final long HDVCTL_IPIV = 4;
  static final long HDVCTL_KICK = 8;

  /** PPN of satp, and hdvroot. */
  private static final long ROOT = (1L << 44) - 1;

  /** sedeleg: ecall from VS, guest page faults, virtual instruction. */
  static final long SEDELEG = 0xF00400;

  private static final long SSTATUS = 0x000c_6122;
  private static final long MSTATUS = SSTATUS | 0x0072_1888;
  private static final long MSTATUS_H = 1L << 38 | 1L << 39;
  private static final long XL64 = 2L << 32;
  private static final long HSTATUS = 0x0070_03c0;
  private static final long HUSTATUS = 0x0670_01d1;
  private static final long VGEIN = 0x3f000;
  private static final long S_INTERRUPTS = 0x222;
  private static final long M_INTERRUPTS = 0x888;
  private static final long MEDELEG = 0xB3FF;
  private static final long MEDELEG_H = 0xF0_0400;
  private static final long HEDELEG = 0xB1FF;
  private static final long COUNTERS = 0xffff_ffffL;
  private static final long MISA_BASE =
      2L << 62
          | 1 << ('I' - 'A')
          | 1 << ('M' - 'A')
          | 1
          | 1 << ('F' - 'A')
          | 1 << ('D' - 'A')
          | 1 << ('C' - 'A')
          | 1 << ('S' - 'A')
          | 1 << ('U' - 'A')
          | 1 << ('B' - 'A');

  private final Hart h;

  long mstatus;
  long medeleg;
  private long midelegS;
  long mie;

  /** Bits of mip that software wrote: of M and S. Those of VS are in hvip. */
  long softPending;

  long mtvec;
  long mscratch;
  long mepc;
  long mcause;
  long mtval;
  long mtval2;
  long mtinst;
  long menvcfg;
  long mcounteren;
  private long mcountinhibit;
  private long cycleOffset;
  private long instretOffset;

  long stvec;
  long sscratch;
  long sepc;
  long scause;
  long stval;
  long satp;
  long scounteren;
  long senvcfg;
  long stimecmp;

  long hstatus;
  long hedeleg;
  long hideleg;
  long hvip;
  long hcounteren;
  long henvcfg;
  long htimedelta;
  long htval;
  long htinst;
  long hgatp;

  long vsstatus;
  long vstvec;
  long vsscratch;
  long vsepc;
  long vscause;
  long vstval;
  long vsatp;
  long vstimecmp;

  /** hdvctl.EN, for the process whose page table is at hdvroot. */
  boolean dvEnabled;

  long sedeleg;
  long sideleg;
  long hdvctl;
  long hdvvmid;
  long hdvvcpu = -1;
  private long hdvroot;
  private long hdvgein;
  private int hdvwinsel;
  long utvec;
  long uscratch;
  long uepc;
  long ucause;
  long utval;
  long hustatus;
  long hutval;
  long hutinst;
  long vtimecmp;
  long vtimectl;
  long huvscounteren;
  long huvsenvcfg;

  CsrFile(Hart h) {
    this.h = h;
  }

  void reset() {
    mstatus =
        medeleg =
            midelegS =
                mie = softPending = mtvec = mscratch = mepc = mcause = mtval = mtval2 = mtinst = 0;
    // The device tree says Svadu without Svade: A and D are updated from the first instruction on.
    menvcfg = henvcfg = ADUE;
    mcounteren = mcountinhibit = cycleOffset = instretOffset = 0;
    stvec = sscratch = sepc = scause = stval = satp = scounteren = senvcfg = 0;
    stimecmp = vstimecmp = -1;
    hstatus = hedeleg = hideleg = hvip = hcounteren = htimedelta = htval = htinst = hgatp = 0;
    vsstatus = vstvec = vsscratch = vsepc = vscause = vstval = vsatp = 0;
    sedeleg = sideleg = hdvctl = hdvvmid = hdvroot = hdvgein = 0;
    hdvvcpu = -1;
    hdvwinsel = 0;
    utvec =
        uscratch = uepc = ucause = utval = hustatus = hutval = hutinst = vtimecmp = vtimectl = 0;
    huvscounteren = huvsenvcfg = 0;
    setDv();
  }

  /** Interrupts that go to HS or lower; those of H and of DV-ext always do. */
  long mideleg() {
    return midelegS
        | guestExternal()
        | (h.config.hypervisor() ? Traps.VS_CLASS : 0)
        | (h.config.dv() ? Traps.HU_CLASS : 0);
  }

  /** The bit of SGEI, where there are guest interrupt files. */
  private long guestExternal() {
    return h.config.guestFiles() > 0 ? 1L << Cause.SUPERVISOR_GUEST_EXTERNAL : 0;
  }

  /** Whether the guest has to leave before it executes another instruction. */
  boolean kicked() {
    return (hdvctl & HDVCTL_KICK) != 0 && dvEnabled;
  }

  /** Whether a vCPU is resident here. */
  boolean resident() {
    return hdvvcpu >= 0;
  }

  /**
   * hgatp as V=1 uses it: with DV-ext the VMID is the kernel's, and bit 58 keeps its translations
   * apart from KVM's.
   */
  long effectiveHgatp() {
    return dvEnabled ? hugatp() | 1L << 58 : hgatp;
  }

  private long hugatp() {
    return hgatp & ~(0x3fffL << 44) | hdvvmid << 44;
  }

  /** hcounteren as V=1 sees it. */
  long effectiveHcounteren() {
    return dvEnabled ? hcounteren & scounteren : hcounteren;
  }

  /** hstatus or, under DV-ext, hustatus: what rules V=1 execution. */
  long guestControl() {
    return dvEnabled ? hustatus() : hstatus;
  }

  /** hustatus; its VGEIN is what the kernel lets HU select now, or 0. */
  long hustatus() {
    return (hustatus & VGEIN) == hdvgein << 12 ? hustatus : hustatus & ~VGEIN;
  }

  /**
   * Interrupts that HS does not take: those that it leaves to guests, and while the VM of a process
   * is on the hart all of a guest's, whoever runs, for HU makes them pending.
   */
  long notForHs() {
    return (hdvctl & HDVCTL_EN) != 0 ? Traps.VS_CLASS : hideleg;
  }

  private void setDv() {
    dvEnabled = (hdvctl & HDVCTL_EN) != 0 && (satp & ROOT) == hdvroot;
    h.residency = dvEnabled && resident() ? hdvvmid << 6 | hdvvcpu : -1;
  }

  // ---- floating-point state

  void updateFp() {
    h.fpReady =
        Status.get(mstatus, Status.FS) == 3
            && (!h.v || Status.get(vsstatus, Status.FS) == 3 && huFloat() % 3 == 0);
  }

  /** hustatus.FS where it applies to V=1: 0 = not tracked, 1 = off, 2 = clean, 3 = dirty. */
  private int huFloat() {
    return dvEnabled ? Status.get(hustatus, Status.HU_FS) : 0;
  }

  /** Traps when FS is off at a level in effect, else marks it dirty. */
  void dirtyFp() {
    if (Status.get(mstatus, Status.FS) == 0 || h.v && Status.get(vsstatus, Status.FS) == 0) {
      throw h.illegal();
    }
    if (h.v && huFloat() == 1) {
      throw h.virtualInstruction();
    }
    mstatus = Status.set(mstatus, Status.FS, 3);
    if (h.v) {
      if (huFloat() == 2) {
        hustatus = Status.set(hustatus, Status.HU_FS, 3);
      }
      vsstatus = Status.set(vsstatus, Status.FS, 3);
    }
    h.fpReady = true;
  }

  private static long withSd(long status) {
    return Status.get(status, Status.FS) == 3 ? status | 1L << 63 : status;
  }

  // ---- access by instructions: each checks, and throws the trap that a refused access causes

  /** Reads as csrr does. */
  public long readChecked(int csr) {
    return read(CsrAccess.effective(h, csr, false));
  }

  /** Writes as csrw does. */
  public void writeChecked(int csr, long value) {
    write(CsrAccess.effective(h, csr, true), value);
  }

  /** CSRRW: the old value, when wanted, and the new one written. */
  public long swap(int csr, long value, boolean wantOld) {
    int c = CsrAccess.effective(h, csr, true);
    Aia aia = h.aia;
    if (aia != null && Aia.isIndirect(c)) {
      return accessFile(aia, c, -1L, value);
    }
    long old = wantOld ? read(c) : 0;
    write(c, value);
    return old;
  }

  /** CSRRS and CSRRC: the old value, with bits set and cleared in the new one. */
  public long update(int csr, long set, long clear) {
    int c = CsrAccess.effective(h, csr, true);
    Aia aia = h.aia;
    if (aia != null && Aia.isIndirect(c)) {
      return accessFile(aia, c, set | clear, set);
    }
    long old = read(c);
    write(c, readForUpdate(c) & ~clear | set);
    return old;
  }

  /** Reads and writes in one step: messages come at any time. */
  private long accessFile(Aia aia, int csr, long mask, long value) {
    long old = Aia.isTopei(csr) ? aia.claim(csr) : aia.access(csr, mask, value);
    h.attend();
    return old;
  }

  /** CBO.ZERO is enabled at every level in effect (CBZE), or traps. */
  public void checkCboZero() {
    checkEnvcfg(CBZE);
  }

  /** CBO.CLEAN and CBO.FLUSH (CBCFE). */
  public void checkCboClean() {
    checkEnvcfg(CBCFE);
  }

  /** CBO.INVAL (CBIE). */
  public void checkCboInval() {
    checkEnvcfg(CBIE);
  }

  private void checkEnvcfg(long field) {
    if (h.priv == Hart.M) {
      return;
    }
    if ((menvcfg & field) == 0) {
      throw h.illegal();
    }
    long user = h.v && dvEnabled ? huvsenvcfg : senvcfg;
    boolean userDenies = h.priv == Hart.U && (user & field) == 0;
    if (h.v && ((henvcfg & field) == 0 || userDenies)) {
      throw h.virtualInstruction();
    }
    if (userDenies) {
      throw h.illegal();
    }
  }

  // ---- reading

  /** Value of a CSR; the access has been checked. */
  long read(int csr) {
    return switch (csr) {
      case Csr.FFLAGS -> h.fcsr.flags;
      case Csr.FRM -> h.fcsr.frm;
      case Csr.FCSR -> h.fcsr.flags | h.fcsr.frm << 5;
      case Csr.CYCLE, Csr.MCYCLE -> counter(0, cycleOffset);
      case Csr.INSTRET, Csr.MINSTRET -> counter(2, instretOffset);
      case Csr.TIME -> h.clock.now() + (h.v ? htimedelta : 0);

      case Csr.SSTATUS -> withSd(mstatus & SSTATUS) | XL64;
      case Csr.SIE -> mie & mideleg() & S_INTERRUPTS | (h.aia == null ? 0 : h.aia.sie());
      case Csr.STVEC -> stvec;
      case Csr.SCOUNTEREN -> scounteren;
      case Csr.SENVCFG -> senvcfg;
      case Csr.SSCRATCH -> sscratch;
      case Csr.SEPC -> sepc;
      case Csr.SCAUSE -> scause;
      case Csr.STVAL -> stval;
      case Csr.SIP ->
          h.traps.pending() & mideleg() & S_INTERRUPTS | (h.aia == null ? 0 : h.aia.sip());
      case Csr.STIMECMP -> stimecmp;
      case Csr.SATP -> satp;

      case Csr.HSTATUS -> hstatus | XL64;
      case Csr.HEDELEG -> hedeleg;
      case Csr.HIDELEG -> hideleg;
      case Csr.HIE -> mie & (Traps.VS_CLASS | guestExternal());
      case Csr.HTIMEDELTA, Csr.HUTIMEDELTA -> htimedelta;
      case Csr.HCOUNTEREN, Csr.HUCOUNTEREN -> hcounteren;
      case Csr.HENVCFG, Csr.HUENVCFG -> henvcfg & (menvcfg | SENVCFG);
      case Csr.HTVAL -> htval;
      case Csr.HIP -> h.traps.pending() & (Traps.VS_CLASS | guestExternal());
      case Csr.HVIP -> hvip;
      case Csr.HUVIP -> hvip & Traps.VS_CLASS;
      case Csr.HTINST -> htinst;
      case Csr.HGATP -> hgatp;

      case Csr.VSSTATUS, Csr.HUVSSTATUS -> withSd(vsstatus) | XL64;
      case Csr.VSIE, Csr.HUVSIE ->
          (mie & hideleg & Traps.VS_CLASS) >>> 1 | (h.aia == null ? 0 : h.aia.vsie());
      case Csr.VSTVEC, Csr.HUVSTVEC -> vstvec;
      case Csr.VSSCRATCH, Csr.HUVSSCRATCH -> vsscratch;
      case Csr.VSEPC, Csr.HUVSEPC -> vsepc;
      case Csr.VSCAUSE, Csr.HUVSCAUSE -> vscause;
      case Csr.VSTVAL, Csr.HUVSTVAL -> vstval;
      case Csr.VSIP, Csr.HUVSIP ->
          (h.traps.pending() & hideleg & Traps.VS_CLASS) >>> 1 | (h.aia == null ? 0 : h.aia.vsip());
      case Csr.VSTIMECMP, Csr.HUVSTIMECMP -> vstimecmp;
      case Csr.VSATP, Csr.HUVSATP -> vsatp;

      case Csr.SEDELEG -> sedeleg;
      case Csr.SIDELEG -> sideleg;
      case Csr.HDVCTL -> hdvctl;
      case Csr.HDVVMID -> hdvvmid;
      case Csr.HDVVCPU, Csr.VCPUID -> hdvvcpu;
      case Csr.HDVROOT -> hdvroot;
      case Csr.HDVGEIN -> hdvgein;
      case Csr.HDVGOWNER -> hdvgein == 0 ? -1 : h.owners.owner(h.id, (int) hdvgein);
      case Csr.HDVWINSEL -> hdvwinsel;
      case Csr.HDVWINBASE -> h.windows.base(hdvwinsel);
      case Csr.HDVWINLIMIT -> h.windows.limit(hdvwinsel);

      case Csr.UTVEC -> utvec;
      case Csr.USCRATCH -> uscratch;
      case Csr.UEPC -> uepc;
      case Csr.UCAUSE -> ucause;
      case Csr.UTVAL -> utval;
      case Csr.HUSTATUS -> hustatus() | XL64;
      case Csr.HUIE -> mie & (Traps.HU_CLASS | Traps.VS_CLASS);
      case Csr.HUIP -> h.traps.pending() & (Traps.HU_CLASS | Traps.VS_CLASS);
      case Csr.HUTVAL -> hutval;
      case Csr.HUTINST -> hutinst;
      case Csr.HUGATP -> hugatp();
      case Csr.HUVSCOUNTEREN -> huvscounteren;
      case Csr.HUVSENVCFG -> huvsenvcfg;
      case Csr.VTIMECMP -> vtimecmp;
      case Csr.VTIMECTL -> vtimectl;
      case Csr.VIPI0 -> h.posts.word((int) hdvvmid);
      default -> h.aia != null && CsrAccess.isAia(csr) ? h.aia.read(csr) : readMachine(csr);
    };
  }

  private long readMachine(int csr) {
    return switch (csr) {
      case Csr.MHARTID -> h.id;
      case Csr.MISA -> MISA_BASE | (h.config.hypervisor() ? 1 << ('H' - 'A') : 0);
      case Csr.MSTATUS -> withSd(mstatus) | XL64 | XL64 << 2;
      case Csr.MEDELEG -> medeleg;
      case Csr.MIDELEG -> mideleg();
      case Csr.MIE -> mie;
      case Csr.MTVEC -> mtvec;
      case Csr.MCOUNTEREN -> mcounteren;
      case Csr.MCOUNTINHIBIT -> mcountinhibit;
      case Csr.MENVCFG -> menvcfg;
      case Csr.MSCRATCH -> mscratch;
      case Csr.MEPC -> mepc;
      case Csr.MCAUSE -> mcause;
      case Csr.MTVAL -> mtval;
      case Csr.MIP -> h.traps.pending();
      case Csr.MTINST -> mtinst;
      case Csr.MTVAL2 -> mtval2;
      case Csr.PMPCFG0 -> h.pmp.readConfig(0);
      case Pmp.CFG2 -> h.pmp.readConfig(8);
      default ->
          csr >= Csr.PMPADDR0 && csr < Csr.PMPADDR0 + Pmp.ENTRIES
              ? h.pmp.readAddress(csr - Csr.PMPADDR0)
              : 0;
    };
  }

  /**
   * The value a set or clear starts from: as read, but of pending bits only what software wrote,
   * not what wires and posts hold high (privileged spec 3.1.9). vsip is the exception: clearing its
   * SSIP takes back a post, so it must be seen.
   */
  private long readForUpdate(int csr) {
    return switch (csr) {
      case Csr.MIP, Csr.HIP, Csr.HUIP -> softPending | hvip & Traps.VS_CLASS;
      default -> read(csr);
    };
  }

  private long counter(int bit, long offset) {
    return (mcountinhibit >>> bit & 1) != 0 ? offset : h.retired + offset;
  }

  // ---- writing

  /**
   * Writes a CSR; the access has been checked. Side effects on translation and interrupts are
   * included.
   */
  void write(int csr, long value) {
    switch (csr) {
      case Csr.FFLAGS -> h.fcsr.flags = (int) value & 31;
      case Csr.FRM -> h.fcsr.frm = (int) value & 7;
      case Csr.FCSR -> {
        h.fcsr.flags = (int) value & 31;
        h.fcsr.frm = (int) value >> 5 & 7;
      }
      case Csr.SSTATUS -> setStatus(mstatus & ~SSTATUS | value & SSTATUS);
      case Csr.SIE -> {
        setMie(value, mideleg() & S_INTERRUPTS);
        if (h.aia != null) {
          h.aia.writeSie(value);
        }
      }
      case Csr.STVEC -> stvec = vector(stvec, value);
      case Csr.SCOUNTEREN -> scounteren = value & COUNTERS;
      case Csr.SENVCFG -> senvcfg = envcfg(senvcfg, value, SENVCFG);
      case Csr.SSCRATCH -> sscratch = value;
      case Csr.SEPC -> sepc = value & ~1L;
      case Csr.SCAUSE -> scause = value;
      case Csr.STVAL -> stval = value;
      case Csr.SIP -> {
        setSoftPending(value, mideleg() & 2);
        if (h.aia != null) {
          h.aia.writeSip(value);
        }
      }
      case Csr.STIMECMP -> {
        stimecmp = value;
        h.attend();
      }
      case Csr.SATP -> {
        if (h.config.hasMode(value >>> 60)) {
          satp = value;
          domainChanged();
        }
      }
      default -> {
        if (!writeHypervisor(csr, value)
            && !writeDv(csr, value)
            && (h.aia == null || !h.aia.write(csr, value))) {
          writeMachine(csr, value);
        }
      }
    }
  }

  private boolean writeHypervisor(int csr, long value) {
    switch (csr) {
      case Csr.HSTATUS -> {
        long file = Status.get(value, Status.VGEIN);
        hstatus = value & HSTATUS | (file <= h.config.guestFiles() ? file << 12 : 0);
        h.contextChanged();
        h.attend();
      }
      case Csr.HEDELEG -> hedeleg = value & HEDELEG;
      case Csr.HIDELEG -> {
        hideleg = value & Traps.VS_CLASS;
        h.attend();
      }
      case Csr.HIE -> setMie(value, Traps.VS_CLASS | guestExternal());
      case Csr.HTIMEDELTA, Csr.HUTIMEDELTA -> {
        htimedelta = value;
        h.attend();
      }
      case Csr.HCOUNTEREN, Csr.HUCOUNTEREN -> hcounteren = value & COUNTERS;
      case Csr.HENVCFG, Csr.HUENVCFG -> {
        long changed = henvcfg;
        henvcfg = envcfg(henvcfg, value, ENVCFG & (menvcfg | SENVCFG));
        if (((changed ^ henvcfg) & (ADUE | PBMTE)) != 0) {
          h.mmu.flushAll();
        }
        h.attend();
      }
      case Csr.HTVAL -> htval = value;
      case Csr.HIP -> setHvip(value, 4);
      case Csr.HVIP -> setHvip(value, h.aia == null ? Traps.VS_CLASS : Traps.VS_CLASS | Aia.LOCAL);
      case Csr.HUVIP -> setHvip(value, Traps.VS_CLASS);
      case Csr.HTINST -> htinst = value;
      case Csr.HGATP -> setHgatp(value, -1L);
      case Csr.VSSTATUS, Csr.HUVSSTATUS -> {
        vsstatus = value & SSTATUS;
        h.contextChanged();
        h.traps.enablesChanged();
      }
      case Csr.VSIE, Csr.HUVSIE -> {
        setMie(value << 1, hideleg & Traps.VS_CLASS);
        if (h.aia != null) {
          h.aia.writeVsie(value);
        }
      }
      case Csr.VSTVEC, Csr.HUVSTVEC -> vstvec = vector(vstvec, value);
      case Csr.VSSCRATCH, Csr.HUVSSCRATCH -> vsscratch = value;
      case Csr.VSEPC, Csr.HUVSEPC -> vsepc = value & ~1L;
      case Csr.VSCAUSE, Csr.HUVSCAUSE -> vscause = value;
      case Csr.VSTVAL, Csr.HUVSTVAL -> vstval = value;
      case Csr.VSIP, Csr.HUVSIP -> writeVsip(value);
      case Csr.VSTIMECMP, Csr.HUVSTIMECMP -> {
        vstimecmp = value;
        h.attend();
      }
      case Csr.VSATP, Csr.HUVSATP -> {
        if (h.config.hasMode(value >>> 60)) {
          vsatp = value;
          h.mmu.regimeChanged();
        }
      }
      default -> {
        return false;
      }
    }
    return true;
  }

  /**
   * Clearing SSIP takes back the post that raised it: the post line is a latch (docs/dv-ext.md
   * 3.2).
   */
  private void writeVsip(long value) {
    if (h.aia != null) {
      setHvip(value, h.aia.vsipMask());
    }
    if ((hideleg & 4) == 0) {
      return;
    }
    setHvip(value << 1, 4);
    if ((value & 2) == 0 && dvEnabled && resident() && (hdvctl & HDVCTL_IPIV) != 0) {
      h.posts.clear((int) hdvvmid, (int) hdvvcpu);
    }
  }

  private boolean writeDv(int csr, long value) {
    switch (csr) {
      case Csr.SEDELEG -> sedeleg = value & SEDELEG;
      case Csr.SIDELEG -> {
        sideleg = value & Traps.HU_CLASS;
        h.attend();
      }
      case Csr.HDVCTL -> {
        hdvctl = value & (HDVCTL_EN | HDVCTL_HTR | HDVCTL_IPIV | HDVCTL_KICK);
        domainChanged();
      }
      case Csr.HDVVMID -> {
        hdvvmid = value & 0x3fff;
        domainChanged();
      }
      case Csr.HDVVCPU -> {
        hdvvcpu = Long.compareUnsigned(value, 64) < 0 ? value : -1;
        domainChanged();
      }
      case Csr.HDVROOT -> {
        hdvroot = value & ROOT;
        domainChanged();
      }
      case Csr.HDVGEIN -> {
        hdvgein =
            Long.compareUnsigned(value, h.config.guestFiles()) <= 0 && h.aia != null ? value : 0;
        h.attend();
      }
      case Csr.HDVGOWNER -> {
        if (hdvgein != 0) {
          int owner = Long.compareUnsigned(value, 0x3fff) <= 0 ? (int) value : FileOwners.NOBODY;
          h.owners.owner(h.id, (int) hdvgein, owner);
        }
      }
      case Csr.HDVWINSEL -> hdvwinsel = (int) value & 15;
      case Csr.HDVWINBASE -> h.windows.base(hdvwinsel, value);
      case Csr.HDVWINLIMIT -> h.windows.limit(hdvwinsel, value);
      case Csr.UTVEC -> utvec = vector(utvec, value);
      case Csr.USCRATCH -> uscratch = value;
      case Csr.UEPC -> uepc = value & ~1L;
      case Csr.UCAUSE -> ucause = value & (1L << 63 | 63);
      case Csr.UTVAL -> utval = value;
      case Csr.HUSTATUS -> {
        hustatus = value & HUSTATUS | ((value & VGEIN) == hdvgein << 12 ? value & VGEIN : 0);
        h.contextChanged();
        h.attend();
      }
      case Csr.HUIE -> setMie(value, Traps.HU_CLASS | Traps.VS_CLASS);
      case Csr.HUIP -> {
        setHvip(value, 4);
        setSoftPending(value, 1);
      }
      case Csr.HUTVAL -> hutval = value;
      case Csr.HUTINST -> hutinst = value;
      case Csr.HUGATP -> setHgatp(value, ~(0x3fffL << 44));
      case Csr.HUVSCOUNTEREN -> huvscounteren = value & COUNTERS;
      case Csr.HUVSENVCFG -> huvsenvcfg = envcfg(huvsenvcfg, value, SENVCFG);
      case Csr.VTIMECMP -> {
        vtimecmp = value;
        h.attend();
      }
      case Csr.VTIMECTL -> {
        vtimectl = value & 1;
        h.attend();
      }
      case Csr.VIPI0 -> h.posts.post((int) hdvvmid, value);
      case Csr.VIPICLR -> {
        if (resident() && (value >>> hdvvcpu & 1) != 0) {
          h.posts.clear((int) hdvvmid, (int) hdvvcpu);
          h.attend();
        }
      }
      default -> {
        return false;
      }
    }
    return true;
  }

  private void domainChanged() {
    setDv();
    h.mmu.regimeChanged();
    h.attend();
  }

  private void writeMachine(int csr, long value) {
    switch (csr) {
      case Csr.MSTATUS -> {
        long mask = h.config.hypervisor() ? MSTATUS | MSTATUS_H : MSTATUS;
        long s = mstatus & ~mask | value & mask;
        if (Status.get(s, Status.MPP) == 2) {
          s = Status.set(s, Status.MPP, Status.get(mstatus, Status.MPP));
        }
        setStatus(s);
      }
      case Csr.MEDELEG -> medeleg = value & (h.config.hypervisor() ? MEDELEG | MEDELEG_H : MEDELEG);
      case Csr.MIDELEG -> {
        midelegS = value & S_INTERRUPTS;
        h.attend();
      }
      case Csr.MIE -> setMie(value, -1L);
      case Csr.MTVEC -> mtvec = vector(mtvec, value);
      case Csr.MCOUNTEREN -> mcounteren = value & COUNTERS;
      case Csr.MCOUNTINHIBIT -> inhibit(value & 5);
      case Csr.MENVCFG -> {
        menvcfg = envcfg(menvcfg, value, ENVCFG);
        h.mmu.flushAll();
        h.attend();
      }
      case Csr.MSCRATCH -> mscratch = value;
      case Csr.MEPC -> mepc = value & ~1L;
      case Csr.MCAUSE -> mcause = value;
      case Csr.MTVAL -> mtval = value;
      case Csr.MIP -> {
        long timer = (menvcfg & STCE) != 0 ? 0 : 1 << Cause.SUPERVISOR_TIMER;
        boolean external = h.aia == null || !h.aia.separateSeip();
        setSoftPending(value, timer | (external ? 0x202 : 2));
        setHvip(value, h.config.hypervisor() ? 4 : 0);
      }
      case Csr.MTINST -> mtinst = value;
      case Csr.MTVAL2 -> mtval2 = value;
      case Csr.MCYCLE -> cycleOffset = (mcountinhibit & 1) != 0 ? value : value - h.retired - 1;
      case Csr.MINSTRET -> instretOffset = (mcountinhibit & 4) != 0 ? value : value - h.retired - 1;
      case Csr.PMPCFG0 -> {
        h.pmp.writeConfig(0, value);
        h.mmu.flushAll();
      }
      case Pmp.CFG2 -> {
        h.pmp.writeConfig(8, value);
        h.mmu.flushAll();
      }
      default -> {
        if (csr >= Csr.PMPADDR0 && csr < Csr.PMPADDR0 + Pmp.ENTRIES) {
          h.pmp.writeAddress(csr - Csr.PMPADDR0, value);
          h.mmu.flushAll();
        }
      }
    }
  }

  private void inhibit(long value) {
    long turnedOn = value & ~mcountinhibit;
    long turnedOff = mcountinhibit & ~value;
    if ((turnedOn & 1) != 0) {
      cycleOffset += h.retired;
    }
    if ((turnedOff & 1) != 0) {
      cycleOffset -= h.retired;
    }
    if ((turnedOn & 4) != 0) {
      instretOffset += h.retired;
    }
    if ((turnedOff & 4) != 0) {
      instretOffset -= h.retired;
    }
    mcountinhibit = value;
  }

  private void setStatus(long value) {
    mstatus = value;
    h.contextChanged();
    h.traps.enablesChanged();
  }

  private void setMie(long value, long mask) {
    long implemented =
        M_INTERRUPTS
            | S_INTERRUPTS
            | guestExternal()
            | (h.config.hypervisor() ? Traps.VS_CLASS : 0)
            | (h.config.dv() ? Traps.HU_CLASS : 0);
    mie = mie & ~mask | value & mask & implemented;
    h.traps.enablesChanged();
  }

  void setSoftPending(long value, long mask) {
    softPending = softPending & ~mask | value & mask;
    h.attend();
  }

  private void setHvip(long value, long mask) {
    hvip = hvip & ~mask | value & mask;
    h.attend();
  }

  private void setHgatp(long value, long mask) {
    long mode = h.config.hasMode(value >>> 60) ? value >>> 60 : hgatp >>> 60;
    long legal = mode << 60 | value & (0x3fffL << 44) | value & ((1L << 44) - 1) & ~3L;
    hgatp = hgatp & ~mask | legal & mask;
    h.mmu.regimeChanged();
  }

  private static long vector(long old, long value) {
    return (value & 2) != 0 ? value & ~3L | old & 3 : value;
  }

  private static long envcfg(long old, long value, long mask) {
    long cbie = (value & CBIE) == 0x20 ? old & CBIE : value & CBIE;
    return value & mask & ~CBIE | cbie & mask;
  }
}
