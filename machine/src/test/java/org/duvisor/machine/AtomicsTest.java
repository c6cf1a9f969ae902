package org.duvisor.machine;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.duvisor.isa.Cause;
import org.duvisor.machine.testing.EngineUnderTest;
import org.duvisor.machine.testing.TestMachine;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * LR, SC and AMOs: single-hart rules, and two harts that fight for one word (unprivileged spec 14).
 */
class AtomicsTest {
  @ParameterizedTest
  @MethodSource("org.duvisor.machine.testing.Engines#all")
  void reservations(EngineUnderTest engine) {
    String program =
        """
          li s0, DATA
          li t0, 5
          sd t0, 0(s0)
          sc.d a0, t0, (s0)     # no reservation: fails
          lr.d t1, (s0)
          sc.d a1, x0, (s0)     # succeeds
          sc.d a2, t0, (s0)     # the reservation is gone
          lr.d t1, (s0)
          addi s1, s0, 8
          sc.d a3, t0, (s1)     # another address
          lr.w t1, (s0)
          sd t0, 0(s0)
          sc.w a4, x0, (s0)     # overwritten with another value
          ld a5, 0(s0)
          la s11, 1f
          lr.w t1, (s0)
          ecall
        1:
          sc.w a6, x0, (s0)     # a trap in between
        """;
    try (TestMachine m = new TestMachine(engine, program).run()) {
      assertEquals(1, m.a(0));
      assertEquals(0, m.a(1));
      assertEquals(1, m.a(2));
      assertEquals(1, m.a(3));
      assertEquals(1, m.a(4));
      assertEquals(5, m.a(5));
      assertEquals(1, m.a(6));
    }
  }

  @ParameterizedTest
  @MethodSource("org.duvisor.machine.testing.Engines#all")
  void misalignedAtomicsTrap(EngineUnderTest engine) {
    String program =
        """
          li s0, DATA + 2
          la s11, 1f
          lr.w a0, (s0)
        1:
          la s11, 1f
          sc.w a0, a0, (s0)
        1:
          la s11, 1f
          amoor.d a0, a0, (s0)
        1:
        """;
    try (TestMachine m = new TestMachine(engine, program).run()) {
      var traps = m.traps();
      assertEquals(Cause.LOAD_MISALIGNED, traps.get(0).mcause());
      assertEquals(Cause.STORE_MISALIGNED, traps.get(1).mcause());
      assertEquals(Cause.STORE_MISALIGNED, traps.get(2).mcause());
      assertEquals(TestMachine.DATA + 2, traps.get(2).mtval());
    }
  }

  private static final String FIGHT =
      """
        call work
        li t0, DATA
      1:
        ld t1, 64(t0)       # how many are done
        li t2, 4
        bne t1, t2, 1b
        ld a0, 0(t0)
        ld a1, 8(t0)
        ld a2, 16(t0)
        j exit
      work:
        li s0, DATA
        li s1, 20000
      1:
        li t1, 1
        amoadd.d x0, t1, (s0)
      2:
        addi t0, s0, 8
        lr.d t2, (t0)
        addi t2, t2, 3
        sc.d t3, t2, (t0)
        bnez t3, 2b
        addi t0, s0, 32     # a lock around a plain counter
      3:
        amoswap.w.aq t2, t1, (t0)
        bnez t2, 3b
        ld t2, 16(s0)
        addi t2, t2, 1
        sd t2, 16(s0)
        amoswap.w.rl x0, x0, (t0)
        addi s1, s1, -1
        bnez s1, 1b
        addi t0, s0, 64
        amoadd.d x0, t1, (t0)
        ret
      others:
        call work
      4:
        wfi
        j 4b
      """;

  @ParameterizedTest
  @MethodSource("org.duvisor.machine.testing.Engines#all")
  void nothingIsLostBetweenHarts(EngineUnderTest engine) {
    for (boolean inTurns : new boolean[] {true, false}) {
      try (TestMachine m = new TestMachine(engine, FIGHT, 4, HartConfig.STANDARD, inTurns).run()) {
        assertEquals(80_000, m.a(0));
        assertEquals(240_000, m.a(1));
        assertEquals(80_000, m.a(2));
      }
    }
  }
}
