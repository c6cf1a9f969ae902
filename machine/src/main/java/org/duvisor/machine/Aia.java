package org.duvisor.machine;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.ArrayList;
import java.util.List;
import org.duvisor.devices.Snapshot;
import org.duvisor.devices.aia.ImsicFile;
import org.duvisor.isa.Cause;
import org.duvisor.isa.Csr;
import org.duvisor.isa.CsrField;

/**
 * What the Advanced Interrupt Architecture adds to a hart (specification 1.0, Smaia and Ssaia): its
 * interrupt files, the indirect registers, priorities of major interrupts, virtual interrupts of S
 * and VS, and *topi. Who may access which register is in {@link CsrAccess}. While DV-ext is
 * enabled, hvien, hvictl and hviprio, which are the kernel's, do not apply (docs/dv-ext.md 3.4).
 */
final class Aia {
  /** Highest interrupt identity of the files. */
  static final int IDENTITIES = 255;

  /** Major interrupts that no hardware raises: software may make them up for S and VS. */
  static final long LOCAL = -1L << 13;

  private static final int IPRIO0 = 0x30;
  private static final int IPRIO15 = 0x3f;

  private static final long MVIEN = LOCAL | 1 << 1 | 1 << 9;

  private static final long VTI = 1L << 30;
  private static final long IPRIOM = 1L << 8;
  private static final long DPR = 1L << 9;

  /** Major interrupts that have a byte in hviprio1 and hviprio2; 0 stands for a reserved byte. */
  private static final int[] HVIPRIO = {0, 1, 0, 5, 0, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23};

  /** A priority number beyond all that can be written: below the external interrupt. */
  private static final int LOWEST = 256;

  /**
   * Whose priority array has writable bytes for what: all but the own level's external interrupt.
   */
  private static final long M_PRIORITIES = 0x2aa;

  private static final long S_PRIORITIES = LOCAL | 1 << 1 | 1 << 5 | Traps.VS_CLASS | 1 << 12;

  /** Default priority order, highest first (table 5.1 of the specification). */
  private static final int[] ORDER = {
    47, 23, 46, 45, 22, 44, 43, 21, 42, 41, 20, 40, 11, 3, 7, 9, 1, 5, 12, 10, 2, 6, 13, 39, 19, 38,
    37, 18, 36, 35, 17, 34, 33, 16, 32, 63, 62, 61, 60, 59, 58, 57, 56, 55, 54, 53, 52, 51, 50, 49,
    48, 31, 30, 29, 28, 27, 26, 25, 24, 15, 14
  };

  private static final VarHandle HGEIP;

  static {
    try {
      HGEIP = MethodHandles.lookup().findVarHandle(Aia.class, "hgeip", long.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private final Hart h;
  private final int geilen;
  final ImsicFile machineFile;
  final ImsicFile supervisorFile;

  /** Guest file n is at n - 1. */
  final List<ImsicFile> guestFiles = new ArrayList<>();

  @SuppressWarnings("unused") // by HGEIP
  private volatile long hgeip;

  private final HartState state;

  Aia(Hart h, int geilen) {
    this.h = h;
    this.state = h.state;
    this.geilen = geilen;
    machineFile = new ImsicFile(IDENTITIES, level -> h.wire(Cause.MACHINE_EXTERNAL, level));
    supervisorFile = new ImsicFile(IDENTITIES, level -> h.wire(Cause.SUPERVISOR_EXTERNAL, level));
    for (int i = 1; i <= geilen; i++) {
      long bit = 1L << i;
      guestFiles.add(new ImsicFile(IDENTITIES, level -> guestWire(bit, level)));
    }
  }

  /** Saves or restores the interrupt files. */
  void snapshot(Snapshot s) {
    machineFile.snapshot(s);
    supervisorFile.snapshot(s);
    guestFiles.forEach(file -> file.snapshot(s));
    hgeip = s.word(hgeip);
  }

  void reset() {
    machineFile.reset();
    supervisorFile.reset();
    guestFiles.forEach(ImsicFile::reset);
    h.owners.clear(h.id);
  }

  private void guestWire(long bit, boolean level) {
    if (level) {
      long before = (long) HGEIP.getAndBitwiseOr(this, bit);
      if ((before & bit) == 0) {
        h.signal();
      }
    } else {
      long _ = (long) HGEIP.getAndBitwiseAnd(this, ~bit); // a VarHandle's type is its use
    }
  }

  // ---- guest files

  /** Guest files are numbered from 1 to this. */
  int geilen() {
    return geilen;
  }

  /** The guest file that hstatus or hustatus selects, or 0 for none. */
  private int selected(long control) {
    int file = CsrField.get(control, Csr.HSTATUS_VGEIN);
    return file <= geilen ? file : 0;
  }

  /** The guest file behind an access: HU's registers and V=1 under DV-ext have hustatus' choice. */
  private int fileOf(int csr) {
    CsrFile c = h.csrs;
    return selected(
        csr == Csr.HUVSIREG ? c.readHustatus() : h.v ? c.guestControl() : state.hstatus());
  }

  /** What the interrupt files raise: VSEIP and SGEIP. */
  long filesPending() {
    long files = hgeip;
    int file = selected(h.csrs.guestControl());
    return (file != 0 ? (files >>> file & 1) << Cause.VIRTUAL_SUPERVISOR_EXTERNAL : 0)
        | ((files & state.hgeie()) != 0 ? 1L << Cause.SUPERVISOR_GUEST_EXTERNAL : 0);
  }

  // ---- virtual interrupts

  private long kernelHvien() {
    return h.csrs.dvEnabled ? 0 : state.hvien();
  }

  private long kernelHvictl() {
    return h.csrs.dvEnabled ? 0 : state.hvictl();
  }

  /** hvictl.VTI: the hypervisor chooses the interrupt of VS, and sip and sie are its to emulate. */
  boolean virtualTrap() {
    return (kernelHvictl() & VTI) != 0;
  }

  /** mvien, where S has an interrupt that M does not delegate. */
  private long onlyVirtual() {
    return state.mvien() & ~h.csrs.mideleg();
  }

  /** Bits of sip beside those of mip. */
  long sip() {
    return mvip() & onlyVirtual();
  }

  private long mvip() {
    return state.mvip() | state.softwarePending() & aliased();
  }

  /** Bits of sie beside those of mie. */
  long sie() {
    return state.sieVirtual() & onlyVirtual();
  }

  /** Bits of vsip beside those of mip. */
  long vsip() {
    return state.hvip() & kernelHvien();
  }

  /** Bits of vsie beside those of mie. */
  long vsie() {
    return state.vsieVirtual() & kernelHvien();
  }

  void writeSip(long value) {
    long mask = onlyVirtual() & (LOCAL | 2);
    state.mvip(state.mvip() & ~mask | value & mask);
  }

  void writeSie(long value) {
    state.sieVirtual(state.sieVirtual() & ~onlyVirtual() | value & onlyVirtual());
    h.attend();
  }

  /** The bits of hvip that vsip shows beside those of VS class. */
  long vsipMask() {
    return kernelHvien();
  }

  void writeVsie(long value) {
    state.vsieVirtual(state.vsieVirtual() & ~kernelHvien() | value & kernelHvien());
    h.attend();
  }

  /** With mvien.SEIE, the SEIP that software writes is S's, and mip shows the wire alone. */
  boolean separateSeip() {
    return (state.mvien() & 1 << 9) != 0;
  }

  /** Whether an interrupt that is in neither mip nor mie may be waiting for S or VS. */
  boolean wakes() {
    return (sip() & sie()) != 0 || h.v && vstopi() != 0;
  }

  /** Whether enables that change may let in what mip and mie do not show. */
  boolean hasVirtual() {
    return (mvip() & state.mvien() | state.hvip() & state.hvien() | state.hvictl() & VTI) != 0;
  }

  // ---- priorities

  private static int externalPriority(ImsicFile file) {
    int top = file.top() & 0x7ff;
    return top == 0 ? LOWEST : top;
  }

  /**
   * The most urgent of a group: its number in bits 27:16, its priority number in 7:0; 0 for an
   * empty group.
   *
   * @param external the level's external interrupt, whose priority is {@code externalPriority}
   */
  private int first(long group, int external, int externalPriority, boolean machine) {
    int best = 0;
    int bestPriority = LOWEST + 1;
    boolean above = true; // the default priority is higher than the external interrupt's
    for (int i : ORDER) {
      above &= i != external;
      if ((group >>> i & 1) == 0) {
        continue;
      }
      int p = priority(machine, i);
      if (i == external) {
        p = externalPriority;
      } else if (p == 0) {
        p = above ? 0 : LOWEST;
      }
      if (p < bestPriority) {
        bestPriority = p;
        best = i;
      }
    }
    return best == 0 ? 0 : best << 16 | Math.min(bestPriority, 255);
  }

  /** mtopi, given mip. */
  int mtopi(long pending) {
    long group = pending & state.mie() & ~h.csrs.mideleg();
    return group == 0
        ? 0
        : first(group, Cause.MACHINE_EXTERNAL, externalPriority(machineFile), true);
  }

  /** stopi, given mip: what HS would take. */
  int stopi(long pending) {
    CsrFile c = h.csrs;
    long group =
        pending & state.mie() & c.mideleg() & ~Traps.HU_CLASS & ~c.notForHs() | sip() & sie();
    if (group == 0) {
      return 0;
    }
    int external = separateSeip() ? LOWEST : externalPriority(supervisorFile);
    return first(group, Cause.SUPERVISOR_EXTERNAL, external, false);
  }

  int vstopi() {
    return vstopi(h.traps.pending(), h.csrs.guestControl());
  }

  /**
   * vstopi (6.3.3): candidates are the external interrupt and either hvictl's or all the others.
   */
  int vstopi(long pending, long control) {
    long ctl = kernelHvictl();
    long group = (pending & state.mie() & state.hideleg() & Traps.VS_CLASS) >>> 1 | vsip() & vsie();
    int chosen = (int) (ctl >>> 16) & 0xfff;
    int top = 0;
    int priority = LOWEST + 1;
    if ((group & 1 << 9) != 0) {
      int file = selected(control);
      int number = file != 0 ? guestFiles.get(file - 1).top() & 0x7ff : 0;
      if (file == 0 && chosen == Cause.SUPERVISOR_EXTERNAL) {
        number = (int) ctl & 0xff;
      }
      top = Cause.SUPERVISOR_EXTERNAL;
      priority = number == 0 ? LOWEST : number;
    }
    if ((ctl & VTI) != 0) {
      int p = (int) ctl & 0xff;
      boolean aboveExternal = (ctl & DPR) == 0;
      int key = p != 0 ? p : aboveExternal ? 0 : LOWEST;
      if (chosen != Cause.SUPERVISOR_EXTERNAL
          && (key < priority || key == priority && aboveExternal)) {
        top = chosen;
        priority = key;
      }
    } else {
      int other = first(group & ~(1 << 9), priority);
      if (other >= 0) {
        top = other >>> 16;
        priority = other & 0xffff;
      }
    }
    if (priority > LOWEST) {
      return 0;
    }
    int shown = (ctl & IPRIOM) != 0 ? Math.min(priority, 255) : 1;
    return top << 16 | shown;
  }

  /**
   * The most urgent of VS's other interrupts, if it goes before the external one, as number
   * &lt;&lt; 16 | priority; else -1.
   */
  private int first(long group, int externalPriority) {
    int found = -1;
    int best = externalPriority;
    boolean above = true;
    for (int i : ORDER) {
      above &= i != Cause.SUPERVISOR_EXTERNAL;
      if ((group >>> i & 1) == 0) {
        continue;
      }
      int p = guestPriority(i);
      if (p == 0) {
        p = above ? 0 : LOWEST;
      }
      if (p < best || p == best && above && found < 0) {
        best = p;
        found = i << 16 | p;
      }
    }
    return found;
  }

  /** Its byte in the priority array of M or S. */
  private int priority(boolean machine, int interrupt) {
    int word = interrupt / 8;
    long eight = machine ? state.mPriority(word) : state.sPriority(word);
    return (int) (eight >>> 8 * (interrupt % 8)) & 0xff;
  }

  private int guestPriority(int interrupt) {
    for (int i = 0; i < HVIPRIO.length; i++) {
      if (HVIPRIO[i] == interrupt && !h.csrs.dvEnabled) {
        return (int) (state.hviprio(i / 8) >>> (8 * (i % 8))) & 0xff;
      }
    }
    return 0;
  }

  // ---- registers

  /** Checks an access to mireg, sireg, vsireg, huvsireg or a *topei; throws the trap it causes. */
  void checkIndirect(int csr) {
    switch (csr) {
      case Csr.MIREG -> check(state.miselect(), true);
      case Csr.SIREG -> {
        check(state.siselect(), true);
        checkSupervisorFile(state.siselect() >= ImsicFile.EIDELIVERY);
      }
      case Csr.STOPEI -> checkSupervisorFile(true);
      case Csr.VSIREG, Csr.HUVSIREG -> {
        long vsiselect = state.vsiselect();
        boolean inRange = vsiselect >= ImsicFile.EIDELIVERY && vsiselect <= ImsicFile.LAST;
        if (vsiselect >= IPRIO0 && vsiselect <= IPRIO15 || inRange && fileOf(csr) == 0) {
          throw h.illegalOrVirtual(); // the hypervisor may have something to show there
        }
        if (inRange && !ImsicFile.exists((int) vsiselect)) {
          throw h.illegalOrVirtual();
        }
        check(vsiselect, false);
      }
      case Csr.VSTOPEI -> {
        if (fileOf(csr) == 0) {
          throw h.illegalOrVirtual();
        }
      }
      default -> {}
    }
  }

  private void check(long select, boolean priorities) {
    boolean iprio = priorities && select >= IPRIO0 && select <= IPRIO15 && (select & 1) == 0;
    if (!iprio && !ImsicFile.exists((int) select)) {
      throw h.illegal();
    }
  }

  /** With mvien.SEIE, M has the supervisor's file for itself. */
  private void checkSupervisorFile(boolean access) {
    if (access && separateSeip() && h.priv != Hart.M) {
      throw h.illegal();
    }
  }

  /**
   * Whether a register of an interrupt file may be behind it, which needs reading and writing as
   * one step.
   */
  static boolean isIndirect(int csr) {
    return switch (csr) {
      case Csr.MIREG, Csr.SIREG, Csr.VSIREG, Csr.HUVSIREG, Csr.MTOPEI, Csr.STOPEI, Csr.VSTOPEI ->
          true;
      default -> false;
    };
  }

  /** Reads an {@link #isIndirect} register and writes the bits of {@code mask} in one step. */
  long access(int csr, long mask, long value) {
    return switch (csr) {
      case Csr.MIREG -> indirect(machineFile, true, M_PRIORITIES, state.miselect(), mask, value);
      case Csr.SIREG ->
          indirect(supervisorFile, false, S_PRIORITIES, state.siselect(), mask, value);
      case Csr.VSIREG, Csr.HUVSIREG ->
          guestFiles.get(fileOf(csr) - 1).access((int) state.vsiselect(), mask, value);
      case Csr.MTOPEI -> machineFile.top();
      case Csr.STOPEI -> supervisorFile.top();
      default -> guestFiles.get(fileOf(csr) - 1).top();
    };
  }

  /** The write to a *topei, whatever is written; returns what it claims. */
  long claim(int csr) {
    return switch (csr) {
      case Csr.MTOPEI -> machineFile.claim();
      case Csr.STOPEI -> supervisorFile.claim();
      default -> guestFiles.get(fileOf(csr) - 1).claim();
    };
  }

  static boolean isTopei(int csr) {
    return csr == Csr.MTOPEI || csr == Csr.STOPEI || csr == Csr.VSTOPEI;
  }

  private long indirect(
      ImsicFile file, boolean machine, long writable, long select, long mask, long value) {
    if (select > IPRIO15) {
      return file.access((int) select, mask, value);
    }
    int word = (int) (select - IPRIO0) / 2;
    long old = machine ? state.mPriority(word) : state.sPriority(word);
    long allowed = 0;
    for (int i = 0; i < 8; i++) {
      allowed |= (writable >>> 8 * word + i & 1) != 0 ? 0xffL << 8 * i : 0;
    }
    if (mask != 0) {
      long next = old & ~(mask & allowed) | value & mask & allowed;
      if (machine) {
        state.mPriority(word, next);
      } else {
        state.sPriority(word, next);
      }
      h.attend();
    }
    return old;
  }

  /** Bits of mvip that are those of mip which software writes. */
  private long aliased() {
    long timer = (state.menvcfg() & Csr.MENVCFG_STCE) != 0 ? 0 : 1 << 5;
    return 1 << 9 | 2 & ~state.mvien() | timer;
  }

  long readMireg() {
    return access(Csr.MIREG, 0, 0);
  }

  void writeMireg(long value) {
    write(Csr.MIREG, value);
  }

  long readSireg() {
    return access(Csr.SIREG, 0, 0);
  }

  void writeSireg(long value) {
    write(Csr.SIREG, value);
  }

  long readVsireg() {
    return access(Csr.VSIREG, 0, 0);
  }

  void writeVsireg(long value) {
    write(Csr.VSIREG, value);
  }

  long readHuvsireg() {
    return access(Csr.HUVSIREG, 0, 0);
  }

  void writeHuvsireg(long value) {
    write(Csr.HUVSIREG, value);
  }

  private void write(int csr, long value) {
    access(csr, -1, value);
    h.attend();
  }

  long readMtopei() {
    return access(Csr.MTOPEI, 0, 0);
  }

  void writeMtopei(long value) {
    claimed(Csr.MTOPEI);
  }

  long readStopei() {
    return access(Csr.STOPEI, 0, 0);
  }

  void writeStopei(long value) {
    claimed(Csr.STOPEI);
  }

  long readVstopei() {
    return access(Csr.VSTOPEI, 0, 0);
  }

  void writeVstopei(long value) {
    claimed(Csr.VSTOPEI);
  }

  private void claimed(int csr) {
    claim(csr);
    h.attend();
  }

  long readMtopi() {
    return mtopi(h.traps.pending());
  }

  long readStopi() {
    return stopi(h.traps.pending());
  }

  long readVstopi() {
    return vstopi(h.traps.pending(), h.v ? h.csrs.guestControl() : state.hstatus());
  }

  long readHuvstopi() {
    return vstopi(h.traps.pending(), h.csrs.readHustatus());
  }

  void writeMvien(long value) {
    state.mvien(value & MVIEN);
    state.mvip(state.mvip() & (LOCAL | state.mvien() & 2));
    h.attend();
  }

  long readMvip() {
    return mvip();
  }

  void writeMvip(long value) {
    state.mvip(value & (LOCAL | state.mvien() & 2));
    h.csrs.setSoftPending(value, aliased());
    h.attend();
  }

  void writeHviprio(int half, long value) {
    long mask = 0;
    for (int i = 0; i < 8; i++) {
      mask |= HVIPRIO[8 * half + i] != 0 ? 0xffL << (8 * i) : 0;
    }
    state.hviprio(half, value & mask);
  }

  /** hgeip. */
  long guestFilesPending() {
    return hgeip;
  }
}
