package org.duvisor.machine.adversary;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import java.util.Random;
import java.util.stream.Stream;
import org.duvisor.isa.Cause;
import org.duvisor.machine.Hart;
import org.duvisor.machine.Tlb;
import org.duvisor.machine.testing.EngineUnderTest;
import org.duvisor.machine.testing.Engines;
import org.duvisor.machine.testing.PageTables;
import org.duvisor.machine.testing.TestMachine;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Neighbouring accesses share one test of the TLB. The adversary is a guest that lets such a group
 * reach over the end of its page: into a page it may not touch, or into whatever lies beside its
 * own page in this computer's memory.
 */
class NeighboursTest {
  private static final String PROGRAM =
      """
        li t0, 0x8000000000080200
        csrw satp, t0
        sfence.vma
        la s11, caught
      %s
        li s0, 0x40000800
        li s2, 12
        li a1, 0
        li a3, 0
      again:                       # hot on one page first
        ld a0, 0(s0)
        addi a1, a1, 1
        ld a2, 96(s0)
        addi a3, a3, 1
        sd a1, 8(s0)
        sd a3, 104(s0)
        addi s2, s2, -1
        bnez s2, 1f
        li s0, 0x40000fa0          # then the second access of each kind is on the next page
      1:
        li t3, -1
        bne s2, t3, again
      caught:
        j exit
      """;

  static Stream<EngineUnderTest> engines() {
    return Engines.all();
  }

  @ParameterizedTest
  @MethodSource("engines")
  void aGroupThatReachesOverItsPageFaultsWhereItDoes(EngineUnderTest engine) {
    try (TestMachine m =
        new TestMachine(engine, PROGRAM.formatted(TestMachine.enter(Hart.S, false)))) {
      PageTables t = m.tables(0x8020_0000L, false);
      for (long page = 0; page < 16; page++) {
        t.map(TestMachine.CODE + page * 4096, TestMachine.CODE + page * 4096, PageTables.RWX, 0);
      }
      long own = TestMachine.DATA + 0x8000;
      t.map(0x4000_0000L, own, PageTables.RWX, 0);
      m.poke(own + 0xfa0, 0x1111);
      m.poke(own + 0x1000, 0x5ec3e7); // what is beside it, and not mapped
      m.run();
      assertEquals(Cause.LOAD_PAGE_FAULT, m.trap().mcause());
      assertEquals(0x4000_1000L, m.trap().mtval());
      assertEquals(0x1111, m.a(0), "before the fault");
      assertEquals(13, m.a(1));
      assertEquals(12, m.a(3), "after the fault");
      assertNotEquals(0x5ec3e7, m.a(2));
      assertEquals(0x5ec3e7, m.peek(own + 0x1000), "nothing stored");
    }
  }

  @Test
  void neighbouringPagesNeverShareAnEntry() {
    Random random = new Random(1);
    for (int i = 0; i < 1_000_000; i++) {
      long va = i < 64 * 64 ? (1L << i / 64) - (1L << i % 64) : random.nextLong();
      assertNotEquals(Tlb.entry(0, va), Tlb.entry(0, va + 4096), () -> Long.toHexString(va));
    }
  }
}
