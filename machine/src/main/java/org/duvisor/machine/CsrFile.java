package org.duvisor.machine;

import java.lang.foreign.MemorySegment;
import org.duvisor.devices.Snapshot;
import org.duvisor.isa.Cause;
import org.duvisor.isa.Csr;
import org.duvisor.isa.CsrField;
import org.duvisor.isa.Extension;
import org.duvisor.machine.dv.FileOwners;
import org.duvisor.machine.mem.Raw;

/**
 * The CSRs of a hart. What each holds and takes is said by the tables of the isa module ({@code
 * csrs/*.csr}); here are the ones that a row cannot say ({@code call}: a read and a write method by
 * the register's name), what follows from a write, and what others ask of registers together. Who
 * may access what is in {@link CsrAccess}. Numbers are after the redirection of V=1 ({@link
 * CsrAccess#effective}).
 */
public final class CsrFile {
  private static final long VMID = Csr.HGATP_VMID;
  private static final long M_INTERRUPTS = 0x888;

  private final Hart h;
  final HartState state;
  private final CsrRegisters registers;

  /** The bit of the interrupt of counters that overflow, where there is Sscofpmf. */
  private final long overflow;

  /** Interrupts that M may leave to S. */
  private final long supervisorInterrupts;

  /** The bit of SGEI, where there are guest interrupt files. */
  private final long guestExternal;

  /** Interrupts of H and of DV-ext, which M does not take. */
  private final long alwaysDelegated;

  final CsrAccess access;

  /** senvcfg.PMM and, above it, huvsenvcfg.PMM, that the TLBs were filled under. */
  private long userMasking;

  /** hdvctl.EN, for the process whose page table is at hdvroot. */
  boolean dvEnabled;

  CsrFile(Hart h) {
    this.h = h;
    this.state = h.state;
    this.registers = new CsrRegisters(this, h.state, h.aia, h.config.extensions());
    this.access = new CsrAccess(h);
    this.overflow =
        h.config.extensions().has(Extension.SSCOFPMF) ? 1L << Cause.COUNTER_OVERFLOW : 0;
    this.supervisorInterrupts = 0x222 | overflow;
    this.guestExternal = h.config.guestFiles() > 0 ? 1L << Cause.SUPERVISOR_GUEST_EXTERNAL : 0;
    this.alwaysDelegated =
        guestExternal
            | (h.config.hypervisor() ? Traps.VS_CLASS : 0)
            | (h.config.dv() ? Traps.HU_CLASS : 0);
  }

  void reset() {
    registers.reset();
    masking();
    h.counters.restart();
    setDv();
  }

  /** Saves or restores the block; values that no register takes are refused. */
  void snapshot(Snapshot s) {
    if (!s.restores()) {
      s.memory(state.memory());
      return;
    }
    MemorySegment saved = Raw.allocate(HartState.BYTES);
    s.memory(saved);
    registers.reset();
    String wrong = registers.check(saved, h.config.csrs());
    if (wrong != null) {
      throw s.refused(wrong + " cannot have this value");
    }
    state.memory().copyFrom(saved);
    state.x(0, 0);
    masking();
    h.counters.restored();
    setDv();
  }

  /** Interrupts that go to HS or lower; those of H and of DV-ext always do. */
  long mideleg() {
    return state.delegated() | alwaysDelegated;
  }

  /** Whether the guest has to leave before it executes another instruction. */
  boolean kicked() {
    return (state.hdvctl() & Csr.HDVCTL_KICK) != 0 && dvEnabled;
  }

  /** Whether a vCPU is resident here. */
  boolean resident() {
    return state.hdvvcpu() >= 0;
  }

  /**
   * hgatp as V=1 uses it: with DV-ext the VMID is the kernel's, and bit 58 keeps its translations
   * apart from KVM's.
   */
  long effectiveHgatp() {
    return dvEnabled ? readHugatp() | 1L << 58 : state.hgatp();
  }

  /** hcounteren as V=1 sees it. */
  long effectiveHcounteren() {
    return dvEnabled ? state.hcounteren() & state.scounteren() : state.hcounteren();
  }

  /** hstatus or, under DV-ext, hustatus: what rules V=1 execution. */
  long guestControl() {
    return dvEnabled ? readHustatus() : state.hstatus();
  }

  /**
   * Interrupts that HS does not take: those that it leaves to guests, and while the VM of a process
   * is on the hart all of a guest's, whoever runs, for HU makes them pending.
   */
  long notForHs() {
    return (state.hdvctl() & Csr.HDVCTL_EN) != 0 ? Traps.VS_CLASS : state.hideleg();
  }

  private void setDv() {
    dvEnabled =
        (state.hdvctl() & Csr.HDVCTL_EN) != 0 && (state.satp() & Csr.SATP_PPN) == state.hdvroot();
    h.residency = dvEnabled && resident() ? state.hdvvmid() << 6 | state.hdvvcpu() : -1;
  }

  // ---- floating-point state

  void updateFp() {
    h.fpReady =
        CsrField.get(state.mstatus(), Csr.MSTATUS_FS) == 3
            && (!h.v || CsrField.get(state.vsstatus(), Csr.VSSTATUS_FS) == 3 && huFloat() % 3 == 0);
  }

  /** hustatus.FS where it applies to V=1: 0 = not tracked, 1 = off, 2 = clean, 3 = dirty. */
  private int huFloat() {
    return dvEnabled ? CsrField.get(state.hustatus(), Csr.HUSTATUS_FS) : 0;
  }

  /** Traps when FS is off at a level in effect, else marks it dirty. */
  void dirtyFp() {
    if (CsrField.get(state.mstatus(), Csr.MSTATUS_FS) == 0
        || h.v && CsrField.get(state.vsstatus(), Csr.VSSTATUS_FS) == 0) {
      throw h.illegal();
    }
    if (h.v && huFloat() == 1) {
      throw h.virtualInstruction();
    }
    state.mstatus(CsrField.set(state.mstatus(), Csr.MSTATUS_FS, 3));
    if (h.v) {
      if (huFloat() == 2) {
        state.hustatus(CsrField.set(state.hustatus(), Csr.HUSTATUS_FS, 3));
      }
      state.vsstatus(CsrField.set(state.vsstatus(), Csr.VSSTATUS_FS, 3));
    }
    h.fpReady = true;
  }

  private static long withSd(long status) {
    return CsrField.get(status, Csr.MSTATUS_FS) == 3 ? status | Csr.MSTATUS_SD : status;
  }

  // ---- access by instructions: each checks, and throws the trap that a refused access causes

  /** Reads as csrr does. */
  public long readChecked(int csr) {
    return read(access.effective(csr, false));
  }

  /** Writes as csrw does. */
  public void writeChecked(int csr, long value) {
    write(access.effective(csr, true), value);
  }

  /** CSRRW: the old value, when wanted, and the new one written. */
  public long swap(int csr, long value, boolean wantOld) {
    int c = access.effective(csr, true);
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
    int c = access.effective(csr, true);
    Aia aia = h.aia;
    if (aia != null && Aia.isIndirect(c)) {
      return accessFile(aia, c, set | clear, set);
    }
    long old = read(c);
    write(c, startOfUpdate(c, old) & ~clear | set);
    return old;
  }

  /** Reads and writes in one step: messages come at any time. */
  private long accessFile(Aia aia, int csr, long mask, long value) {
    long old = Aia.isTopei(csr) ? aia.claim(csr) : aia.access(csr, mask, value);
    h.attend();
    return old;
  }

  /** Value of a CSR; the access has been checked. */
  long read(int csr) {
    return registers.read(csr);
  }

  /**
   * The value a set or clear starts from: as read, but of pending bits only what software wrote,
   * not what wires and posts hold high (privileged spec 3.1.9). vsip is the exception: clearing its
   * SSIP takes back a post, so it must be seen.
   */
  private long startOfUpdate(int csr, long read) {
    return csr == Csr.MIP || csr == Csr.HIP || csr == Csr.HUIP
        ? state.softwarePending() | state.hvip() & Traps.VS_CLASS
        : read;
  }

  /**
   * Writes a CSR; the access has been checked. Side effects on translation and interrupts are
   * included.
   */
  void write(int csr, long value) {
    registers.write(csr, value);
  }

  /** CBO.ZERO is enabled at every level in effect (CBZE), or traps. */
  public void checkCboZero() {
    checkEnvcfg(Csr.MENVCFG_CBZE);
  }

  /** CBO.CLEAN and CBO.FLUSH (CBCFE). */
  public void checkCboClean() {
    checkEnvcfg(Csr.MENVCFG_CBCFE);
  }

  /** CBO.INVAL (CBIE). */
  public void checkCboInval() {
    checkEnvcfg(Csr.MENVCFG_CBIE);
  }

  private void checkEnvcfg(long field) {
    if (h.priv == Hart.M) {
      return;
    }
    if ((state.menvcfg() & field) == 0) {
      throw h.illegal();
    }
    long user = h.v && dvEnabled ? state.huvsenvcfg() : state.senvcfg();
    boolean userDenies = h.priv == Hart.U && (user & field) == 0;
    if (h.v && ((state.henvcfg() & field) == 0 || userDenies)) {
      throw h.virtualInstruction();
    }
    if (userDenies) {
      throw h.illegal();
    }
  }

  // ---- what follows from a write: the verbs of the tables

  void attend() {
    h.attend();
  }

  void flush() {
    h.mmu.flushAll();
  }

  /** What counters count, or which do. */
  void count() {
    h.counters.changed();
  }

  /** A status register: translation and interrupt enables. */
  void status() {
    if (h.mmu.hasContextOf(state.mstatus(), state.vsstatus())) {
      updateFp();
    } else {
      h.contextChanged();
    }
    h.traps.enablesChanged();
  }

  /**
   * The envcfg of a user mode: what was entered for masked addresses goes when pointer masking is
   * another. Kernels write these registers at each change of threads.
   */
  void masking() {
    long now = state.senvcfg() & Csr.SENVCFG_PMM | (state.huvsenvcfg() & Csr.HUVSENVCFG_PMM) << 2;
    if (now != userMasking) {
      userMasking = now;
      h.mmu.flushAll();
    }
  }

  /** Whose translations and whose vCPU it is. */
  void domain() {
    setDv();
    h.mmu.regimeChanged();
    h.attend();
  }

  // ---- user level

  /** Sixteen bits of entropy, at once (Zkr 4.1). */
  long readSeed() {
    return CsrField.set(h.entropy.getAsInt() & Csr.SEED_ENTROPY, Csr.SEED_OPST, 2);
  }

  long readFflags() {
    return h.fcsr.flags;
  }

  void writeFflags(long value) {
    h.fcsr.flags = (int) value & 31;
  }

  long readFrm() {
    return h.fcsr.frm;
  }

  void writeFrm(long value) {
    h.fcsr.frm = (int) value & 7;
  }

  long readFcsr() {
    return h.fcsr.flags | h.fcsr.frm << 5;
  }

  void writeFcsr(long value) {
    writeFflags(value);
    writeFrm(value >> 5);
  }

  long readTime() {
    return h.clock.now() + (h.v ? state.htimedelta() : 0);
  }

  // ---- supervisor level

  long readSie() {
    return state.mie() & mideleg() & supervisorInterrupts | (h.aia == null ? 0 : h.aia.sie());
  }

  void writeSie(long value) {
    setMie(value, mideleg() & supervisorInterrupts);
    if (h.aia != null) {
      h.aia.writeSie(value);
    }
  }

  long readSip() {
    return h.traps.pending() & mideleg() & supervisorInterrupts | (h.aia == null ? 0 : h.aia.sip());
  }

  void writeSip(long value) {
    setSoftPending(value, mideleg() & (2 | overflow));
    if (h.aia != null) {
      h.aia.writeSip(value);
    }
  }

  void writeSatp(long value) {
    if (h.config.hasMode(value >>> 60)) {
      state.satp(value);
      domain();
    }
  }

  // ---- hypervisor

  void writeHstatus(long value) {
    long file = CsrField.get(value, Csr.HSTATUS_VGEIN);
    boolean exists = file <= h.config.guestFiles();
    state.hstatus(
        CsrField.set(registers.legalHstatus(value), Csr.HSTATUS_VGEIN, exists ? file : 0));
    h.contextChanged();
    h.attend();
  }

  long readHie() {
    return state.mie() & (Traps.VS_CLASS | guestExternal);
  }

  void writeHie(long value) {
    setMie(value, Traps.VS_CLASS | guestExternal);
  }

  void writeHgeie(long value) {
    long files = Math.max(0, h.config.guestFiles());
    state.hgeie(value & ((1L << files) - 1) << 1);
    h.attend();
  }

  long readHstateen0() {
    return state.hstateen0() & state.mstateen0();
  }

  void writeHstateen0(long value) {
    state.hstateen0(registers.legalHstateen0(value));
  }

  long readHstateen(int index) {
    return state.hstateen(index) & state.mstateen(index);
  }

  void writeHstateen(int index, long value) {
    state.hstateen(index, value & registers.hstateenMask());
  }

  long readHgeip() {
    return h.aia == null ? 0 : h.aia.guestFilesPending();
  }

  /**
   * A field that menvcfg does not allow is read-only zero (privileged spec 21.2.5), but those that
   * senvcfg has for user mode too, and pointer masking, which each level has for its next.
   */
  long readHenvcfg() {
    return state.henvcfg() & allowedHenvcfg();
  }

  private long allowedHenvcfg() {
    return state.menvcfg() | registers.senvcfgMask();
  }

  void writeHenvcfg(long value) {
    long old = state.henvcfg();
    state.henvcfg(registers.legalHenvcfg(value) & allowedHenvcfg());
    long translation = Csr.HENVCFG_ADUE | Csr.HENVCFG_PBMTE | Csr.HENVCFG_PMM;
    if (((old ^ state.henvcfg()) & translation) != 0) {
      h.mmu.flushAll();
    }
    h.attend();
  }

  long readHip() {
    return h.traps.pending() & (Traps.VS_CLASS | guestExternal);
  }

  void writeHip(long value) {
    setHvip(value, 4);
  }

  void writeHvip(long value) {
    setHvip(value, h.aia == null ? Traps.VS_CLASS : Traps.VS_CLASS | Aia.LOCAL);
  }

  void writeHgatp(long value) {
    setHgatp(value, -1L);
  }

  long readVsstatus() {
    return withSd(state.vsstatus());
  }

  long readVsie() {
    return (state.mie() & state.hideleg() & Traps.VS_CLASS) >>> 1
        | (h.aia == null ? 0 : h.aia.vsie());
  }

  void writeVsie(long value) {
    setMie(value << 1, state.hideleg() & Traps.VS_CLASS);
    if (h.aia != null) {
      h.aia.writeVsie(value);
    }
  }

  long readVsip() {
    return (h.traps.pending() & state.hideleg() & Traps.VS_CLASS) >>> 1
        | (h.aia == null ? 0 : h.aia.vsip());
  }

  /**
   * Clearing SSIP takes back the post that raised it: the post line is a latch (docs/dv-ext.md
   * 3.2).
   */
  void writeVsip(long value) {
    if (h.aia != null) {
      setHvip(value, h.aia.vsipMask());
    }
    if ((state.hideleg() & 4) == 0) {
      return;
    }
    setHvip(value << 1, 4);
    boolean posted = dvEnabled && resident() && (state.hdvctl() & Csr.HDVCTL_IPIV) != 0;
    if ((value & 2) == 0 && posted) {
      h.posts.clear((int) state.hdvvmid(), (int) state.hdvvcpu());
    }
  }

  void writeVsatp(long value) {
    if (h.config.hasMode(value >>> 60)) {
      state.vsatp(value);
      h.mmu.regimeChanged();
    }
  }

  // ---- DV-ext

  void writeHdvvcpu(long value) {
    state.hdvvcpu(Long.compareUnsigned(value, 64) < 0 ? value : -1);
  }

  void writeHdvgein(long value) {
    boolean exists = Long.compareUnsigned(value, h.config.guestFiles()) <= 0 && h.aia != null;
    state.hdvgein(exists ? value : 0);
  }

  long readHdvgowner() {
    return state.hdvgein() == 0 ? -1 : h.owners.owner(h.id, (int) state.hdvgein());
  }

  void writeHdvgowner(long value) {
    if (state.hdvgein() != 0) {
      int owner = Long.compareUnsigned(value, 0x3fff) <= 0 ? (int) value : FileOwners.NOBODY;
      h.owners.owner(h.id, (int) state.hdvgein(), owner);
    }
  }

  long readHdvwinbase() {
    return h.windows.base((int) state.hdvwinsel());
  }

  void writeHdvwinbase(long value) {
    h.windows.base((int) state.hdvwinsel(), value);
  }

  long readHdvwinlimit() {
    return h.windows.limit((int) state.hdvwinsel());
  }

  void writeHdvwinlimit(long value) {
    h.windows.limit((int) state.hdvwinsel(), value);
  }

  /** Its VGEIN is what the kernel lets HU select now, or 0. */
  long readHustatus() {
    return allowedFile(state.hustatus());
  }

  void writeHustatus(long value) {
    state.hustatus(allowedFile(registers.legalHustatus(value) & ~VGEIN | value & VGEIN));
    h.contextChanged();
    h.attend();
  }

  private static final long VGEIN = Csr.HUSTATUS_VGEIN;

  private long allowedFile(long hustatus) {
    return (hustatus & VGEIN) == state.hdvgein() << 12 ? hustatus : hustatus & ~VGEIN;
  }

  long readHuie() {
    return state.mie() & (Traps.HU_CLASS | Traps.VS_CLASS);
  }

  void writeHuie(long value) {
    setMie(value, Traps.HU_CLASS | Traps.VS_CLASS);
  }

  long readHuip() {
    return h.traps.pending() & (Traps.HU_CLASS | Traps.VS_CLASS);
  }

  void writeHuip(long value) {
    setHvip(value, 4);
    setSoftPending(value, 1);
  }

  long readHuvip() {
    return state.hvip() & Traps.VS_CLASS;
  }

  void writeHuvip(long value) {
    setHvip(value, Traps.VS_CLASS);
  }

  long readHugatp() {
    return state.hgatp() & ~VMID | state.hdvvmid() << 44;
  }

  void writeHugatp(long value) {
    setHgatp(value, ~VMID);
  }

  long readVipi0() {
    return h.posts.word((int) state.hdvvmid());
  }

  void writeVipi0(long value) {
    h.posts.post((int) state.hdvvmid(), value);
  }

  void writeVipiclr(long value) {
    if (resident() && (value >>> state.hdvvcpu() & 1) != 0) {
      h.posts.clear((int) state.hdvvmid(), (int) state.hdvvcpu());
      h.attend();
    }
  }

  // ---- machine level

  long readMhartid() {
    return h.id;
  }

  long readMisa() {
    return 2L << 62 | h.config.extensions().misa();
  }

  long readMstatus() {
    return withSd(state.mstatus());
  }

  long readMideleg() {
    return mideleg();
  }

  void writeMideleg(long value) {
    state.delegated(value & supervisorInterrupts);
    h.attend();
  }

  void writeMie(long value) {
    setMie(value, -1L);
  }

  long readMip() {
    return h.traps.pending();
  }

  void writeMip(long value) {
    long timer = (state.menvcfg() & Csr.MENVCFG_STCE) != 0 ? 0 : 1 << Cause.SUPERVISOR_TIMER;
    boolean external = h.aia == null || !h.aia.separateSeip();
    setSoftPending(value, timer | overflow | (external ? 0x202 : 2));
    setHvip(value, h.config.hypervisor() ? 4 : 0);
  }

  long readPmpcfg(int index) {
    return h.pmp.readConfig(index * 4);
  }

  void writePmpcfg(int index, long value) {
    h.pmp.writeConfig(index * 4, value);
  }

  long readPmpaddr(int index) {
    return h.pmp.readAddress(index);
  }

  void writePmpaddr(int index, long value) {
    h.pmp.writeAddress(index, value);
  }

  long readMcycle() {
    return h.counters.read(Counters.CYCLE);
  }

  void writeMcycle(long value) {
    h.counters.write(Counters.CYCLE, value);
  }

  long readMinstret() {
    return h.counters.read(Counters.INSTRET);
  }

  void writeMinstret(long value) {
    h.counters.write(Counters.INSTRET, value);
  }

  long readMhpmcounter(int index) {
    return h.counters.read(Counters.FIRST + index);
  }

  void writeMhpmcounter(int index, long value) {
    h.counters.write(Counters.FIRST + index, value & registers.mhpmcounterMask());
  }

  long readMhpmevent(int index) {
    return h.counters.readEvent(index);
  }

  void writeMhpmevent(int index, long value) {
    h.counters.writeEvent(index, value & registers.mhpmeventMask());
  }

  /** Each level sees the counters that those above let it read (Sscofpmf, "Supervisor CSRs"). */
  long readScountovf() {
    long byM = h.priv == Hart.M ? -1 : state.mcounteren();
    long byHs = h.v ? effectiveHcounteren() : -1;
    return h.counters.overflowed() & byM & byHs;
  }

  private void setMie(long value, long mask) {
    long implemented = M_INTERRUPTS | supervisorInterrupts | alwaysDelegated;
    state.mie(state.mie() & ~mask | value & mask & implemented);
    h.traps.enablesChanged();
  }

  void setSoftPending(long value, long mask) {
    state.softwarePending(state.softwarePending() & ~mask | value & mask);
    h.attend();
  }

  private void setHvip(long value, long mask) {
    state.hvip(state.hvip() & ~mask | value & mask);
    h.attend();
  }

  private void setHgatp(long value, long mask) {
    long mode = h.config.hasMode(value >>> 60) ? value >>> 60 : state.hgatp() >>> 60;
    long legal = mode << 60 | value & VMID | value & Csr.HGATP_PPN & ~3L;
    state.hgatp(state.hgatp() & ~mask | legal & mask);
    h.mmu.regimeChanged();
  }
}
