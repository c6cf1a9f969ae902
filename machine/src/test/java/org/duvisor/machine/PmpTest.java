package org.duvisor.machine;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.duvisor.isa.Cause;
import org.duvisor.isa.Csr;
import org.duvisor.machine.testing.EngineUnderTest;
import org.duvisor.machine.testing.TestMachine;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Physical memory protection (privileged spec 3.7). */
class PmpTest {
  private static final long BASE = HartFixture.RAM + 0x10_0000;
  private static final int LOAD = Cause.LOAD_ACCESS_FAULT;
  private static final int STORE = Cause.STORE_ACCESS_FAULT;

  private final HartFixture f = new HartFixture(HartFixture.WITH_H);

  private void entries(long config, long... addresses) {
    for (int i = 0; i < addresses.length; i++) {
      f.csr(Csr.PMPADDR0 + i, addresses[i]);
    }
    f.csr(Csr.PMPCFG0, config);
  }

  @Test
  void nothingIsAllowedWithoutAMatchBelowM() {
    entries(0);
    assertEquals(-1, f.mode(Hart.M, false).loadCause(BASE));
    assertEquals(LOAD, f.mode(Hart.S, false).loadCause(BASE));
    assertEquals(LOAD, f.mode(Hart.U, true).loadCause(BASE));
  }

  @Test
  void theFirstMatchDecides() {
    entries(0x1f_18, BASE >> 2 | 0xf, -1); // 128 bytes: nothing; all: RWX
    f.mode(Hart.S, false);
    assertEquals(LOAD, f.loadCause(BASE));
    assertEquals(LOAD, f.loadCause(BASE + 120));
    assertEquals(-1, f.loadCause(BASE + 128));
    assertEquals(
        LOAD, f.loadCause(BASE + 124), "partly inside: denied though the rest would match");
    assertEquals(-1, f.mode(Hart.M, false).loadCause(BASE), "M passes unlocked entries");
    assertEquals(LOAD, f.loadCause(BASE + 124), "but not partial matches");
  }

  @Test
  void topOfRangeAndFourByteRegions() {
    entries(
        0x1f_13_09_00L,
        BASE >> 2,
        BASE + 8 >> 2,
        BASE + 12 >> 2,
        -1); // TOR R [BASE, +8), NA4 RW at +12, all
    f.mode(Hart.S, false);
    assertEquals(-1, f.loadCause(BASE));
    assertEquals(STORE, f.storeCause(BASE));
    assertEquals(-1, f.storeCause(BASE - 8));
    assertEquals(-1, f.cause(() -> f.hart.mmu.store(BASE + 12, 4, 0)));
    assertEquals(STORE, f.cause(() -> f.hart.mmu.store(BASE + 12, 8, 0)));
  }

  @Test
  void locksBindMAndStay() {
    entries(0x1f_98, BASE >> 2 | 1, -1); // 16 bytes, locked, nothing allowed
    assertEquals(LOAD, f.mode(Hart.M, false).loadCause(BASE));
    f.csr(Csr.PMPCFG0, 0x1f_1f);
    f.csr(Csr.PMPADDR0, -1);
    assertEquals(0x1f_98, f.csr(Csr.PMPCFG0));
    assertEquals(BASE >> 2 | 1, f.csr(Csr.PMPADDR0));
    f.csr(Csr.PMPADDR0 + 2, BASE >> 2);
    f.csr(Csr.PMPCFG0, 0x88_00_1f_98L); // a locked top-of-range entry locks the address below it
    f.csr(Csr.PMPADDR0 + 2, 0);
    assertEquals(BASE >> 2, f.csr(Csr.PMPADDR0 + 2));
    assertEquals(LOAD, f.loadCause(BASE));
  }

  @Test
  void walksAreChecked() {
    var tables = f.tables(BASE, false);
    tables.map(0x4000_0000, HartFixture.RAM + 0x20_0000, 0xcf, 0);
    f.csr(Csr.SATP, tables.atp(0));
    entries(0x1f_18, BASE >> 2 | 0x1ff, -1); // the root is out of reach
    assertEquals(LOAD, f.mode(Hart.S, false).loadCause(0x4000_0000));
    entries(0x1f_19, BASE >> 2 | 0x1ff, -1);
    assertEquals(-1, f.loadCause(0x4000_0000), "reading it is enough");
    f.csr(Csr.MENVCFG, Csr.MENVCFG_ADUE);
    tables.map(0, HartFixture.RAM, 0xf, 2);
    assertEquals(LOAD, f.loadCause(0), "setting A needs write permission");
  }

  private static final String STRADDLE =
      """
        la t0, inside
        addi t0, t0, 2
        srli t0, t0, 2
        csrw pmpaddr0, t0     # up to the second half of the instruction
        la t0, after
        srli t0, t0, 2
        csrw pmpaddr1, t0
        li t0, -1
        csrw pmpaddr2, t0
        li t0, 0x1f080f       # TOR RWX below, TOR nothing up to after, the rest RWX
        csrw pmpcfg0, t0
        la s11, done
      """
          + TestMachine.enter(Hart.S, false)
          + """
            j start
          .balign 8
          start:
            c.nop
          inside:
            addi a0, x0, 1
            c.nop
          after:
            nop
          done:
          """;

  @ParameterizedTest
  @MethodSource("org.duvisor.machine.testing.Engines#all")
  void bothHalvesOfAnInstructionAreChecked(EngineUnderTest engine) {
    try (TestMachine m = new TestMachine(engine, STRADDLE).run()) {
      assertEquals(Cause.INSTRUCTION_ACCESS_FAULT, m.trap().mcause());
      assertEquals(m.label("inside"), m.trap().mepc());
      assertEquals(m.label("inside") + 2, m.trap().mtval());
    }
  }
}
