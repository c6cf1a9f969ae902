package org.duvisor.platform.linux;

import org.duvisor.isa.Assembler;
import org.duvisor.isa.Assembly;

/**
 * The text of this platform's machine code: entry to and exit from a guest, system calls, fences,
 * access to CSRs by number, and the handler of SIGILL. All of it runs in HU-mode and is called with
 * the C calling convention.
 *
 * <p>Between the loading of the guest's first register and the storing of the last, sp, gp and tp
 * are the guest's. What may interrupt there is the kernel, which uses nothing of them, and SIGILL,
 * whose handler runs on a stack of its own and does not touch tp; all other asynchronous signals
 * are blocked ({@link Signals}).
 *
 * <p>It is assembled when this module is built ({@link StubImage#main}): the assembler's start
 * would be a good part of a VM's.
 */
final class Stub {
  /** Callee-saved integer registers of the caller, and those that name its thread and stack. */
  private static final String[] KEPT = {
    "ra", "sp", "gp", "tp", "s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11"
  };

  /** What the exit path stores for Java, and where. */
  private static final String[] EXIT_CSRS = {
    "ucause", "uepc", "utval", "hutval", "hutinst", "hustatus"
  };

  private static final int[] EXIT_SLOTS = {
    Context.UCAUSE, Context.UEPC, Context.UTVAL, Context.HUTVAL, Context.HUTINST, Context.HUSTATUS
  };

  private static final int A0 = 10;

  /** t0 to t2 follow each other, and are stored before all others. */
  private static final int T0 = 5;

  /** Offset of the pc in the ucontext that a signal handler gets (Linux, riscv64). */
  private static final int UCONTEXT_PC = 176;

  private Stub() {}

  /**
   * Assembles everything, as it lies in a {@link SharedObject}. It runs wherever it is loaded; what
   * follows the label {@code data} is written to.
   */
  static Assembly assemble() {
    String text =
        NATIVE_METHODS
            + enter()
            + exit()
            + FastPath.pieces()
            + floats()
            + FENCES
            + handler()
            + csrs()
            + DATA;
    return FastPath.define(new Assembler(SharedObject.CODE))
        .define("C_T0", Context.X + 8 * 5)
        .define("C_T1", Context.X + 8 * 6)
        .define("C_T2", Context.X + 8 * 7)
        .define("C_T3", Context.X + 8 * 28)
        .define("C_T4", Context.X + 8 * 29)
        .define("C_FAST", Context.FAST)
        .define("C_VALUE", Context.VALUE)
        .define("FS_SHIFT", Context.FS_SHIFT)
        .define("FS_OFF", Context.FS_OFF)
        .asm(text);
  }

  /**
   * enter(context): loads the guest from its context, with uepc and hustatus, and executes huret.
   * The thread's utvec is {@code exit}. Returns after a trap to HU that the fast path does not
   * answer, with the guest stored again. The guest's f registers stay in the context until it uses
   * them: hustatus.FS is off.
   */
  private static String enter() {
    var out = new StringBuilder("enter:\n");
    for (int i = 0; i < KEPT.length; i++) {
      line(out, "sd " + KEPT[i] + ", @(a0)", Context.CALLER + 8 * i);
    }
    line(out, "csrw uscratch, a0");
    line(out, "ld t0, @(a0)\ncsrw uepc, t0", Context.UEPC);
    line(out, "ld t0, @(a0)\ncsrw hustatus, t0", Context.HUSTATUS);
    for (int i = 1; i < 32; i++) {
      if (i != A0) {
        line(out, "ld x" + i + ", @(a0)", Context.X + 8 * i);
      }
    }
    line(out, "ld a0, @(a0)", Context.X + 8 * A0);
    return out.append("huret:\nhuret\n").toString();
  }

  /**
   * Where utvec points: the guest has just been left, and uscratch holds its context. {@code leave}
   * is the same for a trap that is none, so that ucause says nothing.
   */
  private static String exit() {
    var out = new StringBuilder();
    out.append(".balign 4\nleave:\ncsrrw a0, uscratch, a0\n").append(SAVE_T).append("j slow\n");
    out.append("exit:\ncsrrw a0, uscratch, a0\n").append(SAVE_T).append(FastPath.text());
    out.append("slow_t3:\nld t3, C_T3(a0)\nslow:\n");
    for (int i = 1; i < 32; i++) {
      if (i != A0 && (i < T0 || i > T0 + 2)) {
        line(out, "sd x" + i + ", @(a0)", Context.X + 8 * i);
      }
    }
    line(out, "csrr t0, uscratch\nsd t0, @(a0)", Context.X + 8 * A0);
    for (int i = 0; i < EXIT_CSRS.length; i++) {
      line(out, "csrr t0, " + EXIT_CSRS[i] + "\nsd t0, @(a0)", EXIT_SLOTS[i]);
    }
    // t0 is hustatus
    out.append("srli t1, t0, FS_SHIFT\nandi t1, t1, 3\naddi t1, t1, -FS_OFF\nbnez t1, floats\n");
    out.append("restore:\n");
    for (int i = 0; i < KEPT.length; i++) {
      line(out, "ld " + KEPT[i] + ", @(a0)", Context.CALLER + 8 * i);
    }
    return out.append("li a0, 0\nret\n").toString();
  }

  private static final String SAVE_T = "sd t0, C_T0(a0)\nsd t1, C_T1(a0)\nsd t2, C_T2(a0)\n";

  /**
   * load_floats: the guest's f registers take the place of the caller's. floats: the reverse, with
   * hustatus in t0 and its FS - {@link Context#FS_OFF} in t1; the next entry is without them again.
   */
  private static String floats() {
    var out = new StringBuilder("load_floats:\n");
    for (int i = 0; i < 12; i++) {
      line(out, "fsd fs" + i + ", @(a0)", Context.CALLER_F + 8 * i);
    }
    line(out, "frcsr t0\nsd t0, @(a0)", Context.CALLER_FCSR);
    line(out, "ld t0, @(a0)\nfscsr t0", Context.FCSR);
    for (int i = 0; i < 32; i++) {
      line(out, "fld f" + i + ", @(a0)", Context.F + 8 * i);
    }
    line(out, "li t0, @\ncsrs hustatus, t0", Context.FS_CLEAN << Context.FS_SHIFT);
    line(out, "li t0, @\ncsrc hustatus, t0\nj again", Context.FS_OFF << Context.FS_SHIFT);
    line(out, "floats:\naddi t1, t1, -@", Context.FS_DIRTY - Context.FS_OFF);
    line(out, "li t2, @\nnot t2, t2\nand t0, t0, t2", Context.FS_DIRTY << Context.FS_SHIFT);
    line(out, "li t2, @\nor t0, t0, t2", Context.FS_OFF << Context.FS_SHIFT);
    line(out, "sd t0, @(a0)", Context.HUSTATUS);
    out.append("bnez t1, clean\n");
    for (int i = 0; i < 32; i++) {
      line(out, "fsd f" + i + ", @(a0)", Context.F + 8 * i);
    }
    line(out, "frcsr t0\nsd t0, @(a0)", Context.FCSR);
    line(out, "clean:\nld t0, @(a0)\nfscsr t0", Context.CALLER_FCSR);
    for (int i = 0; i < 12; i++) {
      line(out, "fld fs" + i + ", @(a0)", Context.CALLER_F + 8 * i);
    }
    return out.append("j restore\n").toString();
  }

  /**
   * The native methods of {@link Native}, with an environment and a class before their arguments.
   * {@code enter} has to follow.
   */
  private static final String NATIVE_METHODS =
      """
      Java_org_duvisor_platform_linux_Native_base:
      la a0, Java_org_duvisor_platform_linux_Native_base
      li t0, %d
      sub a0, a0, t0
      ret
      Java_org_duvisor_platform_linux_Native_call: mv t0, a2
      mv a0, a3
      mv a1, a4
      jr t0
      Java_org_duvisor_platform_linux_Native_system: mv a0, a3
      mv t0, a2
      mv a1, a4
      mv a2, a5
      mv a3, a6
      mv a4, a7
      ld a5, 0(sp)
      mv a7, t0
      ecall
      ret
      Java_org_duvisor_platform_linux_Native_enter: mv a0, a2
      """
          .formatted(SharedObject.CODE);

  /**
   * The fences of HuHart, local to this hart; a guest-physical address is given shifted right by 2.
   * And interrupts of the guest.
   */
  private static final String FENCES =
      """
      fence_gvma: hufence.gvma a0, x0
      ret
      fence_gvma_all: hufence.gvma x0, x0
      ret
      fence_vvma: hufence.vvma a0, a1
      ret
      fence_vvma_all: hufence.vvma x0, a1
      ret
      fence_vvma_page: hufence.vvma a0, x0
      ret
      fence_vvma_everything: hufence.vvma x0, x0
      ret
      fence_i: fence.i
      ret
      set_huvip: csrs huvip, a0
      ret
      clear_huvip: csrc huvip, a0
      ret
      """;

  /** How many CSR numbers there are that may exist below supervisor level: bits 9:8 are 0. */
  static final int USER_CSRS = 1 << 10;

  /** The write of a CSR follows its read. */
  static final int WRITE_OFFSET = 16;

  /** Bytes of a read and a write of one CSR. */
  private static final int CSR_BYTES = 32;

  /** Whether a CSR's number says that it may be accessed below supervisor level. */
  static boolean isUserCsr(int number) {
    return (number >>> 8 & 3) == 0;
  }

  /** Where the read of a CSR is, in bytes from {@code csrs} on. */
  static int csrOffset(int number) {
    return (number >>> 2 & 0x300 | number & 0xff) * CSR_BYTES;
  }

  /**
   * read(context) and write(context) of each CSR: read stores, write takes {@link Context#VALUE}.
   * 0, or 1 when the access is illegal.
   */
  private static String csrs() {
    var out = new StringBuilder("csr_illegal:\nli a0, 1\nret\n.balign 32\ncsrs:\n");
    for (int i = 0; i < USER_CSRS; i++) {
      int number = (i & 0x300) << 2 | i & 0xff;
      line(out, "csrrs t0, " + number + ", x0\nsd t0, @(a0)\nli a0, 0\nret", Context.VALUE);
      line(out, "ld t0, @(a0)\ncsrrw x0, " + number + ", t0\nli a0, 0\nret", Context.VALUE);
    }
    return out.append("csrs_end:\n").toString();
  }

  /** The SIGILL handler that was there before. */
  private static final String DATA = ".balign 4096\ndata:\nprevious: .dword 0\n";

  /**
   * SIGILL(signal, information, ucontext). Three places raise it on purpose: the first instruction
   * of the exit path, when the kernel was given a trap from the guest that nobody takes
   * (docs/dv-ext.md, section 6); huret; and an access to a CSR. Everything else goes to the handler
   * that was there before.
   */
  private static String handler() {
    return """
    .balign 4
    handler:
    ld t0, %1$d(a2)
    la t1, exit
    beq t0, t1, violated
    la t1, huret
    beq t0, t1, illegal
    la t1, csrs
    bltu t0, t1, foreign
    la t1, csrs_end
    bgeu t0, t1, foreign
    la t1, csr_illegal
    sd t1, %1$d(a2)
    ret
    violated:
    csrr t0, uscratch
    li t1, %3$d
    sd t1, %2$d(t0)
    ret
    illegal:
    csrr t0, uscratch
    li t1, %4$d
    sd t1, %2$d(t0)
    la t1, leave
    sd t1, %1$d(a2)
    ret
    foreign:
    la t1, previous
    ld t1, 0(t1)
    jr t1
    """
        .formatted(UCONTEXT_PC, Context.REFUSED, Context.VIOLATED, Context.ILLEGAL);
  }

  private static void line(StringBuilder out, String text) {
    out.append(text).append('\n');
  }

  /** A line in which "@" stands for an offset into the context. */
  private static void line(StringBuilder out, String text, int offset) {
    line(out, text.replace("@", Integer.toString(offset)));
  }
}
