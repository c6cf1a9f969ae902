package org.duvisor.machine;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.foreign.MemorySegment;
import org.duvisor.isa.Assembler;
import org.duvisor.machine.testing.EngineUnderTest;
import org.duvisor.machine.testing.PageTables;
import org.duvisor.machine.testing.TestMachine;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Code that changes under fence.i, and mappings that change under sfence.vma, often enough for
 * every tier.
 */
class FenceTest {
  /** Patches the immediate of an instruction in each of many rounds and adds up what it gives. */
  private static final String SELF_MODIFYING =
      """
        li a0, 0
        li s1, 2000
        la s0, patch
        li s2, 0x00000293   # addi t0, x0, 0
      1:
        andi t0, s1, 15
        slli t0, t0, 20
        or t0, t0, s2
        sw t0, 0(s0)
        fence.i
        call function
        add a0, a0, t0
        addi s1, s1, -1
        bnez s1, 1b
        j exit
      function:
      patch:
        addi t0, x0, 1
        ret
      """;

  @ParameterizedTest
  @MethodSource("org.duvisor.machine.testing.Engines#all")
  void codeIsSeenAfterFenceI(EngineUnderTest engine) {
    long expected = 0;
    for (int i = 2000; i > 0; i--) {
      expected += i & 15;
    }
    try (TestMachine m = new TestMachine(engine, SELF_MODIFYING).run()) {
      assertEquals(expected, m.a(0));
    }
  }

  /**
   * One virtual page, executed and read, that turns to one of two physical pages by rewriting its
   * entry.
   */
  private static final String REMAP =
      """
        li s0, PTE
        li s3, ENTRY0
        li s4, ENTRY1
        li t0, SATP
        csrw satp, t0
        li s5, 0x40000000
        li a0, 0
        li a1, 0
        li s1, 1000
        la s11, exit
      """
          + TestMachine.enter(Hart.S, false)
          + """
          1:
            sd s3, 0(s0)
            sfence.vma s5, x0
            jalr s5
            add a0, a0, t0
            ld t1, 64(s5)
            add a1, a1, t1
            sd s4, 0(s0)
            sfence.vma
            jalr s5
            add a0, a0, t0
            ld t1, 64(s5)
            add a1, a1, t1
            addi s1, s1, -1
            bnez s1, 1b
            ecall
          """;

  @ParameterizedTest
  @MethodSource("org.duvisor.machine.testing.Engines#all")
  void mappingsAreSeenAfterSfence(EngineUnderTest engine) {
    long root = TestMachine.DATA + 0x10_0000;
    long[] pages = {TestMachine.DATA, TestMachine.DATA + 4096};
    long va = 0x4000_0000;
    try (TestMachine probe = new TestMachine(engine, "nop")) {
      // Where the entry lies depends on the addresses alone.
      long entry = probe.tables(root, false).map(va, pages[0], PageTables.RWX, 0);
      String program =
          REMAP
              .replace("PTE", hex(entry))
              .replace("ENTRY0", hex(pages[0] >>> 12 << 10 | PageTables.RWX))
              .replace("ENTRY1", hex(pages[1] >>> 12 << 10 | PageTables.RWX))
              .replace("SATP", hex(8L << 60 | root >>> 12));
      try (TestMachine m = new TestMachine(engine, program)) {
        PageTables t = m.tables(root, false);
        t.map(va, pages[0], PageTables.RWX, 0);
        t.map(TestMachine.CODE, TestMachine.CODE, PageTables.RWX, 2);
        for (int i = 0; i < 2; i++) {
          m.poke(pages[i], 0x00008067_00000293L | (i + 1L) << 20); // addi t0, x0, i + 1; ret
          m.poke(pages[i] + 64, 100L * (i + 1));
        }
        m.run();
        assertEquals(3000, m.a(0), "executed");
        assertEquals(300_000, m.a(1), "read");
      }
    }
  }

  /**
   * A virtual page that is another physical one in each of two address spaces. Its code changes
   * from one to the other all the time; how many instructions come before decides where blocks of
   * translated code end.
   */
  private static final String SPACES =
      """
        li t0, SATP
        csrw satp, t0
        li s5, 0x40000000
        li s2, OTHER
        li s3, SATP
        li a0, 0
        li s1, 400
        la s11, exit
      """
          + TestMachine.enter(Hart.S, false)
          + "  jr s5\n";

  private static String spaces(int before, int gives) {
    return "1:\n"
        + "nop\n".repeat(before)
        + """
          csrw satp, s2
          addi a0, a0, %d
          mv t0, s2
          mv s2, s3
          mv s3, t0
          addi s1, s1, -1
          bnez s1, 1b
          ecall
        """
            .formatted(gives);
  }

  @ParameterizedTest
  @MethodSource("org.duvisor.machine.testing.Engines#all")
  void theNextInstructionIsOfTheNewSpace(EngineUnderTest engine) {
    long va = 0x4000_0000;
    long data = TestMachine.DATA;
    for (int before = 56; before < 64; before++) { // a translated block has 60 instructions
      long[] satp = {
        8L << 60 | 1L << 44 | data + 0x10_0000 >>> 12, 8L << 60 | 2L << 44 | data + 0x20_0000 >>> 12
      };
      String program = SPACES.replace("SATP", hex(satp[0])).replace("OTHER", hex(satp[1]));
      try (TestMachine m = new TestMachine(engine, program)) {
        for (int i = 0; i < 2; i++) {
          PageTables t = m.tables(data + 0x10_0000L * (i + 1), false);
          t.map(va, data + 4096L * i, PageTables.RWX, 0);
          t.map(TestMachine.CODE, TestMachine.CODE, PageTables.RWX, 2);
          byte[] code = new Assembler(va).asm(spaces(before, i == 0 ? 1 : 1000)).bytes();
          MemorySegment.copy(
              MemorySegment.ofArray(code),
              0,
              m.ram(),
              data + 4096L * i - TestMachine.CODE,
              code.length);
        }
        m.run();
        assertEquals(200_200, m.a(0), before + " instructions before");
      }
    }
  }

  private static String hex(long value) {
    return "0x" + Long.toHexString(value);
  }

  /**
   * Another hart's code is changed: it sees that after its own fence.i, asked for through memory.
   */
  private static final String REMOTE =
      """
        li s0, DATA
        la s1, patch
        li s2, 0x00000293
        li s3, 500
      1:
        andi t0, s3, 63
        slli t0, t0, 20
        or t0, t0, s2
        sw t0, 0(s1)
        fence rw, rw
        sd s3, 0(s0)        # go
      2:
        ld t1, 8(s0)        # done
        bne t1, s3, 2b
        addi s3, s3, -1
        bnez s3, 1b
        ld a0, 16(s0)
        j exit
      others:
        li s0, DATA
        li s3, 500
        li s4, 0
      3:
        ld t1, 0(s0)
        bne t1, s3, 3b
        fence rw, rw
        fence.i
      patch:
        addi t0, x0, 0
        add s4, s4, t0
        sd s4, 16(s0)
        fence w, w
        sd s3, 8(s0)
        addi s3, s3, -1
        bnez s3, 3b
      4:
        wfi
        j 4b
      """;

  @ParameterizedTest
  @MethodSource("org.duvisor.machine.testing.Engines#all")
  void codeOfAnotherHart(EngineUnderTest engine) {
    long expected = 0;
    for (int i = 500; i > 0; i--) {
      expected += i & 63;
    }
    try (TestMachine m = new TestMachine(engine, REMOTE, 2, HartConfig.STANDARD, true).run()) {
      assertEquals(expected, m.a(0));
    }
    try (TestMachine m = new TestMachine(engine, REMOTE, 2, HartConfig.STANDARD, false).run()) {
      assertEquals(expected, m.a(0));
    }
  }
}
