package org.duvisor.machine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.duvisor.isa.Cause;
import org.duvisor.machine.testing.EngineUnderTest;
import org.duvisor.machine.testing.TestMachine;
import org.duvisor.machine.testing.TrapRecord;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Programs that count: long enough for every tier, and exact whichever runs them. */
final class CounterProgramsTest {
  /** Sets a counter's event, given the modes in which it does not count. */
  private static String event(int counter, CounterEvent event, String inhibit) {
    return """
      li t0, 0x%x | %s
      csrw mhpmevent%d, t0
    """
        .formatted(event.number(), inhibit, counter);
  }

  private static final String M = "1 << 62";
  private static final String S = "1 << 61";
  private static final String U = "1 << 60";

  private static final String SYSTEM_CALLS =
      event(3, CounterEvent.INSTRUCTION, M + " | " + S)
          + event(4, CounterEvent.INSTRUCTION, M + " | " + U)
          + event(5, CounterEvent.CYCLE, S + " | " + U)
          + event(6, CounterEvent.TRAP, "0")
          + event(7, CounterEvent.TRAP, U)
          + """
            la t0, handler
            csrw stvec, t0
            li t0, 0x100
            csrw medeleg, t0
            li t0, -1
            csrw mcounteren, t0
            csrw scounteren, t0
            la s11, done
          """
          + TestMachine.enter(Hart.U, false)
          + """
            li s1, 3000
          1:
            addi t0, x0, 1
            ecall
            addi s1, s1, -1
            bnez s1, 1b
            csrr a0, hpmcounter3     # 2 + 3000 * 3
            csrr a1, hpmcounter4     # 3000 * 4
            csrr a3, hpmcounter6     # 3000
            csrr a4, hpmcounter7     # 0
            csrr a5, hpmcounter5
            ld t0, 0(x0)
          .balign 4
          handler:
            csrr t0, sepc
            addi t0, t0, 4
            csrw sepc, t0
            sret
          done:
            csrr a2, mhpmcounter3    # 5 more; csrr a5 was the last to retire in U
          """;

  @ParameterizedTest
  @MethodSource("org.duvisor.machine.testing.Engines#all")
  void filtersAreExactAtEveryChangeOfMode(EngineUnderTest engine) {
    try (TestMachine m = new TestMachine(engine, SYSTEM_CALLS).run()) {
      assertEquals(2 + 3000 * 3, m.a(0), "U");
      assertEquals(3000 * 4, m.a(1), "S");
      assertEquals(m.a(0) + 5, m.a(2), "U, seen from M");
      assertEquals(3000, m.a(3), "traps");
      assertEquals(0, m.a(4), "traps of other modes than U");
      assertTrue(m.a(5) > 0 && m.a(5) < 100, "M, to its mret");
    }
  }

  private static final int OVERFLOWS = 40;

  /** The counter stands still in M, so that there it is what has retired since the overflow. */
  private static final String OVERFLOW =
      event(3, CounterEvent.INSTRUCTION, M)
          + """
            li s2, 40
            li s3, 0
            li s4, 100
            la s11, overflowed
          again:
            li t0, 1 << 63
            csrc mhpmevent3, t0
            li t0, -1000
            sub t0, t0, s4
            addi s4, s4, 331
            csrw mhpmcounter3, t0
            li t0, 0x2000
            csrc mip, t0
            csrw mie, t0
          """
          + TestMachine.enter(Hart.S, false)
          + """
          1:
            addi t0, x0, 1
            addi t0, t0, 1
            addi t0, t0, 1
            addi t0, t0, 1
            BODY
            j 1b
          overflowed:
            csrr t0, mhpmcounter3
            bge s3, t0, 2f
            mv s3, t0
          2:
            addi s2, s2, -1
            bnez s2, again
            mv a0, s3
            csrr a1, mhpmevent3
            csrr a2, scountovf
            j exit
          """;

  /** The bound of docs/counters.md. */
  @ParameterizedTest
  @MethodSource("org.duvisor.machine.testing.Engines#all")
  void anOverflowOfInstructionsInterruptsWithinABlock(EngineUnderTest engine) {
    for (boolean inTurns : new boolean[] {true, false}) {
      String text = OVERFLOW.replace("BODY", "nop");
      try (TestMachine m = new TestMachine(engine, text, 1, HartConfig.STANDARD, inTurns)) {
        m.run();
        assertTrue(m.a(0) >= 0 && m.a(0) <= Engine.MAX_BLOCK, "seen " + m.a(0) + " later");
        assertEquals(1, m.a(1) >>> 63, "OF");
        assertEquals(1 << 3, m.a(2));
        assertEquals(OVERFLOWS, m.traps().size());
        assertTrue(
            m.traps().stream()
                .allMatch(t -> t.mcause() == (Cause.INTERRUPT | Cause.COUNTER_OVERFLOW)));
      }
    }
  }

  private static final String TRAPS =
      event(3, CounterEvent.TRAP, "0")
          + """
            li t0, -3
            csrw mhpmcounter3, t0
            li t0, 0x2000
            csrw mie, t0
            csrsi mstatus, 8
            li s1, 3
            la s11, after
          after:
            beqz s1, 2f
            addi s1, s1, -1
            ecall
          2:
            j 2b
          """;

  /** The third trap overflows: when its handler returns, the interrupt comes before anything. */
  @ParameterizedTest
  @MethodSource("org.duvisor.machine.testing.Engines#all")
  void anOverflowOfAnotherEventInterruptsAtTheEvent(EngineUnderTest engine) {
    try (TestMachine m = new TestMachine(engine, TRAPS)) {
      m.board().limit(3000); // the interrupt goes to a loop
      m.board().run(m.boot());
      assertEquals(
          List.of(11L, 11L, 11L, Cause.INTERRUPT | Cause.COUNTER_OVERFLOW),
          m.traps().stream().map(TrapRecord::mcause).toList());
      assertEquals(m.label("after"), m.traps().getLast().mepc());
    }
  }

  private static final String SLEEP =
      event(3, CounterEvent.INSTRUCTION, "0")
          + """
            la s11, exit
            li t0, 0x2000
            csrw mie, t0
            csrsi mstatus, 8
            li t0, -2
            csrw mhpmcounter3, t0
            nop
            wfi
          1:
            j 1b
          """;

  @ParameterizedTest
  @MethodSource("org.duvisor.machine.testing.Engines#all")
  void anOverflowEndsWfi(EngineUnderTest engine) {
    for (boolean inTurns : new boolean[] {true, false}) {
      try (TestMachine m = new TestMachine(engine, SLEEP, 1, HartConfig.STANDARD, inTurns)) {
        m.run();
        assertEquals(Cause.INTERRUPT | Cause.COUNTER_OVERFLOW, m.trap().mcause());
      }
    }
  }

  /** A walk over more pages than a TLB has entries, of one stage. */
  private static final String PAGES =
      event(3, CounterEvent.DTLB_READ_MISS, M)
          + event(4, CounterEvent.DTLB_WRITE_MISS, M)
          + event(5, CounterEvent.ITLB_MISS, M)
          + event(6, CounterEvent.WALK, M)
          + """
            la s11, done
            li t0, 0x8000000000080400
            csrw satp, t0
          """
          + TestMachine.enter(Hart.S, false)
          + """
            li s1, 0x80200000
            li s2, 1000
            li s3, 4096
          1:
            lb t0, 0(s1)
            sb t0, 0(s1)
            add s1, s1, s3
            addi s2, s2, -1
            bnez s2, 1b
            ecall
          done:
            csrr a0, mhpmcounter3
            csrr a1, mhpmcounter4
            csrr a2, mhpmcounter5
            csrr a3, mhpmcounter6
            j exit
          """;

  private static TestMachine pages(EngineUnderTest engine) {
    TestMachine m = new TestMachine(engine, PAGES);
    long gigabyte = 0x8000_0000L;
    m.poke(0x8040_0000L + 8 * 2, gigabyte >>> 12 << 10 | 0xef);
    return m.run();
  }

  @ParameterizedTest
  @MethodSource("org.duvisor.machine.testing.Engines#same")
  void missesAreThoseOfThisTlbAndTheSameEachTime(EngineUnderTest engine) {
    try (TestMachine m = pages(engine);
        TestMachine again = pages(engine)) {
      assertTrue(m.a(0) >= 1000, "reads " + m.a(0));
      assertTrue(m.a(1) >= 1000, "writes " + m.a(1));
      assertTrue(m.a(2) >= 1, "fetches " + m.a(2));
      assertEquals(m.a(0) + m.a(1) + m.a(2), m.a(3), "each is a walk");
      for (int i = 0; i < 4; i++) {
        assertEquals(m.a(i), again.a(i));
      }
    }
  }
}
