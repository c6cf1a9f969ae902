package org.duvisor.machine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.List;
import org.duvisor.isa.Cause;
import org.duvisor.machine.mem.Quadword;
import org.duvisor.machine.testing.EngineUnderTest;
import org.duvisor.machine.testing.TestMachine;
import org.duvisor.machine.testing.TrapRecord;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * LR, SC, AMOs and AMOCAS: single-hart rules, and harts that fight for the same words (unprivileged
 * specification, A, Zabha and Zacas).
 */
class AtomicsTest {
  private static final String NO_ZACAS = "this computer has no atomic access of 16 bytes";

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
          addi s0, s0, 5
          la s11, 1f
          amoadd.h a0, a0, (s0)
        1:
        """;
    try (TestMachine m = new TestMachine(engine, program).run()) {
      var traps = m.traps();
      assertEquals(Cause.LOAD_MISALIGNED, traps.get(0).mcause());
      assertEquals(Cause.STORE_MISALIGNED, traps.get(1).mcause());
      assertEquals(Cause.STORE_MISALIGNED, traps.get(2).mcause());
      assertEquals(TestMachine.DATA + 2, traps.get(2).mtval());
      assertEquals(Cause.STORE_MISALIGNED, traps.get(3).mcause());
      assertEquals(TestMachine.DATA + 7, traps.get(3).mtval());
    }
  }

  @ParameterizedTest
  @MethodSource("org.duvisor.machine.testing.Engines#all")
  void devicesHaveNoAtomics(EngineUnderTest engine) {
    String program =
        """
          li s0, 0x10000000
          la s11, 1f
          amoadd.b a0, a0, (s0)
        1:
          la s11, 1f
          amocas.h a0, a0, (s0)
        1:
          la s11, 1f
          amocas.q a0, a0, (s0)
        1:
        """;
    assumeTrue(Quadword.isAvailable(), NO_ZACAS);
    try (TestMachine m = new TestMachine(engine, program).run()) {
      assertEquals(3, m.traps().size());
      assertTrue(m.traps().stream().allMatch(t -> t.mcause() == Cause.STORE_ACCESS_FAULT));
    }
  }

  @ParameterizedTest
  @MethodSource("org.duvisor.machine.testing.Engines#all")
  void compareAndSwap(EngineUnderTest engine) {
    assumeTrue(Quadword.isAvailable(), NO_ZACAS);
    String program =
        """
          li s0, DATA
          li t0, 0x1122334480aa99ff
          sd t0, 0(s0)
          li a0, 0x1ff          # only the low byte counts, on either side
          li t1, 0x733
          amocas.b a0, t1, (s0)
          li a1, 0x9933
          amocas.h a1, zero, (s0)
          li a2, 5              # not what is there
          amocas.w a2, t1, (s0)
          mv a3, a2
          amocas.d a3, t1, (s0)
          ld a4, 0(s0)
          amocas.d a3, t1, (s0)
          ld a5, 0(s0)
          amocas.w x0, t1, (s0) # does not hold 0
          lwu a6, 0(s0)
          mv a7, t1
          amocas.w a7, a7, (s0)
        """;
    try (TestMachine m = new TestMachine(engine, program).run()) {
      assertEquals(-1, m.a(0));
      assertEquals((short) 0x9933, m.a(1));
      assertEquals(0xffff_ffff_80aa_0000L, m.a(2));
      assertEquals(0x1122_3344_80aa_0000L, m.a(4));
      assertEquals(0x1122_3344_80aa_0000L, m.a(3));
      assertEquals(0x733, m.a(5));
      assertEquals(0x733, m.a(6));
      assertEquals(0x733, m.a(7));
    }
  }

  /**
   * Zacas: the pair of x0 is zero when read and nothing when written; odd registers are reserved.
   */
  @ParameterizedTest
  @MethodSource("org.duvisor.machine.testing.Engines#all")
  void compareAndSwapOfPairs(EngineUnderTest engine) {
    assumeTrue(Quadword.isAvailable(), NO_ZACAS);
    String program =
        """
          li s0, DATA
          li ra, 77             # x1
          li a2, 0
          li a3, 0
          li a4, 11
          li a5, 22
          sd a5, 8(s0)
          amocas.q a2, a4, (s0) # the upper half differs
          amocas.q a2, a4, (s0)
          ld a0, 0(s0)
          ld a1, 8(s0)
          mv t3, a4
          mv t4, a5
          amocas.q t3, x0, (s0)
          ld a6, 8(s0)
          amocas.q x0, a4, (s0)
          ld a7, 8(s0)
          addi s1, s0, 8
          la s11, 1f
          amocas.q a2, a4, (s1)
        1:
          la s11, 1f
          .word 0x28c4462f | 1 << 7    # rd odd
        1:
          la s11, 1f
          .word 0x28c4462f | 1 << 20   # rs2 odd
        1:
        """;
    try (TestMachine m = new TestMachine(engine, program).run()) {
      assertEquals(0, m.a(2));
      assertEquals(22, m.a(3));
      assertEquals(11, m.a(0));
      assertEquals(22, m.a(1));
      assertEquals(11, m.x(28));
      assertEquals(22, m.x(29));
      assertEquals(0, m.a(6));
      assertEquals(77, m.x(1));
      assertEquals(22, m.a(7));
      assertEquals(
          List.of(
              (long) Cause.STORE_MISALIGNED,
              (long) Cause.ILLEGAL_INSTRUCTION,
              (long) Cause.ILLEGAL_INSTRUCTION),
          m.traps().stream().map(TrapRecord::mcause).toList());
      assertEquals(TestMachine.DATA + 8, m.traps().getFirst().mtval());
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
        lwu a3, 24(t0)
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
        addi t0, s0, 24     # two bytes and a halfword of one word
        amoadd.b x0, t1, (t0)
        addi t0, s0, 26
        amoadd.h x0, t1, (t0)
        addi t0, s0, 25
        amoadd.b x0, t1, (t0)
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
        assertEquals((80_000 & 0xffff) << 16 | (80_000 & 0xff) * 0x101, m.a(3));
      }
    }
  }

  /**
   * One hart counts in both halves of a pair at once, in steps of 1 and 2^32; the other one adds to
   * the upper half, stores to a byte of it, and looks at both halves, which must not go back.
   */
  private static final String PAIR =
      """
        li s0, DATA
        li s1, 200000
        li s2, 1
        slli s2, s2, 32
        ld a2, 0(s0)
        ld a3, 8(s0)
      1:
        mv a6, a2
        mv a7, a3
        addi a4, a2, 1
        add a5, a3, s2
        amocas.q a2, a4, (s0)
        bne a2, a6, 1b
        bne a3, a7, 1b
        addi s1, s1, -1
        mv a2, a4
        mv a3, a5
        bnez s1, 1b
        li t0, 1
        sd t0, 64(s0)
      2:
        ld t0, 72(s0)
        beqz t0, 2b
        ld a0, 0(s0)
        lwu a1, 12(s0)
        lhu a2, 8(s0)
        ld a3, 80(s0)
        j exit
      others:
        li s0, DATA
        addi s1, s0, 8
        li t1, 1
        li s2, 0              # additions
        li s3, 0              # what was seen of halves that differ
      3:
        amoadd.w x0, t1, (s1)
        addi s2, s2, 1
        ld t2, 0(s0)
        fence r, r
        lwu t3, 12(s0)
        fence r, r
        ld t4, 0(s0)
        bltu t3, t2, 5f       # the upper half is as new as the lower one before
        bltu t4, t3, 5f
      4:
        sb s2, 11(s0)
        ld t5, 64(s0)
        beqz t5, 3b
        slli s2, s2, 48
        srli s2, s2, 48
        lhu t3, 8(s0)
        xor t3, t3, s2
        or s3, s3, t3
        sd s3, 80(s0)
        sd t1, 72(s0)
      6:
        wfi
        j 6b
      5:
        addi s3, s3, 1
        j 4b
      """;

  @ParameterizedTest
  @MethodSource("org.duvisor.machine.testing.Engines#all")
  void pairsAreAtomicAgainstAccessesOfTheirHalves(EngineUnderTest engine) {
    assumeTrue(Quadword.isAvailable(), NO_ZACAS);
    for (boolean inTurns : new boolean[] {true, false}) {
      try (TestMachine m = new TestMachine(engine, PAIR, 2, HartConfig.STANDARD, inTurns).run()) {
        assertEquals(200_000, m.a(0));
        assertEquals(200_000, m.a(1));
        assertEquals(0, m.a(3), "seen, or lost");
      }
    }
  }
}
