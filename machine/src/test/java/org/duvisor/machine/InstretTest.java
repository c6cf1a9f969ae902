package org.duvisor.machine;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.duvisor.machine.testing.EngineUnderTest;
import org.duvisor.machine.testing.TestMachine;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** minstret is exact: every instruction that retires counts once, one that traps does not. */
class InstretTest {
  private static final String COUNTS =
      """
        csrr t0, minstret
        csrr t1, minstret
        sub a0, t1, t0        # 1
        csrr t0, minstret
        li t2, 1000
      1:
        addi t2, t2, -1
        bnez t2, 1b
        csrr t1, minstret
        sub a1, t1, t0        # 1 + 1 + 2000
        li t2, 55
        csrw minstret, t2
        csrr a2, minstret     # 55
        li t2, 4
        csrs mcountinhibit, t2
        csrr t0, minstret
        nop
        nop
        csrr t1, minstret
        sub a3, t1, t0        # 0
        csrc mcountinhibit, t2
        la t2, handler
        csrr t3, mtvec
        csrw mtvec, t2
        csrr t0, minstret
        ecall
      2:
        csrr t1, minstret
        sub a4, t1, t0        # csrr, 4 of the handler: not the ecall
        csrr t0, minstret
        .word 0
        csrr t1, minstret
        sub a5, t1, t0        # likewise
        csrw mtvec, t3
        csrr t0, cycle
        csrr t1, cycle
        sub a6, t1, t0        # 1
        j exit
      .balign 4
      handler:
        csrr t2, mepc
        addi t2, t2, 4
        csrw mepc, t2
        mret
      """;

  @ParameterizedTest
  @MethodSource("org.duvisor.machine.testing.Engines#all")
  void exact(EngineUnderTest engine) {
    try (TestMachine m = new TestMachine(engine, COUNTS).run()) {
      assertEquals(1, m.a(0));
      assertEquals(2002, m.a(1));
      assertEquals(55, m.a(2));
      assertEquals(0, m.a(3));
      assertEquals(5, m.a(4));
      assertEquals(5, m.a(5));
      assertEquals(1, m.a(6));
    }
  }

  /**
   * The same loop with a page fault in the middle of its block, thousands of times: hot enough for
   * every tier.
   */
  private static final String FAULTS =
      """
        la t2, skip
        csrr s3, mtvec
        csrw mtvec, t2
        li s1, 3000
        csrr s2, minstret
      1:
        addi t0, x0, 1
        addi t0, t0, 1
        ld t1, 0(x0)
        addi t0, t0, 1
        addi s1, s1, -1
        bnez s1, 1b
        csrr t1, minstret
        sub a0, t1, s2
        csrw mtvec, s3
        j exit
      .balign 4
      skip:
        csrr t2, mepc
        addi t2, t2, 4
        csrw mepc, t2
        mret
      """;

  @ParameterizedTest
  @MethodSource("org.duvisor.machine.testing.Engines#all")
  void exactAcrossFaults(EngineUnderTest engine) {
    try (TestMachine m = new TestMachine(engine, FAULTS).run()) {
      assertEquals(1 + 3000 * (5 + 4), m.a(0));
    }
  }
}
