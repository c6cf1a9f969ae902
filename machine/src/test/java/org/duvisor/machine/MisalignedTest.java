package org.duvisor.machine;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.duvisor.isa.Cause;
import org.duvisor.isa.Csr;
import org.duvisor.machine.testing.EngineUnderTest;
import org.duvisor.machine.testing.PageTables;
import org.duvisor.machine.testing.TestMachine;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Misaligned loads and stores work in hardware, across pages too, and are all or nothing. */
class MisalignedTest {
  private static final String SWEEP =
      """
        li s0, DATA + 4080
        li s1, 24           # offsets over the end of the page
        li s2, 0x1122334455667788
        li a0, 0
      1:
        add t0, s0, s1
        sd s2, 0(t0)
        ld t1, 0(t0)
        bne t1, s2, bad
        lwu t1, 4(t0)
        add a0, a0, t1
        lhu t1, 1(t0)
        add a0, a0, t1
        lh t1, 6(t0)
        add a0, a0, t1
        sw s2, 3(t0)
        lbu t1, 6(t0)
        add a0, a0, t1
        sh s2, 5(t0)
        ld t1, 0(t0)
        xor a1, a1, t1
        addi s1, s1, -1
        bgez s1, 1b
        j exit
      bad:
        li a0, -1
      """;

  @ParameterizedTest
  @MethodSource("org.duvisor.machine.testing.Engines#all")
  void everyOffset(EngineUnderTest engine) {
    long each = 0x11223344L + 0x6677 + 0x1122 + 0x55; // the byte at 6 is now byte 3 of the word
    try (TestMachine m = new TestMachine(engine, SWEEP).run()) {
      assertEquals(25 * each, m.a(0));
      assertEquals(0x1177_8877_8866_7788L, m.a(1), "an odd number of times the same");
    }
  }

  @Test
  void aFaultInTheSecondPageStoresNothing() {
    HartFixture f = new HartFixture(HartFixture.WITH_H);
    long page = HartFixture.RAM + 0x20_0000;
    PageTables t = f.tables(HartFixture.RAM + 0x10_0000, false);
    t.map(0x4000_0000, page, PageTables.RWX, 0);
    f.csr(Csr.SATP, t.atp(0));
    f.mode(Hart.S, false);
    long va = 0x4000_0ffb;
    HartFixture.Fault fault = f.fault(() -> f.hart.mmu.store(va, 8, -1));
    assertEquals(
        new HartFixture.Fault(Cause.STORE_PAGE_FAULT, 0x4000_1000, 0, Trap.TRANSFORM - 5, false),
        fault);
    assertEquals(0, f.peek(page + 0xff8));
    assertEquals(Cause.LOAD_PAGE_FAULT, f.cause(() -> f.hart.mmu.load(va, 8)));
    t.map(0x4000_1000, 0x1000_0000, PageTables.RWX, 0); // no memory there
    f.hart.mmu.flushAll();
    assertEquals(Cause.STORE_ACCESS_FAULT, f.storeCause(va));
    assertEquals(0, f.peek(page + 0xff8));
  }
}
