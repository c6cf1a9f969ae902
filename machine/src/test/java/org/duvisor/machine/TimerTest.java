package org.duvisor.machine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.duvisor.isa.Cause;
import org.duvisor.isa.Csr;
import org.duvisor.machine.testing.EngineUnderTest;
import org.duvisor.machine.testing.TestMachine;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** mtime, mtimecmp, Sstc and htimedelta (privileged spec 3.2.1, 14; 21.2.7). */
class TimerTest {
  private static final int VSTIP = 1 << 6;

  private final HartFixture f = new HartFixture(HartFixture.WITH_H);

  private long pending() {
    return f.csr(Csr.MIP);
  }

  @Test
  void comparisonsAreUnsigned() {
    f.csr(Csr.MENVCFG, CsrFile.STCE);
    f.now = 1000;
    f.hart.timeCompare(1000);
    f.csr(Csr.STIMECMP, -1);
    assertEquals(1 << Cause.MACHINE_TIMER, pending());
    f.hart.timeCompare(1L << 63);
    f.csr(Csr.STIMECMP, 1000);
    assertEquals(1 << Cause.SUPERVISOR_TIMER, pending());
    f.csr(Csr.STIMECMP, 1001);
    assertEquals(0, pending());
    assertEquals(1001, f.hart.deadline());
  }

  @Test
  void theGuestHasItsOwnTime() {
    f.csr(Csr.MENVCFG, CsrFile.STCE);
    f.csr(Csr.HENVCFG, CsrFile.STCE);
    f.csr(Csr.STIMECMP, -1);
    f.now = 1_000_000;
    f.csr(Csr.HTIMEDELTA, -1_000_000);
    f.csr(Csr.VSTIMECMP, 100);
    assertEquals(0, pending());
    assertEquals(1_000_100, f.hart.deadline());
    f.now += 100;
    assertEquals(VSTIP, pending());
    f.csr(Csr.VSTIMECMP, -1);
    assertEquals(0, pending());
    assertEquals(
        Long.MAX_VALUE, f.hart.deadline(), "never, though -1 minus the delta is a time gone by");
    f.csr(Csr.HVIP, VSTIP);
    assertEquals(VSTIP, pending(), "hvip and the timer are ORed");
    f.csr(Csr.HVIP, 0);
    f.csr(Csr.HTIMEDELTA, -2_000_000); // before the guest's time 0: a huge unsigned time
    f.csr(Csr.VSTIMECMP, 100);
    assertEquals(VSTIP, pending());
    f.csr(Csr.HENVCFG, 0);
    assertEquals(0, pending(), "without STCE only hvip");
    f.csr(Csr.MCOUNTEREN, 2);
    f.csr(Csr.HCOUNTEREN, 2);
    f.mode(Hart.S, true);
    assertEquals(f.now - 2_000_000, f.hart.csrs.readChecked(Csr.TIME));
    f.mode(Hart.S, false);
    assertEquals(f.now, f.hart.csrs.readChecked(Csr.TIME));
  }

  private static final String PERIODIC =
      """
        li s0, 0x2004000    # mtimecmp
        li s1, 0x200bff8    # mtime
        li s2, 10
        la s11, expired
      again:
        ld t0, 0(s1)
        addi t0, t0, 500
        mv s4, t0
        sd t0, 0(s0)
        li t0, 0x80
        csrs mie, t0
        csrsi mstatus, 8
      1:
        %s
        j 1b
      expired:
        ld t0, 0(s1)
        bltu t0, s4, early
        addi s2, s2, -1
        bnez s2, again
        li a0, 1
        j exit
      early:
        li a0, 0
      """;

  @ParameterizedTest
  @MethodSource("org.duvisor.machine.testing.Engines#all")
  void machineTimerInterruptsLoopsAndWaits(EngineUnderTest engine) {
    for (String body : new String[] {"nop", "wfi"}) {
      for (boolean inTurns : new boolean[] {true, false}) {
        try (TestMachine m =
            new TestMachine(engine, PERIODIC.formatted(body), 1, HartConfig.STANDARD, inTurns)) {
          m.run();
          assertEquals(1, m.a(0), "no interrupt came early");
          assertEquals(10, m.traps().size());
          assertTrue(
              m.traps().stream().allMatch(t -> t.mcause() == (1L << 63 | Cause.MACHINE_TIMER)));
        }
      }
    }
  }
}
