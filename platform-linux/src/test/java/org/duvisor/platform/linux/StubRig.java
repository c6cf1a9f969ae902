package org.duvisor.platform.linux;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.SplittableRandom;
import org.duvisor.devices.MmioBus;
import org.duvisor.isa.Assembler;
import org.duvisor.isa.Csr;
import org.duvisor.machine.Hart;
import org.duvisor.machine.HartConfig;
import org.duvisor.machine.dv.Posts;
import org.duvisor.machine.interp.Interpreter;
import org.duvisor.machine.mem.PhysicalMemory;

/**
 * One hart as a driver leaves it to a process: the stub lies in memory, HU-mode calls it, and a
 * guest is behind it. The test plays caller and kernel.
 */
final class StubRig {
  static final long RAM = 0x8000_0000L;
  static final long MIB = 1 << 20;
  static final long STUB = RAM;
  static final long CONTEXT = RAM + 0x10000;
  static final long STACK_TOP = RAM + 0x20000;
  static final long RETURN = RAM + 0x20000;
  static final long HS_HANDLER = RAM + 0x21000;
  static final long PREVIOUS = RAM + 0x22000;
  static final long UCONTEXT = RAM + 0x23000;
  static final long FAST = RAM + 0x24000;
  static final long FS_OFF = (long) Context.FS_OFF << Context.FS_SHIFT;
  static final long TABLES = RAM + 2 * MIB;
  static final long GUEST = RAM + 4 * MIB;
  static final long FOREIGN = RAM + 8 * MIB;

  private static final long SV39X4 = 8L << 60;
  private static final int INSTRUCTIONS = 4000;

  final PhysicalMemory memory = new PhysicalMemory(RAM, 16 * MIB);
  final StubImage stub = StubImage.load();
  final Posts posts = new Posts();
  final Hart hart;

  StubRig() {
    hart =
        new Hart(
            0, HartConfig.STANDARD, memory, new MmioBus(), () -> 1000, posts, Interpreter::new);
    byte[] library = stub.library();
    MemorySegment.copy(library, 0, memory.ram(), ValueLayout.JAVA_BYTE, STUB - RAM, library.length);
    put(at("previous"), PREVIOUS);
    for (long handler : new long[] {HS_HANDLER, PREVIOUS, RETURN}) {
      program(handler, "1: j 1b");
    }
    // One leaf for the guest's memory and one for somebody else's.
    long next = TABLES + 0x4000;
    put(TABLES + 8 * (GUEST >>> 30), next >>> 12 << 10 | 1);
    put(next + 8 * (GUEST >>> 21 & 511), GUEST >>> 12 << 10 | 0xdf);
    put(next + 8 * (FOREIGN >>> 21 & 511), FOREIGN >>> 12 << 10 | 0xdf);
    csr(Csr.PMPADDR0, -1);
    csr(Csr.PMPCFG0, 0x1f);
    csr(Csr.MEDELEG, -1);
    csr(Csr.MIDELEG, -1);
    csr(Csr.STVEC, HS_HANDLER);
    csr(Csr.MENVCFG, -1);
    csr(Csr.MCOUNTEREN, -1);
    csr(Csr.SCOUNTEREN, -1);
    csr(Csr.MSTATUS, 1 << 13);
    csr(Csr.MIE, 1 << 1);
    csr(Csr.SEDELEG, 0xf00400);
    csr(Csr.SIDELEG, 0x111);
    csr(Csr.HEDELEG, 0xb1ff);
    csr(Csr.HIDELEG, 0x444);
    window(0, TABLES, 2 * MIB, 1L << 63);
    window(1, GUEST, 2 * MIB, 7L << 60);
    csr(Csr.HDVVMID, 1);
    csr(Csr.HDVVCPU, 3);
    csr(Csr.HDVCTL, 3);
    csr(Csr.HUGATP, SV39X4 | TABLES >>> 12);
    csr(Csr.HUVSSTATUS, 1 << 13);
    csr(Csr.UTVEC, at("exit"));
  }

  /** Where a label of the stub lies. */
  long at(String label) {
    return STUB + stub.offset(label);
  }

  /** Sets a window of the VM. */
  void window(int i, long base, long bytes, long permissions) {
    csr(Csr.HDVWINSEL, i);
    csr(Csr.HDVWINBASE, base >>> 12);
    csr(Csr.HDVWINLIMIT, (base + bytes) >>> 12 | permissions);
  }

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

  long get(long address) {
    return memory.ram().get(ValueLayout.JAVA_LONG, address - RAM);
  }

  void put(long address, long value) {
    memory.ram().set(ValueLayout.JAVA_LONG, address - RAM, value);
  }

  /** A field of the context. */
  long context(int offset) {
    return get(CONTEXT + offset);
  }

  void context(int offset, long value) {
    put(CONTEXT + offset, value);
  }

  void program(long address, String text) {
    byte[] code = new Assembler(address).asm(text).bytes();
    MemorySegment.copy(code, 0, memory.ram(), ValueLayout.JAVA_BYTE, address - RAM, code.length);
    hart.engine().forget();
  }

  /** Prepares the context for the guest's first entry, in VS, with arbitrary registers. */
  void guest(String text, SplittableRandom random) {
    program(GUEST, text);
    for (int i = 1; i < 32; i++) {
      context(Context.X + 8 * i, random.nextLong());
    }
    for (int i = 0; i < 32; i++) {
      context(Context.F + 8 * i, random.nextLong());
    }
    context(Context.FCSR, random.nextInt(0x100) & 0x9f);
    context(Context.UEPC, GUEST);
    context(Context.HUSTATUS, 0x180 | FS_OFF);
    context(Context.FAST, FAST);
  }

  /**
   * Calls a function in HU-mode as C would; the other registers are arbitrary and kept for whom
   * they belong to.
   */
  void call(long function, long... arguments) {
    hart.setMode(Hart.U, false);
    hart.pc = function;
    hart.x(1, RETURN);
    for (int i = 0; i < arguments.length; i++) {
      hart.x(10 + i, arguments[i]);
    }
    run();
  }

  /**
   * Runs until HU-mode has returned to its caller, or HS-mode or the handler before ours is
   * reached.
   */
  void run() {
    hart.signal();
    hart.run(INSTRUCTIONS);
  }

  boolean returned() {
    return hart.pc == RETURN && hart.privilege() == Hart.U && !hart.virtual();
  }

  boolean inKernel() {
    return hart.pc == HS_HANDLER && hart.privilege() == Hart.S;
  }

  /**
   * The kernel's return to the process, as sret: to a program counter, everything else as it was.
   */
  void resume(long pc) {
    hart.setMode(Hart.U, false);
    hart.pc = pc;
    run();
  }
}
