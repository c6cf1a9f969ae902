package org.duvisor.machine;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.duvisor.isa.Cause;
import org.duvisor.machine.testing.EngineUnderTest;
import org.duvisor.machine.testing.PageTables;
import org.duvisor.machine.testing.TestMachine;
import org.duvisor.machine.testing.TrapRecord;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The instruction that a trap reports is the one that trapped, also when it was translated long ago
 * and the fetch TLB has forgotten its page.
 */
class TrapBitsTest {
  private static final long FUNCTION = 0x4000_0000L;
  private static final long FUNCTION_PAGE = TestMachine.CODE + 0x30_0000;
  private static final long ROOT = TestMachine.DATA + 0x10_0000;

  /** Mapped to one megapage again and again: more pages than the TLB has entries. */
  private static final long MANY = 0x4400_0000L;

  private static final long MANY_END = MANY + (Tlb.ENTRIES + 512L) * 4096;
  private static final long RETURNS = TestMachine.CODE + 0x40_0000;
  private static final long NOWHERE = 0x70_0000_0000L;

  private static final String PROGRAM =
      """
        li t0, SATP
        csrw satp, t0
        la s11, exit
        li s5, FUNCTION
        li a2, VALID
        li s1, 20000
      """
          + TestMachine.enter(Hart.S, false)
          + """
            jalr s5
            li s6, MANY_START
            li s7, MANY_END
            li t2, 4096
          1:
            jalr s6
            add s6, s6, t2
            bltu s6, s7, 1b
            li a2, NOWHERE
            li s1, 5
            jalr s5
          """;

  private static String hex(long value) {
    return "0x" + Long.toHexString(value);
  }

  @ParameterizedTest
  @MethodSource("org.duvisor.machine.testing.Engines#all")
  void trapKnowsItsInstruction(EngineUnderTest engine) {
    String program =
        PROGRAM
            .replace("SATP", hex(8L << 60 | ROOT >>> 12))
            .replace("FUNCTION", hex(FUNCTION))
            .replace("VALID", hex(TestMachine.CODE))
            .replace("MANY_START", hex(MANY))
            .replace("MANY_END", hex(MANY_END))
            .replace("NOWHERE", hex(NOWHERE));
    try (TestMachine m = new TestMachine(engine, program)) {
      PageTables t = m.tables(ROOT, false);
      t.map(TestMachine.CODE, TestMachine.CODE, PageTables.RWX, 2);
      t.map(FUNCTION, FUNCTION_PAGE, PageTables.RWX, 0);
      for (long va = MANY; va < MANY_END; va += 2 << 20) {
        t.map(va, RETURNS, PageTables.RWX, 1);
      }
      for (int offset = 0; offset < 2 << 20; offset += 4096) {
        m.poke(RETURNS + offset, 0x00008067); // ret
      }
      m.poke(FUNCTION_PAGE, 0xfff48493_00063583L); // 1: ld a1, 0(a2); addi s1, s1, -1
      m.poke(FUNCTION_PAGE + 8, 0x00008067_fe049ce3L); // bnez s1, 1b; ret
      m.run();
      TrapRecord trap = m.trap();
      assertEquals(Cause.LOAD_PAGE_FAULT, trap.mcause(), trap::toString);
      assertEquals(NOWHERE, trap.mtval());
      assertEquals(0x3583, trap.mtinst()); // ld a1, 0(x0)
    }
  }
}
