package org.duvisor.machine.adversary;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.duvisor.devices.MmioBus;
import org.duvisor.isa.Assembler;
import org.duvisor.isa.Csr;
import org.duvisor.machine.Hart;
import org.duvisor.machine.HartConfig;
import org.duvisor.machine.dv.Posts;
import org.duvisor.machine.interp.Interpreter;
import org.duvisor.machine.mem.PhysicalMemory;

/**
 * One hart set up as a kernel's driver would: a VM with a window on its stage-2 tables and one on
 * its guest memory, and trap handlers that do nothing but mark where a trap went. Nothing of it is
 * embedded: HS, HU and the guest are machine code.
 */
final class Rig {
  static final long RAM = 0x8000_0000L;
  static final long MIB = 1 << 20;

  /** Memory of the host, in no window. */
  static final long HOST = RAM;

  /** The window for stage-2 tables. */
  static final long TABLES = RAM + 2 * MIB;

  /** The window for guest memory; guest-physical addresses are the same. */
  static final long GUEST = RAM + 4 * MIB;

  /** Memory of somebody else. */
  static final long FOREIGN = RAM + 8 * MIB;

  static final long M_HANDLER = HOST + 0x100;
  static final long HS_HANDLER = HOST + 0x200;
  static final long HU_HANDLER = HOST + 0x400;
  static final long HOST_CODE = HOST + 0x1000;
  static final long SECRET = HOST + 0x3000;
  static final long VS_HANDLER = GUEST + 0x100;
  static final long GUEST_CODE = GUEST + 0x1000;
  static final long DATA = GUEST + 0x8000;

  static final long STAGE1 = GUEST + MIB;

  /** V R W X U A D. */
  static final long RWXU = 0xdf;

  /** V R W X A D. */
  static final long RWX = 0xcf;

  static final int VMID = 1;
  static final int VCPU = 3;
  static final long R = 1L << 60;
  static final long W = 1L << 61;
  static final long X = 1L << 62;
  static final long T = 1L << 63;

  static final long SV39 = 8L << 60;

  /** The levels that run code. */
  enum Mode {
    M(Hart.M, false),
    HS(Hart.S, false),
    U(Hart.U, false),
    VS(Hart.S, true),
    VU(Hart.U, true);

    final int privilege;
    final boolean virtual;

    Mode(int privilege, boolean virtual) {
      this.privilege = privilege;
      this.virtual = virtual;
    }
  }

  /**
   * Where a program ended: the handler it trapped to ("M", "HS", "HU", "VS") or "none", and that
   * level's cause, epc and tval.
   */
  record Landing(String level, long cause, long epc, long tval) {
    boolean is(String where, long what) {
      return level.equals(where) && cause == what;
    }
  }

  final PhysicalMemory memory = new PhysicalMemory(RAM, 16 * MIB);
  final MmioBus bus = new MmioBus();
  final Posts posts = new Posts();
  final Hart hart;
  long now = 1000;

  /** How far time goes with each look at it. */
  long tick;

  Rig() {
    this(HartConfig.STANDARD);
  }

  Rig(HartConfig config) {
    hart = new Hart(0, config, memory, bus, () -> now += tick, posts, Interpreter::new);
    for (long handler : new long[] {M_HANDLER, HS_HANDLER, HU_HANDLER, VS_HANDLER}) {
      asm(handler, "1: j 1b");
    }
    for (long a = 0; a < 2 * MIB; a += 4096) {
      stage2(GUEST + a, GUEST + a, RWXU);
    }
    put(SECRET, 0x5ec7e7);
    put(FOREIGN, 0xf0e1d2);
    csr(Csr.PMPADDR0, -1);
    csr(Csr.PMPCFG0, 0x1f);
    csr(Csr.MEDELEG, -1);
    csr(Csr.MIDELEG, -1);
    csr(Csr.MTVEC, M_HANDLER);
    csr(Csr.STVEC, HS_HANDLER);
    csr(Csr.MENVCFG, ~Csr.MENVCFG_PMM);
    csr(Csr.MSTATEEN0, -1);
    csr(Csr.MCOUNTEREN, -1);
    csr(Csr.SCOUNTEREN, -1);
    csr(Csr.SENVCFG, 0xf1 & ~0x20);
    csr(Csr.MSTATUS, 1 << 13);
    csr(Csr.MIE, 1 << 1);
    csr(Csr.HEDELEG, 0xb1ff);
    csr(Csr.HIDELEG, 0x444);
    csr(Csr.SEDELEG, 0xf00400);
    csr(Csr.SIDELEG, 0x111);
    window(0, TABLES, TABLES + 2 * MIB, T);
    window(1, GUEST, GUEST + 2 * MIB, R | W | X);
    csr(Csr.HDVVMID, VMID);
    csr(Csr.HDVVCPU, VCPU);
    csr(Csr.HDVCTL, 3);
    guestState();
  }

  /** (Re)sets what HU sets up before it enters a guest. */
  void guestState() {
    csr(Csr.UTVEC, HU_HANDLER);
    csr(Csr.HUGATP, SV39 | TABLES >>> 12);
    csr(Csr.HUVSATP, 0);
    csr(Csr.HUVSTVEC, VS_HANDLER);
    csr(Csr.HUVSSTATUS, 1 << 13);
    csr(Csr.HUCOUNTEREN, -1);
    csr(Csr.HUENVCFG, -1);
    csr(Csr.HUVSTIMECMP, -1);
    csr(Csr.HUVIP, 0);
    csr(Csr.HUIE, 0x111);
    csr(Csr.HUSTATUS, 0x180);
    csr(Csr.UEPC, GUEST_CODE);
  }

  // ---- the debugger's hands

  /** Writes a CSR as M-mode. */
  void csr(int number, long value) {
    int priv = hart.privilege();
    boolean v = hart.virtual();
    hart.setMode(Hart.M, false);
    hart.csrs().writeChecked(number, value);
    hart.setMode(priv, v);
  }

  /** Reads a CSR as M-mode. */
  long csr(int number) {
    int priv = hart.privilege();
    boolean v = hart.virtual();
    hart.setMode(Hart.M, false);
    try {
      return hart.csrs().readChecked(number);
    } finally {
      hart.setMode(priv, v);
    }
  }

  /** Sets a window; the limit is exclusive, in bytes. */
  void window(int i, long base, long limit, long permissions) {
    csr(Csr.HDVWINSEL, i);
    csr(Csr.HDVWINBASE, base >>> 12);
    csr(Csr.HDVWINLIMIT, limit >>> 12 | permissions);
    hart.mmu().flushAll();
  }

  long get(long pa) {
    return memory.peek(pa);
  }

  void put(long pa, long value) {
    memory.ram().set(ValueLayout.JAVA_LONG_UNALIGNED, pa - RAM, value);
  }

  void asm(long pa, String text) {
    byte[] code = new Assembler(pa).asm(text).bytes();
    MemorySegment.copy(code, 0, memory.ram(), ValueLayout.JAVA_BYTE, pa - RAM, code.length);
    hart.engine().forget();
  }

  /** Where the stage-2 PTE of a guest page lies. */
  static long stage2Pte(long gpa) {
    return TABLES + 0x5000 + ((gpa - RAM) >>> 21) * 4096 + (gpa >>> 12 & 511) * 8;
  }

  /** Maps a guest page in [RAM, RAM + 16 MiB) through three levels of tables in the T window. */
  void stage2(long gpa, long pa, long flags) {
    long l1 = TABLES + 0x4000;
    put(TABLES + 8 * 2, l1 >>> 12 << 10 | 1);
    put(l1 + 8 * (gpa >>> 21 & 511), stage2Pte(gpa) >>> 12 << 10 | 1);
    put(stage2Pte(gpa), pa >>> 12 << 10 | flags);
  }

  /**
   * Turns stage 1 on: the gigabyte of RAM as it is, for VS, and a table for the first 2 MiB of
   * virtual addresses; see {@link #stage1}.
   */
  void stage1() {
    put(STAGE1 + 8 * 2, RAM >>> 12 << 10 | RWX);
    put(STAGE1, STAGE1 + 0x1000 >>> 12 << 10 | 1);
    put(STAGE1 + 0x1000, STAGE1 + 0x2000 >>> 12 << 10 | 1);
    csr(Csr.HUVSATP, SV39 | STAGE1 >>> 12);
  }

  /** Maps a virtual page below 2 MiB. */
  void stage1(long va, long gpa, long flags) {
    put(stage1Pte(va), gpa >>> 12 << 10 | flags);
  }

  static long stage1Pte(long va) {
    return STAGE1 + 0x2000 + (va >>> 12) * 8;
  }

  // ---- running

  /** Runs a program at a level; the registers are kept. */
  Landing run(Mode mode, String text) {
    asm(mode.virtual ? GUEST_CODE : HOST_CODE, text + "\n1: j 1b");
    return go(mode, mode.virtual ? GUEST_CODE : HOST_CODE);
  }

  /** Runs one instruction word at a level. */
  Landing run(Mode mode, int word) {
    return run(mode, ".word " + word);
  }

  Landing go(Mode mode, long pc) {
    hart.setMode(mode.privilege, mode.virtual);
    hart.pc = pc;
    hart.signal();
    hart.run(200);
    return landing();
  }

  Landing landing() {
    int priv = hart.privilege();
    boolean v = hart.virtual();
    if (hart.pc == M_HANDLER && priv == Hart.M) {
      return new Landing("M", csr(Csr.MCAUSE), csr(Csr.MEPC), csr(Csr.MTVAL));
    }
    if (hart.pc == HS_HANDLER && priv == Hart.S && !v) {
      return new Landing("HS", csr(Csr.SCAUSE), csr(Csr.SEPC), csr(Csr.STVAL));
    }
    if (hart.pc == HU_HANDLER && priv == Hart.U && !v) {
      return new Landing("HU", csr(Csr.UCAUSE), csr(Csr.UEPC), csr(Csr.UTVAL));
    }
    if (hart.pc == VS_HANDLER && priv == Hart.S && v) {
      return new Landing("VS", csr(Csr.VSCAUSE), csr(Csr.VSEPC), csr(Csr.VSTVAL));
    }
    return new Landing("none", 0, hart.pc, 0);
  }

  /** csrrs a0, number, x0. */
  static int read(int number) {
    return number << 20 | 2 << 12 | 10 << 7 | 0x73;
  }

  /** csrrw a0, number, a1. */
  static int write(int number) {
    return number << 20 | 11 << 15 | 1 << 12 | 10 << 7 | 0x73;
  }
}
