package org.duvisor.machine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import org.duvisor.isa.Cause;
import org.duvisor.isa.Csr;
import org.duvisor.machine.testing.EngineUnderTest;
import org.duvisor.machine.testing.TestMachine;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * WFI ends for every interrupt that is pending and enabled in mie, whatever the global enables say
 * (privileged spec 3.3.3).
 */
class WfiTest {
  private static final String DISABLED =
      """
        li t0, 0x8
        csrs mie, t0
        li s0, 0x2000000
        li t0, 1
        sw t0, 0(s0)        # a software interrupt to itself, with mstatus.MIE off
        wfi
        li a0, 7
        csrr a1, mip
        andi a1, a1, 8
      """;

  @ParameterizedTest
  @MethodSource("org.duvisor.machine.testing.Engines#all")
  void wakesWithoutTakingWhatIsDisabled(EngineUnderTest engine) {
    try (TestMachine m = new TestMachine(engine, DISABLED).run()) {
      assertEquals(7, m.a(0));
      assertEquals(8, m.a(1));
      assertEquals(0, m.traps().size());
    }
  }

  private static final String TAKEN =
      """
        li t0, 0x8
        csrs mie, t0
        la s11, 1f
        li s0, 0x2000000
        li s1, 0x2004000
        li t0, 1
        sw t0, 0(s0)
        csrsi mstatus, 8    # taken at the instruction after the one that enables it
      here:
        wfi
      1:
      """;

  @ParameterizedTest
  @MethodSource("org.duvisor.machine.testing.Engines#all")
  void anEnabledInterruptIsTakenBeforeOrAfterTheWait(EngineUnderTest engine) {
    try (TestMachine m = new TestMachine(engine, TAKEN).run()) {
      assertEquals(1L << 63 | Cause.MACHINE_SOFTWARE, m.trap().mcause());
      assertEquals(m.label("here"), m.trap().mepc());
    }
  }

  /** Harts wake each other in a ring, sleeping in between. */
  private static final String RING =
      """
        li s3, 200
      round:
        li t0, 1
        li t1, 0x2000004
        sw t0, 0(t1)
        call sleep
        addi s3, s3, -1
        bnez s3, round
        ld a0, DATA_SLOT
        j exit
      sleep:
        li t0, 8
        csrs mie, t0
        csrr t0, mhartid
        slli t0, t0, 2
        li s0, 0x2000000
        add s0, s0, t0
      1:
        wfi
        csrr t0, mip
        andi t0, t0, 8
        beqz t0, 1b
        sw x0, 0(s0)
        ret
      others:
        call sleep
        li t1, DATA
        li t0, 1
        amoadd.d x0, t0, (t1)
        csrr t0, mhartid    # the next one, 0 after the last
        addi t0, t0, 1
        andi t0, t0, 3
        slli t0, t0, 2
        li t1, 0x2000000
        add t1, t1, t0
        li t0, 1
        sw t0, 0(t1)
        j others
      """
          .replace("ld a0, DATA_SLOT", "li t0, DATA\n  ld a0, 0(t0)");

  @ParameterizedTest
  @MethodSource("org.duvisor.machine.testing.Engines#all")
  void interruptsBetweenSleepingHartsAreNotLost(EngineUnderTest engine) {
    for (boolean inTurns : new boolean[] {true, false}) {
      try (TestMachine m = new TestMachine(engine, RING, 4, HartConfig.STANDARD, inTurns).run()) {
        assertEquals(600, m.a(0));
      }
    }
  }

  @Test
  @Timeout(30)
  void aWaitingHartSleepsUntilItIsWoken() throws InterruptedException {
    HartFixture f = new HartFixture(HartFixture.WITH_H);
    f.csr(Csr.MIE, 1 << Cause.MACHINE_SOFTWARE);
    f.hart.privileged().wfi();
    Thread sleeper =
        Thread.ofPlatform()
            .daemon()
            .start(
                () -> {
                  while (f.hart.isWaiting()) {
                    f.hart.park(Duration.ofHours(1).toNanos());
                  }
                });
    while (sleeper.getState() != Thread.State.TIMED_WAITING
        && !Thread.currentThread().isInterrupted()) { // by the timeout, when the hart spins instead
      Thread.onSpinWait();
    }
    f.hart.wire(Cause.MACHINE_EXTERNAL, true); // not enabled: it looks, and sleeps on
    f.hart.wire(Cause.MACHINE_SOFTWARE, true);
    assertTrue(sleeper.join(Duration.ofSeconds(20)), "woken");
  }
}
