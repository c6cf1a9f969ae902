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
    f.csr(Csr.MENVCFG, Csr.MENVCFG_STCE);
    f.now = 1000;
    f.hart.timeCompare(1000);
    f.csr(Csr.STIMECMP, -1);
    assertEquals(1 << Cause.MACHINE_TIMER, pending());
    f.hart.timeCompare(1L << 63);
    f.csr(Csr.STIMECMP, 1000);
    assertEquals(1 << Cause.SUPERVISOR_TIMER, pending());
    f.csr(Csr.STIMECMP, 1001);
    assertEquals(0, pending());
    assertEquals(1, f.hart.ticksToTimer());
  }

  @Test
  void theGuestHasItsOwnTime() {
    f.csr(Csr.MENVCFG, Csr.MENVCFG_STCE);
    f.csr(Csr.HENVCFG, Csr.MENVCFG_STCE);
    f.csr(Csr.STIMECMP, -1);
    f.now = 1_000_000;
    f.csr(Csr.HTIMEDELTA, -1_000_000);
    f.csr(Csr.VSTIMECMP, 100);
    assertEquals(0, pending());
    assertEquals(100, f.hart.ticksToTimer());
    f.now += 100;
    assertEquals(VSTIP, pending());
    f.csr(Csr.VSTIMECMP, -1);
    assertEquals(0, pending());
    assertEquals(
        Long.MAX_VALUE,
        f.hart.ticksToTimer(),
        "never, though -1 minus the delta is a time gone by");
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
        BODY
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
            new TestMachine(
                engine, PERIODIC.replace("BODY", body), 1, HartConfig.STANDARD, inTurns)) {
          m.run();
          assertEquals(1, m.a(0), "no interrupt came early");
          assertEquals(10, m.traps().size());
          assertTrue(
              m.traps().stream().allMatch(t -> t.mcause() == (1L << 63 | Cause.MACHINE_TIMER)));
        }
      }
    }
  }

  /** mtime is set as a whole and in halves; the time CSR and what a guest sees of it follow. */
  private static final String SET_TIME =
      """
        li s1, 0x200bff8
        li t0, 1 << 40
        sd t0, 0(s1)
        ld a0, 0(s1)
        csrr a1, time
        li t0, 0x12345
        sw t0, 4(s1)
        lwu a2, 4(s1)
        ld a3, 0(s1)
        li t0, 0x7fff0000
        sw t0, 0(s1)
        ld a4, 0(s1)
        lwu a5, 0(s1)
        csrr a6, time
        j exit
      """;

  private static void assertNear(long expected, long actual, String what) {
    assertTrue(
        actual - expected >= 0 && actual - expected < Clock.HERTZ,
        () -> what + ": " + Long.toHexString(actual) + ", not " + Long.toHexString(expected));
  }

  @ParameterizedTest
  @MethodSource("org.duvisor.machine.testing.Engines#all")
  void softwareSetsMtime(EngineUnderTest engine) {
    for (boolean inTurns : new boolean[] {true, false}) {
      try (TestMachine m = new TestMachine(engine, SET_TIME, 1, HartConfig.STANDARD, inTurns)) {
        m.run();
        assertNear(1L << 40, m.a(0), "mtime");
        assertNear(m.a(0), m.a(1), "time");
        assertEquals(0x12345, m.a(2));
        assertNear(0x12345L << 32, m.a(3), "mtime after its upper half was set");
        assertNear(0x12345_7fff_0000L, m.a(4), "mtime after its lower half was set");
        assertNear(0x7fff_0000L, m.a(5), "its lower half");
        assertNear(m.a(4), m.a(6), "time");
      }
    }
  }

  /** Timers far away that a leap of mtime brings near: at 2^40, past the sign, and at the wrap. */
  private static final String LEAP =
      """
        li s0, 0x2004000
        li s1, 0x200bff8
        li s2, COMPARE
        sd s2, 0(s0)
        la s11, expired
        li t0, 0x80
        csrs mie, t0
        csrsi mstatus, 8
        addi t0, s2, -2000
        sd t0, 0(s1)
      1:
        BODY
        j 1b
      expired:
        ld a0, 0(s1)
        li a1, COMPARE
      """;

  @ParameterizedTest
  @MethodSource("org.duvisor.machine.testing.Engines#all")
  void timersFollowMtime(EngineUnderTest engine) {
    for (long compare :
        new long[] {1L << 40, Long.MIN_VALUE, Long.MIN_VALUE + 1_000, -1_000_000_000}) {
      for (String body : new String[] {"nop", "wfi"}) {
        for (boolean inTurns : new boolean[] {true, false}) {
          String text = LEAP.replace("COMPARE", Long.toString(compare)).replace("BODY", body);
          try (TestMachine m = new TestMachine(engine, text, 1, HartConfig.STANDARD, inTurns)) {
            m.run();
            assertNear(compare, m.a(0), "mtime at the interrupt");
            assertEquals(1L << 63 | Cause.MACHINE_TIMER, m.trap().mcause());
          }
        }
      }
    }
  }

  private static final String OTHERS_LEAP =
      """
        li s1, 0x200bff8
        li s3, DATA
      1:
        ld t0, 0(s3)          # the other hart is about to sleep
        beqz t0, 1b
        li t0, 1 << 50
        sd t0, 0(s1)
      2:
        ld t0, 8(s3)
        beqz t0, 2b
        j exit
      others:
        li s0, 0x2004008
        li t0, 1 << 50
        sd t0, 0(s0)
        li t0, 0x80
        csrs mie, t0
        li s3, DATA
        li t0, 1
        sd t0, 0(s3)
        wfi
        sd t0, 8(s3)
      3:
        wfi
        j 3b
      """;

  @ParameterizedTest
  @MethodSource("org.duvisor.machine.testing.Engines#all")
  void aLeapWakesTheOtherHarts(EngineUnderTest engine) {
    for (boolean inTurns : new boolean[] {true, false}) {
      try (TestMachine m = new TestMachine(engine, OTHERS_LEAP, 2, HartConfig.STANDARD, inTurns)) {
        m.run();
        assertEquals(1, m.peek(TestMachine.DATA + 8));
      }
    }
  }
}
