package org.duvisor.conformance;

import java.util.ArrayList;
import java.util.List;
import org.duvisor.isa.Assembler;

/**
 * A bare program of single looks at a machine: each gives a doubleword, or the trap that it caused.
 * All are kept, and printed at the end, a line each, so that no look disturbs the UART.
 */
final class Probe {
  /** In the upper bits of a result: a trap, its cause below. */
  static final long TRAP = 0xdead_0000_0000_0000L;

  private static final long BASE = 0x8000_0000L;
  private static final String START =
      """
        mv s2, a0
        mv s3, a1
        mv s4, a2
        csrr s5, mtvec
        la t0, handler
        csrw mtvec, t0
        li s0, RESULTS
      """;
  private static final String REST =
      """
        li t0, RESULTS
        li t1, UART
      print:
        ld t2, (t0)
        li t3, 60
      digit:
        srl t4, t2, t3
        andi t4, t4, 15
        addi t4, t4, '0'
        li t5, '9'
        bleu t4, t5, out
        addi t4, t4, 39
      out:
        sb t4, (t1)
        addi t3, t3, -4
        bgez t3, digit
        li t4, 10
        sb t4, (t1)
        addi t0, t0, 8
        bne t0, s0, print
        li t0, FINISHER
        li t1, 0x5555
        sw t1, (t0)
        j .
      touched:              # only whether it trapped
        srli t5, a0, 48
        li t6, 0xdead
        beq t5, t6, keep
        li a0, 0
      keep:
        sd a0, (s0)
        addi s0, s0, 8
        ret
      .balign 4
      handler:
        csrr a0, mcause
        li t6, TRAP
        or a0, a0, t6
        csrr t6, mepc
        addi t6, t6, 4
        csrw mepc, t6
        mret
      """;

  private final StringBuilder text = new StringBuilder();
  private final List<String> names = new ArrayList<>();

  /** What the looks are called, in their order. */
  List<String> names() {
    return List.copyOf(names);
  }

  /** The program. */
  byte[] program() {
    return new Assembler(BASE)
        .define("RESULTS", BASE + 0x10_0000)
        .define("UART", 0x1000_0000L)
        .define("FINISHER", 0x10_0000L)
        .define("TRAP", TRAP)
        .asm(START + text + REST)
        .bytes();
  }

  /** A look of {@code code}, which leaves a0; of 4 bytes is what of it may trap. */
  Probe look(String name, String code) {
    names.add(name);
    text.append(code).append("\n call keep\n");
    return this;
  }

  /** The value of CSRs. */
  Probe csrs(String... all) {
    for (String csr : all) {
      look(csr, "csrr a0, " + csr);
    }
    return this;
  }

  /** Whether CSRs can be read. */
  Probe readable(String... all) {
    for (String csr : all) {
      names.add(csr + " is there");
      text.append("csrr a0, ").append(csr).append("\n call touched\n");
    }
    return this;
  }

  private static String load(long address, int width) {
    String op =
        switch (width) {
          case 1 -> "lbu";
          case 2 -> "lhu";
          case 4 -> "lwu";
          default -> "ld";
        };
    return "li t1, 0x%x\n %s a0, (t1)".formatted(address, op);
  }

  /** What is read at an address. */
  Probe load(String name, long address, int width) {
    return look("%s, %d bytes at 0x%x".formatted(name, width, address), load(address, width));
  }

  /** Whether something can be read at an address. */
  Probe touch(String name, long address, int width) {
    names.add("%s, %d bytes at 0x%x answer".formatted(name, width, address));
    text.append(load(address, width)).append("\n call touched\n");
    return this;
  }

  /** A write, which gives 0 or a trap. */
  Probe store(String name, long address, int width, long value) {
    String op =
        switch (width) {
          case 1 -> "sb";
          case 2 -> "sh";
          case 4 -> "sw";
          default -> "sd";
        };
    return look(
        "%s, write of %d bytes at 0x%x".formatted(name, width, address),
        "li a0, 0\n li t1, 0x%x\n li t2, 0x%x\n %s t2, (t1)".formatted(address, value, op));
  }
}
