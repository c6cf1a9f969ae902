package org.duvisor.machine;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.duvisor.isa.Cause;
import org.duvisor.isa.Csr;
import org.duvisor.machine.testing.EngineUnderTest;
import org.duvisor.machine.testing.TestMachine;
import org.duvisor.machine.testing.TrapRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Who takes a trap, and what is written on the way in and out (privileged spec 3.1.6 to 3.1.9,
 * 3.3.2, 21.2, 21.6).
 */
class TrapRoutingTest {
  private static final long INTERRUPT = 1L << 63;

  private final HartFixture f = new HartFixture(HartFixture.WITH_H);

  @Test
  void anExceptionGoesAsFarDownAsItIsDelegated() {
    f.mode(Hart.U, true);
    f.hart.pc = f.hart.traps.enter(Cause.ECALL_U, 0x1000);
    f.assertMode(Hart.M, false);
    f.assertHex(1L << 39, () -> f.csr(Csr.MSTATUS) & (1L << 39 | 0x1800), "MPV, MPP = U");

    f.csr(Csr.MEDELEG, -1);
    f.mode(Hart.U, true).hart.traps.enter(Cause.ECALL_U, 0x1000);
    f.assertMode(Hart.S, false);
    f.assertHex(0x80, () -> f.csr(Csr.HSTATUS) & 0x1c0, "SPV, SPVP = U");
    f.assertHex(0, () -> f.csr(Csr.SSTATUS) & 0x100, "SPP = U");
    f.mode(Hart.S, true).hart.traps.enter(Cause.ECALL_VS, 0x1000);
    f.assertHex(0x180, () -> f.csr(Csr.HSTATUS) & 0x1c0, "SPV, SPVP = S");
    f.mode(Hart.U, false).hart.traps.enter(Cause.ECALL_U, 0x1000);
    f.assertHex(0x100, () -> f.csr(Csr.HSTATUS) & 0x1c0, "SPV goes, SPVP stays");

    f.csr(Csr.HEDELEG, -1);
    f.csr(Csr.VSSTATUS, 2);
    f.mode(Hart.U, true).hart.traps.enter(Cause.ECALL_U, 0x1234);
    f.assertMode(Hart.S, true);
    assertEquals(Cause.ECALL_U, f.csr(Csr.VSCAUSE));
    assertEquals(0x1234, f.csr(Csr.VSEPC));
    f.assertHex(0x20, () -> f.csr(Csr.VSSTATUS) & 0x122, "SPIE = 1, SIE = 0, SPP = U");
    f.mode(Hart.S, true).hart.traps.enter(Cause.ECALL_VS, 0x1000);
    f.assertMode(Hart.S, false); // an ecall of VS cannot be delegated to VS
    f.mode(Hart.S, true).hart.traps.enter(Cause.LOAD_GUEST_PAGE_FAULT, 0x1000);
    f.assertMode(Hart.S, false);
    f.mode(Hart.M, false).hart.traps.enter(Cause.ECALL_U, 0x1000);
    f.assertMode(Hart.M, false); // never from a higher to a lower privilege
  }

  @Test
  void returnsRestoreWhatTrapsSaved() {
    f.csr(Csr.MSTATUS, 1L << 39 | 1 << 17 | 0x0880); // MPV, MPRV, MPP = S, MPIE
    f.csr(Csr.MEPC, 0x5000);
    f.mode(Hart.M, false);
    assertEquals(0x5000, f.hart.privileged().mret());
    f.assertMode(Hart.S, true);
    f.assertHex(
        0x88,
        () -> f.csr(Csr.MSTATUS) & (1L << 39 | 1 << 17 | 0x1888),
        "MIE, MPIE; MPRV, MPV and MPP clear");

    f.csr(Csr.MSTATUS, 1L << 39 | 1 << 17 | 0x1800);
    f.mode(Hart.M, false).hart.privileged().mret();
    f.assertMode(Hart.M, false); // MPV is ignored when MPP = M
    f.assertHex(1 << 17, () -> f.csr(Csr.MSTATUS) & (1L << 39 | 1 << 17), "MPRV stays, MPV clears");

    f.csr(Csr.SSTATUS, 0x100);
    f.csr(Csr.HSTATUS, 0x80);
    f.csr(Csr.SEPC, 0x6000);
    assertEquals(0x6000, f.mode(Hart.S, false).hart.privileged().sret());
    f.assertMode(Hart.S, true);
    f.assertHex(0, () -> f.csr(Csr.HSTATUS) & 0x80, "SPV");
    f.csr(Csr.VSSTATUS, 0x20);
    f.csr(Csr.VSEPC, 0x7000);
    assertEquals(0x7000, f.hart.privileged().sret());
    f.assertMode(Hart.U, true);
    f.assertHex(0x22, () -> f.csr(Csr.VSSTATUS) & 0x122, "SIE, SPIE");
  }

  /**
   * Columns: mode, TW, VTW, TSR, VTSR; what wfi and sret do: i illegal, v virtual instruction, -
   * nothing.
   */
  @ParameterizedTest
  @CsvSource({
    "M,  1, 1, 1, 1, -, -",
    "S,  0, 1, 0, 1, -, -",
    "S,  1, 0, 1, 0, i, i",
    "U,  0, 0, 0, 0, i, i",
    "VS, 0, 0, 1, 0, -, -",
    "VS, 0, 1, 0, 1, v, v",
    "VS, 1, 1, 1, 1, i, v",
    "VU, 0, 0, 0, 0, v, v",
    "VU, 1, 0, 1, 0, i, v",
  })
  void waitsAndReturnsCanBeTrapped(
      String mode, int tw, int vtw, int tsr, int vtsr, char wfi, char sret) {
    f.csr(Csr.MSTATUS, (long) tw << 21 | (long) tsr << 22);
    f.csr(Csr.HSTATUS, (long) vtw << 21 | (long) vtsr << 22);
    int privilege = mode.endsWith("M") ? Hart.M : mode.endsWith("S") ? Hart.S : Hart.U;
    f.mode(privilege, mode.startsWith("V"));
    assertEquals(expected(wfi), f.cause(() -> f.hart.privileged().wfi()), "wfi");
    assertEquals(expected(sret), f.cause(() -> f.hart.privileged().sret()), "sret");
  }

  private static int expected(char outcome) {
    return outcome == 'i'
        ? Cause.ILLEGAL_INSTRUCTION
        : outcome == 'v' ? Cause.VIRTUAL_INSTRUCTION : -1;
  }

  @Test
  void mretIsIllegalBelowM() {
    assertEquals(
        Cause.ILLEGAL_INSTRUCTION, f.mode(Hart.S, false).cause(() -> f.hart.privileged().mret()));
    assertEquals(
        Cause.ILLEGAL_INSTRUCTION, f.mode(Hart.S, true).cause(() -> f.hart.privileged().mret()));
  }

  @Test
  void interruptsAreTakenInTheArchitecturesOrder() {
    f.csr(Csr.MIE, -1);
    f.csr(Csr.MIDELEG, -1);
    f.csr(Csr.MIP, 0x222);
    f.csr(Csr.HVIP, 0x444);
    for (int wire : new int[] {3, 7, 11}) {
      f.hart.wire(wire, true);
    }
    f.hart.timeCompare(-1);
    for (int expected : new int[] {11, 3, 7}) {
      f.mode(Hart.S, false).hart.traps.takeInterrupt();
      f.assertMode(Hart.M, false);
      f.assertHex(INTERRUPT | expected, () -> f.csr(Csr.MCAUSE), "mcause");
      f.hart.wire(expected, false);
    }
    f.mode(Hart.S, false).hart.traps.takeInterrupt();
    f.assertMode(Hart.S, false);
    f.assertHex(0, () -> f.csr(Csr.SCAUSE), "SIE is off");
    for (int expected : new int[] {9, 1, 5}) {
      f.mode(Hart.U, false).hart.traps.takeInterrupt();
      f.assertHex(INTERRUPT | expected, () -> f.csr(Csr.SCAUSE), "scause");
      f.csr(Csr.MIP, f.csr(Csr.MIP) & ~(1L << expected));
    }
    for (int expected : new int[] {10, 2, 6}) {
      f.mode(Hart.S, true).hart.traps.takeInterrupt();
      f.assertMode(Hart.S, false);
      f.assertHex(INTERRUPT | expected, () -> f.csr(Csr.SCAUSE), "scause of an interrupt HS keeps");
      f.csr(Csr.HVIP, f.csr(Csr.HVIP) & ~(1L << expected));
    }
  }

  @Test
  void virtualInterruptsReachTheGuestWhenItTakesThem() {
    f.csr(Csr.HIDELEG, 0x444);
    f.csr(Csr.HIE, 0x444);
    f.csr(Csr.HVIP, 0x400);
    f.csr(Csr.VSTVEC, 0x9001);
    f.mode(Hart.S, false).hart.traps.takeInterrupt();
    f.assertMode(Hart.S, false);
    f.csr(Csr.SSTATUS, 2);
    f.hart.traps.takeInterrupt();
    f.assertMode(Hart.S, false); // delegated: not for V=0
    f.mode(Hart.S, true).hart.traps.takeInterrupt();
    f.assertHex(0, () -> f.csr(Csr.VSCAUSE), "vsstatus.SIE is off");
    f.hart.pc = 0x1110;
    f.mode(Hart.U, true).hart.traps.takeInterrupt();
    f.assertMode(Hart.S, true);
    f.assertHex(INTERRUPT | 9, () -> f.csr(Csr.VSCAUSE), "the guest sees a supervisor interrupt");
    f.assertHex(0x9000 + 4 * 9, () -> f.hart.pc, "vectored");
    f.assertHex(0x1110, () -> f.csr(Csr.VSEPC), "vsepc");
    f.csr(Csr.VSSTATUS, 2);
    f.hart.traps.takeInterrupt();
    f.assertHex(0x100, () -> f.csr(Csr.VSSTATUS) & 0x102, "taken in VS when SIE is on");
  }

  private static final String CAUSES =
      """
        la s11, 1f
        .word 0xffffffff
      1:
        la s11, 1f
        .half 0
      1:
        la s11, 1f
        ebreak
      1:
        la s11, 1f
      """
          + TestMachine.enter(Hart.S, true)
          + """
            ecall
          1:
            la s11, 1f
          """
          + TestMachine.enter(Hart.U, true)
          + """
          vu:
            csrr a0, hstatus
          1:
            la s11, 1f
            la a1, trap
            addi a1, a1, 2
            sc.w a0, a1, (a1)
          1:
          """;

  @ParameterizedTest
  @MethodSource("org.duvisor.machine.testing.Engines#all")
  void causesAndValues(EngineUnderTest engine) {
    try (TestMachine m = new TestMachine(engine, CAUSES).run()) {
      var traps = m.traps();
      assertEquals(6, traps.size(), traps::toString);
      check(traps.get(0), Cause.ILLEGAL_INSTRUCTION, 0xffff_ffffL, Hart.M, false);
      check(traps.get(1), Cause.ILLEGAL_INSTRUCTION, 0, Hart.M, false);
      check(traps.get(2), Cause.BREAKPOINT, traps.get(2).mepc(), Hart.M, false);
      check(traps.get(3), Cause.ECALL_VS, 0, Hart.S, true);
      check(traps.get(4), Cause.VIRTUAL_INSTRUCTION, 0x6000_2573, Hart.U, true);
      assertEquals(m.label("vu"), traps.get(4).mepc());
      check(traps.get(5), Cause.STORE_MISALIGNED, m.label("trap") + 2, Hart.M, false);
    }
  }

  private static void check(TrapRecord t, int cause, long tval, int privilege, boolean virtual) {
    assertEquals(cause, t.mcause(), t::toString);
    assertEquals(tval, t.mtval(), t::toString);
    assertEquals(privilege, t.privilege(), t::toString);
    assertEquals(virtual, t.virtual(), t::toString);
  }
}
