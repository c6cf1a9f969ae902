package org.duvisor.machine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.duvisor.isa.Cause;
import org.duvisor.isa.Csr;
import org.duvisor.machine.interp.Interpreter;
import org.duvisor.machine.testing.EngineUnderTest;
import org.duvisor.machine.testing.Engines;
import org.duvisor.machine.testing.ForwardingEngine;
import org.duvisor.machine.testing.TestMachine;
import org.junit.jupiter.api.Test;

/** {@link Hart#step} is one instruction, one trap, or nothing. */
class StepTest {
  private static final int NOP = 0x13;
  private static final int COMPRESSED_NOP = 0x1;
  private static final int BRANCH_BACK = 0xfe000ee3; // beq x0, x0, -4
  private static final int ECALL = 0x73;
  private static final int WFI = 0x10500073;

  private final HartFixture f = new HartFixture(HartFixture.WITH_H);

  private void code(int... words) {
    for (int i = 0; i < words.length; i++) {
      f.hart.mmu().store(HartFixture.RAM + 4L * i, 4, words[i]);
    }
    f.hart.fenceI();
    f.hart.pc = HartFixture.RAM;
  }

  private void step(long pc, int retired) {
    long before = f.hart.retired;
    f.hart.step();
    assertEquals(HartFixture.RAM + pc, f.hart.pc, "pc");
    assertEquals(retired, f.hart.retired - before, "retired");
  }

  @Test
  void oneInstructionOfABlock() {
    code(NOP, COMPRESSED_NOP | COMPRESSED_NOP << 16, BRANCH_BACK);
    step(4, 1);
    step(6, 1);
    step(8, 1);
    step(4, 1);
  }

  @Test
  void aTrapRetiresNothing() {
    f.csr(Csr.MTVEC, HartFixture.RAM + 0x100);
    code(NOP, ECALL);
    step(4, 1);
    step(0x100, 0);
    assertEquals(Cause.ECALL_M, f.csr(Csr.MCAUSE));
    assertEquals(HartFixture.RAM + 4, f.csr(Csr.MEPC));
  }

  /** An interrupt that is due comes first; what is executed then is its handler's. */
  @Test
  void anInterruptIsTakenBeforeTheInstruction() {
    f.csr(Csr.MTVEC, HartFixture.RAM);
    code(NOP, NOP, NOP);
    f.hart.pc = HartFixture.RAM + 8;
    f.csr(Csr.MIE, 1 << Cause.MACHINE_TIMER);
    f.csr(Csr.MSTATUS, f.csr(Csr.MSTATUS) | Csr.MSTATUS_MIE);
    f.hart.timeCompare(5);
    f.now = 5;
    step(4, 1);
    assertEquals(HartFixture.RAM + 8, f.csr(Csr.MEPC));
  }

  @Test
  void aHartThatWaitsDoesNotMove() {
    code(WFI, NOP);
    step(4, 1);
    assertTrue(f.hart.isWaiting());
    step(4, 0);
  }

  private static final String PROGRAM =
      """
        li a0, 0
        li a1, 200
        la s11, back
      again:
        addi a0, a0, 1
        mul a2, a2, a0
        .word 0               # traps to M, which goes on at back
      back:
        csrr a3, minstret
        blt a0, a1, again
        la t0, patched
        la t1, other
        lw t1, 0(t1)
        sw t1, 0(t0)
        fence.i
      patched:
        li a4, 1
        j exit
      .balign 4
      other:
        li a4, 2
      """;

  private static List<Long> outcome(EngineUnderTest engine) {
    try (TestMachine m = new TestMachine(engine, PROGRAM)) {
      m.run();
      List<Long> all = new ArrayList<>();
      for (int i = 0; i < 32; i++) {
        all.add(m.x(i));
      }
      all.add(m.board().harts().getFirst().retired);
      m.traps().forEach(t -> all.add(t.mepc()));
      return all;
    }
  }

  /** A program does the same one instruction at a time. */
  @Test
  void manyStepsAreARun() {
    List<Long> run = outcome(Engines.interpreter());
    assertEquals(2, run.get(14));
    assertEquals(run, outcome(new OneAtATime()));
  }

  private static final class OneAtATime implements EngineUnderTest {
    @Override
    public String name() {
      return "one-at-a-time";
    }

    @Override
    public Function<Hart, Engine> factory() {
      return Stepper::new;
    }
  }

  /** Runs by steps. */
  private static final class Stepper extends ForwardingEngine {
    private final Hart h;

    Stepper(Hart h) {
      super(new Interpreter(h));
      this.h = h;
    }

    @Override
    public void run(long limit) {
      while (h.retired < limit && !h.wantsAttention()) {
        step();
      }
    }
  }
}
