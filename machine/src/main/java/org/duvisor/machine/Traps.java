package org.duvisor.machine;

import org.duvisor.devices.Snapshot;
import org.duvisor.isa.Cause;
import org.duvisor.isa.Csr;
import org.duvisor.isa.CsrField;
import org.duvisor.machine.mem.Raw;
import org.jspecify.annotations.Nullable;

/**
 * Taking traps: which privilege a cause goes to (privileged spec 3.1.8, 21.6; docs/dv-ext.md
 * section 5), what is written on entry, and which interrupt is taken first.
 */
public final class Traps {
  private static final long INTERRUPT = 1L << 63;

  /** Interrupts of the HU class: USIP, UTIP, UEIP. */
  static final long HU_CLASS = 0x111;

  /** Interrupts of the VS class. */
  static final long VS_CLASS = 0x444;

  /** Architectural priority, highest first. */
  private static final int[] PRIORITY = {11, 3, 7, 9, 1, 5, 12, 10, 2, 6, 13, 8, 0, 4};

  /** Ticks to a timer that is not set. */
  static final long NEVER = Long.MAX_VALUE;

  private final Hart h;
  private final Trap exception = new Trap();
  private long lookedAt;
  private long toTimer = NEVER;

  private final TrapCounts counts = new TrapCounts();
  private @Nullable ModeListener listener;

  Traps(Hart h) {
    this.h = h;
  }

  /**
   * Sets who sees the hart change its mode from now on; on the hart's thread, or before it runs.
   */
  public void listener(ModeListener value) {
    listener = value;
  }

  /** What has been taken. */
  public TrapCounts counts() {
    return counts;
  }

  /** The mode the hart is in, for {@link TrapCounts}. */
  private Mode mode() {
    if (h.v) {
      return h.priv == Hart.S ? Mode.VS : Mode.VU;
    }
    return switch (h.priv) {
      case Hart.M -> Mode.M;
      case Hart.S -> Mode.HS;
      default -> h.csrs.dvEnabled ? Mode.HU : Mode.U;
    };
  }

  private void note(Mode to, long cause, long epc) {
    Mode from = mode();
    counts.add(from, to, cause);
    h.counters.happens(CounterEvent.TRAP);
    if (cause < 0) {
      h.counters.happens(CounterEvent.INTERRUPT);
    }
    if (from.guest() && !to.guest()) {
      h.counters.happens(CounterEvent.GUEST_EXIT);
    }
    ModeListener l = listener;
    if (l != null) {
      l.trapped(h, from, to, cause, epc);
    }
  }

  /** An xRET has been executed: the mode is the new one. */
  void returned(long pc) {
    ModeListener l = listener;
    if (l != null) {
      l.returned(h, mode(), pc);
    }
  }

  /** Prepares an exception for throwing; {@code tval2} is a guest-physical address &gt;&gt; 2. */
  Trap exception(int cause, long tval, long tval2, long tinst, boolean gva) {
    Trap t = exception;
    t.cause = cause;
    t.tval = tval;
    t.tval2 = tval2;
    t.tinst = tinst;
    t.gva = gva;
    return t;
  }

  /** Takes a synchronous exception raised at {@code epc}: called by engines. Sets the pc. */
  public void take(Trap t, long epc) {
    if (t == Trap.AGAIN) {
      h.pc = epc;
      return;
    }
    take(t, epc, h.engine.fetchedBits(epc));
  }

  /** The same when the caller knows the instruction: its word, or 16 bits of a compressed one. */
  public void take(Trap t, long epc, int bits) {
    long tval = t.tval;
    long tinst = t.tinst;
    if (t.cause == Cause.ILLEGAL_INSTRUCTION || t.cause == Cause.VIRTUAL_INSTRUCTION) {
      tval = Integer.toUnsignedLong(bits);
    } else if (tinst < 0) {
      tinst = TransformedInstruction.of(bits, (int) (Trap.TRANSFORM - tinst));
    }
    h.pc = enter(t.cause, epc, tval, t.tval2, tinst, t.gva);
  }

  /** Takes an exception without tval, such as ecall; returns the new pc. */
  public long enter(int cause, long epc) {
    return enter(cause, epc, 0, 0, 0, false);
  }

  /** Takes a breakpoint exception at {@code pc}. */
  long breakpoint(long pc) {
    return enter(Cause.BREAKPOINT, pc, pc, 0, 0, h.v);
  }

  private long enter(int cause, long epc, long tval, long tval2, long tinst, boolean gva) {
    CsrFile c = h.csrs;
    long bit = 1L << cause;
    boolean guestOfHu = h.v && c.dvEnabled;
    boolean toM =
        h.priv == Hart.M
            || !guestOfHu && cause != Cause.WINDOW_VIOLATION && (c.state.medeleg() & bit) == 0;
    if (toM) {
      return toM(cause, epc, tval, tval2, tinst, gva);
    }
    if (h.v && (c.state.hedeleg() & bit) != 0) {
      return toVs(cause, epc, tval);
    }
    if (guestOfHu && (c.state.sedeleg() & bit) != 0) {
      return toHu(cause, epc, tval, tval2, tinst, gva);
    }
    return toHs(cause, epc, tval, tval2, tinst, gva);
  }

  private long toM(long cause, long epc, long tval, long tval2, long tinst, boolean gva) {
    note(Mode.M, cause, epc);
    CsrFile c = h.csrs;
    long s = c.state.mstatus();
    s = CsrField.set(s, Csr.MSTATUS_MPP, h.priv);
    s = CsrField.set(s, Csr.MSTATUS_MPIE, CsrField.get(s, Csr.MSTATUS_MIE));
    s = CsrField.set(s, Csr.MSTATUS_MIE, 0);
    s = CsrField.set(s, Csr.MSTATUS_MPV, h.v ? 1 : 0);
    s = CsrField.set(s, Csr.MSTATUS_GVA, gva ? 1 : 0);
    c.state.mstatus(s);
    c.state.mepc(epc);
    c.state.mcause(cause);
    c.state.mtval(tval);
    c.state.mtval2(tval2);
    c.state.mtinst(tinst);
    return arrive(Hart.M, false, c.state.mtvec(), cause);
  }

  private long toHs(long cause, long epc, long tval, long tval2, long tinst, boolean gva) {
    note(Mode.HS, cause, epc);
    CsrFile c = h.csrs;
    if (h.v && c.dvEnabled && (c.state.hdvctl() & Csr.HDVCTL_HTR) != 0) {
      boolean exception = cause >= 0;
      exitToHu(INTERRUPT | Cause.HOST_EVENT, epc, exception ? cause : 0, 0, 0, false);
      epc = c.state.utvec() & ~3L;
      if (exception) {
        cause =
            Cause
                .WINDOW_VIOLATION; // the guest's ecall is no system call of its hypervisor, nor its
        // page fault one of the process
      }
      c.state.hustatus(CsrField.set(c.state.hustatus(), Csr.HUSTATUS_UIE, 0));
    }
    return arriveAtHs(cause, epc, tval, tval2, tinst, gva);
  }

  /**
   * HS has entered a guest while the VM of a process is on the hart, which only HURET enters
   * (docs/dv-ext.md, section 6): that guest traps before its first instruction. Not reflected, for
   * HS would find that it never left.
   *
   * @param pc where the guest would go on
   */
  long refuseEntry(long pc) {
    note(Mode.HS, Cause.WINDOW_VIOLATION, pc);
    return arriveAtHs(Cause.WINDOW_VIOLATION, pc, 0, 0, 0, false);
  }

  private long arriveAtHs(long cause, long epc, long tval, long tval2, long tinst, boolean gva) {
    CsrFile c = h.csrs;
    long s = c.state.mstatus();
    s = CsrField.set(s, Csr.SSTATUS_SPP, h.priv);
    s = CsrField.set(s, Csr.SSTATUS_SPIE, CsrField.get(s, Csr.SSTATUS_SIE));
    s = CsrField.set(s, Csr.SSTATUS_SIE, 0);
    c.state.mstatus(s);
    long hs = c.state.hstatus();
    hs = CsrField.set(hs, Csr.HSTATUS_SPV, h.v ? 1 : 0);
    if (h.v) {
      hs = CsrField.set(hs, Csr.HSTATUS_SPVP, h.priv);
    }
    c.state.hstatus(CsrField.set(hs, Csr.HSTATUS_GVA, gva ? 1 : 0));
    c.state.sepc(epc);
    c.state.scause(cause);
    c.state.stval(tval);
    c.state.htval(tval2);
    c.state.htinst(tinst);
    h.execution.left |= h.execution.embedded;
    return arrive(Hart.S, false, c.state.stvec(), cause);
  }

  private long toVs(long cause, long epc, long tval) {
    note(Mode.VS, cause, epc);
    CsrFile c = h.csrs;
    long s = c.state.vsstatus();
    s = CsrField.set(s, Csr.SSTATUS_SPP, h.priv);
    s = CsrField.set(s, Csr.SSTATUS_SPIE, CsrField.get(s, Csr.SSTATUS_SIE));
    c.state.vsstatus(CsrField.set(s, Csr.SSTATUS_SIE, 0));
    c.state.vsepc(epc);
    c.state.vscause(cause);
    c.state.vstval(tval);
    return arrive(Hart.S, true, c.state.vstvec(), cause);
  }

  private long toHu(long cause, long epc, long tval, long tval2, long tinst, boolean gva) {
    note(Mode.HU, cause, epc);
    return exitToHu(cause, epc, tval, tval2, tinst, gva);
  }

  /** Entry to HU (docs/dv-ext.md, section 5), or the first step of a reflected trap to HS. */
  private long exitToHu(long cause, long epc, long tval, long tval2, long tinst, boolean gva) {
    CsrFile c = h.csrs;
    long s = c.state.hustatus();
    if (h.v) {
      s = CsrField.set(s, Csr.HSTATUS_SPV, 1);
      s = CsrField.set(s, Csr.HSTATUS_SPVP, h.priv);
    } else {
      s = CsrField.set(s, Csr.HSTATUS_SPV, 0);
    }
    s = CsrField.set(s, Csr.HSTATUS_GVA, gva ? 1 : 0);
    s = CsrField.set(s, Csr.HUSTATUS_UPIE, CsrField.get(s, Csr.HUSTATUS_UIE));
    c.state.hustatus(CsrField.set(s, Csr.HUSTATUS_UIE, 0));
    if (cause == (INTERRUPT | Cause.HOST_EVENT)) {
      c.state.hdvctl(
          c.state.hdvctl()
              & ~Csr.HDVCTL_KICK); // the guest has left, which is all that a kick asks for
    }
    c.state.uepc(epc);
    c.state.ucause(cause);
    c.state.utval(tval);
    c.state.hutval(tval2);
    c.state.hutinst(tinst);
    h.execution.left |= h.execution.embedded;
    return arrive(Hart.U, false, c.state.utvec(), cause);
  }

  private long arrive(int priv, boolean v, long vector, long cause) {
    h.priv = priv;
    h.v = v;
    h.contextChanged();
    h.counters.modeChanged();
    if (h.execution.left) {
      h.attend();
    }
    long base = vector & ~3L;
    return cause < 0 && (vector & 3) == 1 ? base + 4 * (cause & 0x3f) : base;
  }

  // ---- interrupts

  /** What the last look found. */
  void snapshot(Snapshot s) {
    lookedAt = s.word(lookedAt);
    toTimer = s.word(toTimer);
    lastPending(s.word(lastPending()));
  }

  private long lastPending() {
    return Raw.word(h.block + OwnWords.LAST_PENDING);
  }

  private void lastPending(long interrupts) {
    Raw.word(h.block + OwnWords.LAST_PENDING, interrupts);
  }

  /** mip as it stands now, all sources together; also refreshes {@link #ticksLeft}. */
  long pending() {
    CsrFile c = h.csrs;
    Aia aia = h.aia;
    long p = c.state.softwarePending();
    if (aia != null) {
      p = (aia.separateSeip() ? p & ~(1L << Cause.SUPERVISOR_EXTERNAL) : p) | aia.filesPending();
    }
    p |= h.wires() | c.state.hvip() & VS_CLASS;
    long now = h.clock.now();
    long left = NEVER;
    if (Long.compareUnsigned(now, h.mtimecmp) >= 0) {
      p |= 1L << Cause.MACHINE_TIMER;
    } else {
      left = sooner(left, h.mtimecmp - now);
    }
    if ((c.state.menvcfg() & Csr.MENVCFG_STCE) != 0) {
      p &= ~(1L << Cause.SUPERVISOR_TIMER); // STIP is the comparison's alone
      if (Long.compareUnsigned(now, c.state.stimecmp()) >= 0) {
        p |= 1L << Cause.SUPERVISOR_TIMER;
      } else {
        left = sooner(left, c.state.stimecmp() - now);
      }
      if ((c.state.henvcfg() & Csr.MENVCFG_STCE) != 0) {
        long guestNow = now + c.state.htimedelta();
        if (Long.compareUnsigned(guestNow, c.state.vstimecmp()) >= 0) {
          p |= 1L << Cause.VIRTUAL_SUPERVISOR_TIMER;
        } else {
          left = sooner(left, c.state.vstimecmp() - guestNow);
        }
      }
    }
    if (c.dvEnabled) {
      if ((c.state.vtimectl() & 1) != 0) {
        if (Long.compareUnsigned(now, c.state.vtimecmp()) >= 0) {
          p |= 1L << Cause.USER_TIMER;
        } else {
          left = sooner(left, c.state.vtimecmp() - now);
        }
      }
      if (c.resident() && h.posts.pending((int) c.state.hdvvmid(), (int) c.state.hdvvcpu())) {
        p |=
            (c.state.hdvctl() & Csr.HDVCTL_IPIV) != 0
                ? 1L << Cause.VIRTUAL_SUPERVISOR_SOFTWARE
                : 1L << Cause.USER_SOFTWARE;
      }
    }
    lookedAt = now;
    toTimer = left;
    lastPending(p);
    return p;
  }

  /**
   * Enables changed: look up if something that was pending at the last look may be taken now. What
   * has come since has asked for attention itself, and timers are looked at every quantum.
   */
  void enablesChanged() {
    Aia aia = h.aia;
    if ((lastPending() & h.csrs.state.mie()) != 0 || aia != null && aia.hasVirtual()) {
      h.attend();
    }
  }

  /** The shorter of two unsigned times; what is further away than 2^63 ticks is never. */
  private static long sooner(long a, long ticks) {
    return ticks >= 0 ? Math.min(a, ticks) : a;
  }

  /**
   * Ticks of mtime until the next timer of this hart expires, 0 when it has, {@link #NEVER} for
   * none. Counted from the last look at the timers, for mtime may wrap; who sets mtime makes the
   * hart look.
   */
  long ticksLeft() {
    long gone = h.clock.now() - lookedAt;
    return toTimer == NEVER ? NEVER : gone < 0 ? toTimer : Math.max(0, toTimer - gone);
  }

  /**
   * WFI: any interrupt that is pending and enabled in mie ends it, whatever the global enables say.
   */
  boolean wakesFromWait() {
    Aia aia = h.aia;
    return (pending() & h.csrs.state.mie()) != 0 || aia != null && aia.wakes();
  }

  /** Takes the most urgent enabled interrupt, if there is one. */
  void takeInterrupt() {
    CsrFile c = h.csrs;
    Aia aia = h.aia;
    long pending = pending();
    long ready = pending & c.state.mie();
    boolean kicked = h.v && c.kicked();
    if (ready == 0 && !kicked && (aia == null || !aia.hasVirtual())) {
      return;
    }
    long mideleg = c.mideleg();
    boolean mOn = h.priv < Hart.M || CsrField.get(c.state.mstatus(), Csr.MSTATUS_MIE) != 0;
    long group = mOn ? ready & ~mideleg : 0;
    if (group != 0) {
      int cause = aia == null ? first(group) : aia.mtopi(pending) >>> 16;
      h.pc = toM(INTERRUPT | cause, h.pc, 0, 0, 0, false);
      return;
    }
    if (h.priv == Hart.M) {
      return;
    }
    long hu = c.dvEnabled ? c.state.sideleg() & HU_CLASS : 0;
    long hs = ready & mideleg & ~HU_CLASS & ~c.notForHs();
    boolean hsOn = h.v || h.priv < Hart.S || CsrField.get(c.state.mstatus(), Csr.SSTATUS_SIE) != 0;
    if (hsOn) {
      int cause = aia != null ? aia.stopi(pending) >>> 16 : hs != 0 ? first(hs) : 0;
      if (cause != 0) {
        h.pc = toHs(INTERRUPT | cause, h.pc, 0, 0, 0, false);
        return;
      }
    }
    if (kicked) {
      h.pc = toHu(INTERRUPT | Cause.HOST_EVENT, h.pc, 0, 0, 0, false);
      return;
    }
    boolean huOn =
        h.v || h.priv == Hart.U && CsrField.get(c.state.hustatus(), Csr.HUSTATUS_UIE) != 0;
    if (huOn && (ready & hu) != 0) {
      h.pc = toHu(INTERRUPT | first(ready & hu), h.pc, 0, 0, 0, false);
      return;
    }
    long vs = ready & c.state.hideleg() & VS_CLASS;
    boolean vsOn =
        h.v && (h.priv < Hart.S || CsrField.get(c.state.vsstatus(), Csr.SSTATUS_SIE) != 0);
    if (!vsOn) {
      return;
    }
    int topi =
        aia != null ? aia.vstopi(pending, c.guestControl()) : vs != 0 ? first(vs) - 1 << 16 : 0;
    if (topi != 0) {
      h.pc = toVs(INTERRUPT | topi >>> 16, h.pc, 0);
    }
  }

  private static int first(long group) {
    for (int cause : PRIORITY) {
      if ((group >>> cause & 1) != 0) {
        return cause;
      }
    }
    return Long.numberOfTrailingZeros(group);
  }
}
