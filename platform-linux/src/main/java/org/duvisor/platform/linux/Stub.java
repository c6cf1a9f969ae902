package org.duvisor.platform.linux;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.duvisor.isa.Assembler;
import org.duvisor.isa.Assembly;

/**
 * The machine code of this platform: entry to and exit from a guest, system calls, fences, access
 * to CSRs by number, and the handler of SIGILL. All of it runs in HU-mode and is called with the C
 * calling convention.
 *
 * <p>Between the loading of the guest's first register and the storing of the last, sp, gp and tp
 * are the guest's. What may interrupt there is the kernel, which uses nothing of them, and SIGILL,
 * whose handler runs on a stack of its own and does not touch tp; all other asynchronous signals
 * are blocked ({@link Signals}).
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

  /** Offset of the pc in the ucontext that a signal handler gets (Linux, riscv64). */
  private static final int UCONTEXT_PC = 176;

  private Stub() {}

  /**
   * Assembles everything for an address.
   *
   * @param previous the SIGILL handler that was there before, for what is none of our business; 0
   *     leaves the signal unhandled
   * @param csrs address of the copies of {@link #csrCode}
   */
  static Assembly assemble(long base, long previous, long csrs) {
    String text =
        enter()
            + exit()
            + SYSTEM_CALL
            + FENCES
            + DROP_KICK
            + CSR_TEMPLATES
            + handler()
            + ".balign 8\nprevious: .dword %d\ncsrs: .dword %d, %d\n"
                .formatted(previous, csrs, csrs + ALL_CSRS_BYTES);
    return new Assembler(base).asm(text);
  }

  /**
   * enter(context): loads the guest from its context, with uepc and hustatus, and executes huret.
   * Returns after the next trap to HU, with the guest stored again.
   */
  private static String enter() {
    var out = new StringBuilder("enter:\n");
    for (int i = 0; i < KEPT.length; i++) {
      line(out, "sd " + KEPT[i] + ", %d(a0)", Context.CALLER + 8 * i);
    }
    for (int i = 0; i < 12; i++) {
      line(out, "fsd fs" + i + ", %d(a0)", Context.CALLER_F + 8 * i);
    }
    line(out, "frcsr t0\nsd t0, %d(a0)", Context.CALLER_FCSR);
    line(out, "csrw uscratch, a0");
    line(out, "la t0, exit\ncsrw utvec, t0");
    line(out, "ld t0, %d(a0)\ncsrw uepc, t0", Context.UEPC);
    line(out, "ld t0, %d(a0)\ncsrw hustatus, t0", Context.HUSTATUS);
    line(out, "ld t0, %d(a0)\nfscsr t0", Context.FCSR);
    for (int i = 0; i < 32; i++) {
      line(out, "fld f" + i + ", %d(a0)", Context.F + 8 * i);
    }
    for (int i = 1; i < 32; i++) {
      if (i != A0) {
        line(out, "ld x" + i + ", %d(a0)", Context.X + 8 * i);
      }
    }
    line(out, "ld a0, %d(a0)", Context.X + 8 * A0);
    return out.append("huret:\nhuret\n").toString();
  }

  /** Where utvec points: the guest has just been left, and uscratch holds its context. */
  private static String exit() {
    var out = new StringBuilder(".balign 4\nexit:\ncsrrw a0, uscratch, a0\n");
    for (int i = 1; i < 32; i++) {
      if (i != A0) {
        line(out, "sd x" + i + ", %d(a0)", Context.X + 8 * i);
      }
    }
    line(out, "csrr t0, uscratch\nsd t0, %d(a0)", Context.X + 8 * A0);
    for (int i = 0; i < EXIT_CSRS.length; i++) {
      line(out, "csrr t0, " + EXIT_CSRS[i] + "\nsd t0, %d(a0)", EXIT_SLOTS[i]);
    }
    for (int i = 0; i < 32; i++) {
      line(out, "fsd f" + i + ", %d(a0)", Context.F + 8 * i);
    }
    line(out, "frcsr t0\nsd t0, %d(a0)", Context.FCSR);
    line(out, "ld t0, %d(a0)\nfscsr t0", Context.CALLER_FCSR);
    for (int i = 0; i < 12; i++) {
      line(out, "fld fs" + i + ", %d(a0)", Context.CALLER_F + 8 * i);
    }
    for (int i = 0; i < KEPT.length; i++) {
      line(out, "ld " + KEPT[i] + ", %d(a0)", Context.CALLER + 8 * i);
    }
    return out.append("li a0, 0\nret\n").toString();
  }

  /** syscall(number, six arguments): the kernel's answer, negative errno for a failure. */
  private static final String SYSTEM_CALL =
      """
      syscall: mv a7, a0
      mv a0, a1
      mv a1, a2
      mv a2, a3
      mv a3, a4
      mv a4, a5
      mv a5, a6
      ecall
      ret
      """;

  /**
   * The fences of HuHart, local to this hart. A guest-physical address is given shifted right by 2.
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
      """;

  /** Forgets a kick of the driver that ended no entry (docs/dv-ext.md, section 3.2: huip). */
  private static final String DROP_KICK = "drop_kick: csrci huip, 1\nret\n";

  /**
   * read(context) and write(context) of a CSR: read stores, write takes {@link Context#VALUE}.
   * Copies, each with its number, follow this code. 0, or 1 when the access is illegal.
   */
  private static final String CSR_TEMPLATES =
      """
      .balign 16
      csr_read: csrrs t0, ustatus_template, x0
      sd t0, %1$d(a0)
      li a0, 0
      ret
      csr_write: ld t0, %1$d(a0)
      csrrw x0, ustatus_template, t0
      li a0, 0
      ret
      csr_illegal: li a0, 1
      ret
      """
          .replace("ustatus_template", "0")
          .formatted(Context.VALUE);

  /**
   * Words of a read and a write, and which word of each names the CSR, from {@link #CSR_SHIFT} on.
   */
  private static final int TEMPLATE_WORDS = 8;

  private static final int READ_WORD = 0;
  private static final int WRITE_WORD = 5;
  private static final int CSR_SHIFT = 20;

  /** Bytes of a read and a write of one CSR. */
  private static final int CSR_BYTES = 4 * TEMPLATE_WORDS;

  /** The write of a CSR follows its read. */
  static final int WRITE_OFFSET = 16;

  /** How many CSR numbers there are that may exist below supervisor level: bits 9:8 are 0. */
  private static final int USER_CSRS = 1 << 10;

  /** Bytes of the reads and writes of all CSRs. */
  static final int ALL_CSRS_BYTES = USER_CSRS * CSR_BYTES;

  /** Whether a CSR's number says that it may be accessed below supervisor level. */
  static boolean isUserCsr(int number) {
    return (number >>> 8 & 3) == 0;
  }

  /** Where the read of a CSR is among the copies, in bytes. */
  static int csrOffset(int number) {
    return (number >>> 2 & 0x300 | number & 0xff) * CSR_BYTES;
  }

  /** The reads and writes of all user CSRs, made from the templates of the assembled code. */
  static int[] csrCode(Assembly code) {
    int[] template = new int[TEMPLATE_WORDS];
    ByteBuffer.wrap(code.bytes())
        .order(ByteOrder.LITTLE_ENDIAN)
        .position((int) (code.label("csr_read") - code.base()))
        .asIntBuffer()
        .get(template);
    int[] all = new int[ALL_CSRS_BYTES / 4];
    for (int i = 0; i < USER_CSRS; i++) {
      int number = (i & 0x300) << 2 | i & 0xff;
      System.arraycopy(template, 0, all, i * TEMPLATE_WORDS, TEMPLATE_WORDS);
      all[i * TEMPLATE_WORDS + READ_WORD] |= number << CSR_SHIFT;
      all[i * TEMPLATE_WORDS + WRITE_WORD] |= number << CSR_SHIFT;
    }
    return all;
  }

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
    ld t2, 0(t1)
    ld t3, 8(t1)
    bltu t0, t2, foreign
    bgeu t0, t3, foreign
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
    la t1, exit
    sd t1, %1$d(a2)
    ret
    foreign:
    la t1, previous
    ld t1, 0(t1)
    jr t1
    """
        .formatted(UCONTEXT_PC, Context.REFUSED, Context.VIOLATED, Context.ILLEGAL);
  }

  private static void line(StringBuilder out, String format, Object... arguments) {
    out.append(arguments.length == 0 ? format : format.formatted(arguments)).append('\n');
  }
}
