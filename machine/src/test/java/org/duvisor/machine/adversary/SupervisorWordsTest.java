package org.duvisor.machine.adversary;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import org.duvisor.isa.Cause;
import org.duvisor.machine.HartState;
import org.duvisor.machine.testing.EngineUnderTest;
import org.duvisor.machine.testing.Engines;
import org.duvisor.machine.testing.TestMachine;
import org.junit.jupiter.api.Test;

/**
 * Adversary: a program, or a guest, that executes a kernel's own code of CSR accesses, which is
 * translated already. What it reads and writes is its own, or it gets the trap.
 */
class SupervisorWordsTest {
  private static final int CALLS_IN_A_ROW = 5;

  private static final String PROBE =
      """
      probe:
        li a6, 40
      1:
        csrrw a0, sscratch, s2
        add s2, s2, a0
        csrrs a1, sepc, s2
        xor s2, s2, a1
        csrrc a2, scause, s2
        add s2, s2, a2
        csrrw x0, stval, s2
        csrrsi a3, stval, 5
        csrrci a4, stval, 9
        csrrwi a5, scause, 7
        csrrw x0, scause, a4
        csrr a7, sepc
        csrrw sp, sepc, s2
        csrrs x0, sscratch, sp
        csrrci a3, sstatus, 2
        csrrsi t4, sstatus, 2
        csrrs t5, sstatus, x0
        andi t3, s2, 2
        csrrc t6, sstatus, t3
        csrrs t3, sstatus, t3
        li a7, 0x6000
        csrrc x0, sstatus, a7
        csrrs a7, sstatus, x0
        add s2, s2, t4
        xor s2, s2, t5
        add s2, s2, t6
        xor s2, s2, t3
        add s2, s2, a3
        xor s2, s2, a7
        li a7, 0x42000
        csrrs x0, sstatus, a7
        csrr a7, sepc
        addi s2, s2, 1
        addi a6, a6, -1
        bnez a6, 1b
        ecall
      """;

  /** Runs the code in a mode, as often as given, and hands back to M. */
  private static String in(int privilege, boolean virtual, int times) {
    return """
      la s11, 9f
      li s9, %d
    9:
      beqz s9, 8f
      addi s9, s9, -1
      li t0, 0x1800
      csrc mstatus, t0
      li t0, %d
      csrs mstatus, t0
      li t0, MPV
      %s mstatus, t0
      la t0, probe
      csrw mepc, t0
      mret
    8:
    """
        .formatted(times, privilege << 11, virtual ? "csrs" : "csrc");
  }

  private static final String PROGRAM =
      "  li s2, 0x1234\n"
          + in(1, false, CALLS_IN_A_ROW)
          + in(1, true, CALLS_IN_A_ROW)
          + in(0, false, 1)
          + in(0, true, 1)
          + in(1, false, 1)
          + in(1, true, 1)
          + """
            csrr s3, sscratch
            csrr s4, sepc
            csrr s5, scause
            csrr s6, stval
            csrr s7, vsscratch
            csrr s8, vsepc
            csrr s10, vscause
            csrr a0, vstval
            j exit
          """
          + PROBE;

  private static List<Long> outcome(EngineUnderTest engine) {
    try (TestMachine m = new TestMachine(engine, PROGRAM)) {
      m.run();
      List<Long> all = new ArrayList<>();
      for (int register : new int[] {18, 19, 20, 21, 22, 23, 24, 26, 10}) {
        all.add(m.x(register));
      }
      m.traps().forEach(t -> all.add(t.mcause()));
      return all;
    }
  }

  @Test
  void translatedAccessesAreThoseOfTheModeTheyRunIn() {
    List<Long> interpreted = outcome(Engines.interpreter());
    Engines.all().forEach(e -> assertEquals(interpreted, outcome(e), e.name()));
    List<Long> causes = interpreted.subList(9, interpreted.size());
    List<Long> expected = new ArrayList<>();
    for (int i = 0; i < CALLS_IN_A_ROW; i++) {
      expected.add((long) Cause.ECALL_S);
    }
    for (int i = 0; i < CALLS_IN_A_ROW; i++) {
      expected.add((long) Cause.ECALL_VS);
    }
    expected.addAll(
        List.of(
            (long) Cause.ILLEGAL_INSTRUCTION,
            (long) Cause.VIRTUAL_INSTRUCTION,
            (long) Cause.ECALL_S,
            (long) Cause.ECALL_VS));
    assertEquals(expected, causes);
  }

  /** What a displacement from sscratch means is the same for a guest. */
  @Test
  void aGuestsWordsLieInTheSameOrder() {
    int[][] pairs = {
      {HartState.SEPC, HartState.VSEPC},
      {HartState.SCAUSE, HartState.VSCAUSE},
      {HartState.STVAL, HartState.VSTVAL},
    };
    for (int i = 0; i < pairs.length; i++) {
      assertEquals(8 * (i + 1), pairs[i][0] - HartState.SSCRATCH);
      assertEquals(8 * (i + 1), pairs[i][1] - HartState.VSSCRATCH);
    }
  }
}
