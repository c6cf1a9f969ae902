package org.duvisor.conformance;

import java.util.ArrayList;
import java.util.List;
import java.util.function.IntFunction;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.duvisor.isa.Assembler;

/**
 * The M-mode program around random blocks. It loads the registers from a block's record, runs the
 * block's code several times, folds every trap and all registers after every pass into a hash, and
 * prints registers, hash and scratch memory as hexadecimal words, a line per block.
 *
 * <p>A record is 8-byte aligned: 32 dwords for x, 32 for f, fcsr, a pool of {@link #POOL} dwords
 * that fills the scratch area, and code that ends with ecall. Instead of a record, a dword that is
 * not 0 (the value of x0) ends the list.
 */
final class DifferentialRuntime {
  /** Where the program lies, on either machine. */
  static final long BASE = 0x8000_0000L;

  /** The middle of the scratch area, kept in gp while a block runs. */
  static final long SCRATCH_MIDDLE = BASE + 0x10_3000;

  /** Dwords that a record holds for the scratch area, which they fill over and over. */
  static final int POOL = 128;

  /** The most that the program may be long. */
  static final int LIMIT = 0x10_0000;

  /** Bytes of a record before its code. */
  static final int HEADER = (65 + POOL) * Long.BYTES;

  /** Times that a block is run. */
  static final int PASSES = 5;

  private static final int SCRATCH_BYTES = 0x2000;
  private static final String[] NAMES = {
    "hash", "traps", "mcause", "mtval", "mepc", "scratch", "fcsr"
  };
  private static final String FOLD = "rori t0, t0, 13\n xor t0, t0, t1\n sh2add t0, t0, t0\n";

  private DifferentialRuntime() {}

  /** The code at {@link #BASE}; records follow it, 8-byte aligned. */
  static byte[] code() {
    return new Assembler(BASE)
        .define("AREA", BASE + 0x10_0000) // x at 0, then these
        .define("HASH", 256)
        .define("TRAPS", 264) // a hash of them
        .define("CAUSE", 272) // of the last one, and its mtval and mepc
        .define("PASS", 296)
        .define("RECORD", 304)
        .define("SCRATCH", SCRATCH_MIDDLE - SCRATCH_BYTES / 2)
        .define("SCRATCH_BYTES", SCRATCH_BYTES)
        .define("PASSES", PASSES)
        .define("POOL_BYTES", POOL * Long.BYTES)
        .define("CODE", HEADER)
        .define("UART", 0x1000_0000L)
        .define("FINISHER", 0x10_0000L)
        .asm(start() + enter() + handler() + pass() + dump() + ".balign 8\nrecords:\n")
        .bytes();
  }

  /** The names of the words of a line. */
  static List<String> names() {
    List<String> names = new ArrayList<>(List.of(NAMES));
    IntStream.range(1, 32).forEach(i -> names.add("x" + i));
    IntStream.range(0, 32).forEach(i -> names.add("f" + i));
    return names;
  }

  private static String each(int from, IntFunction<String> line) {
    return IntStream.range(from, 32).mapToObj(line).collect(Collectors.joining("\n", "", "\n"));
  }

  private static String start() {
    return """
    la t0, handler
    csrw mtvec, t0
    li t0, 0x7800        # FS dirty, MPP machine
    csrs mstatus, t0
    la a0, records
    """;
  }

  /** a0 = a record. */
  private static String enter() {
    return """
    enter:
      ld t0, 0(a0)
      beqz t0, prepare
      li t0, FINISHER
      li t1, 0x5555
      sw t1, 0(t0)
      j .
    prepare:
      li t0, AREA
      csrw mscratch, t0
      sd a0, RECORD(t0)
      sd zero, HASH(t0)
      sd zero, TRAPS(t0)
      sd zero, CAUSE(t0)
      sd zero, CAUSE+8(t0)
      sd zero, CAUSE+16(t0)
      li t1, PASSES
      sd t1, PASS(t0)
      li t0, SCRATCH
      li t1, SCRATCH_BYTES
      add t1, t0, t1
    again:
      addi t2, a0, 520
      addi t3, t2, POOL_BYTES
    copy:
      ld t4, 0(t2)
      sd t4, 0(t0)
      addi t0, t0, 8
      addi t2, t2, 8
      bne t2, t3, copy
      bne t0, t1, again
      ld t0, 512(a0)
      fscsr t0
      addi t0, a0, CODE
      csrw mepc, t0
    """
        + each(0, i -> "fld f%d, %d(a0)".formatted(i, 256 + 8 * i))
        + each(1, i -> i == 10 ? "" : "ld x%d, %d(a0)".formatted(i, 8 * i))
        + "ld a0, 80(a0)\n mret\n";
  }

  /** Folds a trap into the hash and skips the instruction; an ecall is the end of a pass. */
  private static String handler() {
    return """
    .balign 4
    handler:
      csrrw sp, mscratch, sp
      sd t0, 40(sp)
      sd t1, 48(sp)
      csrr t1, mcause
      addi t1, t1, -11
      beqz t1, pass
      ld t0, TRAPS(sp)
      csrr t1, mcause
      ori t1, t1, 2       # QEMU takes a misaligned AMO for a load (4), not for an AMO (6)
      sd t1, CAUSE(sp)
    """
        + FOLD
        + "csrr t1, mtval\n sd t1, CAUSE+8(sp)\n"
        + FOLD
        + "csrr t1, mepc\n sd t1, CAUSE+16(sp)\n"
        + FOLD
        + """
          sd t0, TRAPS(sp)
          lhu t0, 0(t1)
          addi t1, t1, 2
          andi t0, t0, 3
          addi t0, t0, -3
          bnez t0, skipped
          addi t1, t1, 2
        skipped:
          csrw mepc, t1
          ld t0, 40(sp)
          ld t1, 48(sp)
          csrrw sp, mscratch, sp
          mret
        """;
  }

  private static String pass() {
    String save =
        each(3, i -> i == 5 || i == 6 ? "" : "sd x%d, %d(sp)".formatted(i, 8 * i))
            + "sd ra, 8(sp)\n csrr t0, mscratch\n sd t0, 16(sp)\n";
    String fold =
        "ld t0, HASH(sp)\n"
            + each(1, i -> "ld t1, %d(sp)\n".formatted(8 * i) + FOLD)
            + each(0, i -> "fmv.x.d t1, f%d\n".formatted(i) + FOLD)
            + "frcsr t1\n"
            + FOLD
            + "sd t0, HASH(sp)\n";
    String restore = each(3, i -> "ld x%d, %d(sp)".formatted(i, 8 * i)) + "ld ra, 8(sp)\n";
    return "pass:\n"
        + save
        + fold
        + """
          ld t1, PASS(sp)
          addi t1, t1, -1
          sd t1, PASS(sp)
          beqz t1, dump
          ld t0, RECORD(sp)
          addi t0, t0, CODE
          csrw mepc, t0
        """
        + restore
        + "csrrw sp, mscratch, sp\n mret\n";
  }

  private static String dump() {
    return """
    dump:
    """
        + "ld a0, HASH(sp)\n call print\n ld a0, TRAPS(sp)\n call print\n"
        + "ld a0, CAUSE(sp)\n call print\n ld a0, CAUSE+8(sp)\n call print\n"
        + """
          ld a0, CAUSE+16(sp)
          call print
          li t2, SCRATCH
          li t3, SCRATCH_BYTES
          add t3, t2, t3
          li t0, 0
        sum:
          ld t1, 0(t2)
        """
        + FOLD
        + """
          addi t2, t2, 8
          bne t2, t3, sum
          mv a0, t0
          call print
          frcsr a0
          call print
        """
        + each(1, i -> "ld a0, %d(sp)\n call print".formatted(8 * i))
        + each(0, i -> "fmv.x.d a0, f%d\n call print".formatted(i))
        + """
          li a1, 10
          call put
          csrr t0, mepc        # the next record
          addi t0, t0, 4 + 7
          andi a0, t0, -8
          j enter

        print:                 # a0 as 16 digits and a space
          mv a5, ra
          li a2, 60
        digit:
          srl a1, a0, a2
          andi a1, a1, 15
          addi a1, a1, 48
          li a3, 58
          bltu a1, a3, decimal
          addi a1, a1, 39
        decimal:
          call put
          addi a2, a2, -4
          bgez a2, digit
          li a1, 32
          mv ra, a5
        put:                   # the byte a1
          li a3, UART
        busy:
          lbu a4, 5(a3)
          andi a4, a4, 0x20
          beqz a4, busy
          sb a1, 0(a3)
          ret
        """;
  }
}
