package org.duvisor.machine;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.duvisor.isa.Cause;
import org.duvisor.isa.Csr;
import org.duvisor.machine.TrapCounts.Kind;
import org.junit.jupiter.api.Test;

/** Traps are counted by where from, where to, and why. */
final class TrapCountsTest {
  private static final long TIMER = Cause.INTERRUPT | Cause.SUPERVISOR_TIMER;
  private static final long EN = 1;
  private static final long HTR = 2;

  private final HartFixture f = new HartFixture(HartConfig.STANDARD);
  private final TrapCounts counts = f.hart.traps().counts();

  private List<Kind> kinds(Runnable traps) {
    TrapCounts before = counts.copy();
    traps.run();
    return counts.since(before).kinds();
  }

  private List<Kind> trap(int privilege, boolean virtual, int cause) {
    return kinds(() -> f.mode(privilege, virtual).hart.traps.enter(cause, 0x1000));
  }

  private static List<Kind> one(Mode from, Mode to, long cause) {
    return List.of(new Kind(from, to, cause, 1));
  }

  @Test
  void everyModeIsToldFromTheOthers() {
    assertEquals(one(Mode.U, Mode.M, Cause.ECALL_U), trap(Hart.U, false, Cause.ECALL_U));
    f.csr(Csr.MEDELEG, -1);
    assertEquals(one(Mode.M, Mode.M, Cause.ECALL_M), trap(Hart.M, false, Cause.ECALL_M));
    assertEquals(one(Mode.U, Mode.HS, Cause.ECALL_U), trap(Hart.U, false, Cause.ECALL_U));
    assertEquals(one(Mode.VS, Mode.HS, Cause.ECALL_VS), trap(Hart.S, true, Cause.ECALL_VS));
    f.csr(Csr.HEDELEG, 1 << Cause.ECALL_U);
    assertEquals(one(Mode.VU, Mode.VS, Cause.ECALL_U), trap(Hart.U, true, Cause.ECALL_U));
  }

  @Test
  void exitsToUserModeAreToldFromThoseToTheKernel() {
    f.csr(Csr.MEDELEG, -1);
    f.csr(Csr.SEDELEG, 1 << Cause.ECALL_VS);
    assertEquals(one(Mode.VS, Mode.HS, Cause.ECALL_VS), trap(Hart.S, true, Cause.ECALL_VS));
    f.csr(Csr.HDVCTL, EN);
    assertEquals(one(Mode.VS, Mode.HU, Cause.ECALL_VS), trap(Hart.S, true, Cause.ECALL_VS));
    assertEquals(one(Mode.HU, Mode.HS, Cause.ECALL_U), trap(Hart.U, false, Cause.ECALL_U));
  }

  @Test
  void aReflectedTrapIsOneWithItsOwnCause() {
    f.csr(Csr.HDVCTL, EN | HTR);
    assertEquals(
        one(Mode.VU, Mode.HS, Cause.ILLEGAL_INSTRUCTION),
        trap(Hart.U, true, Cause.ILLEGAL_INSTRUCTION));
    assertEquals(Cause.WINDOW_VIOLATION, f.csr(Csr.SCAUSE));
    f.csr(Csr.MENVCFG, -1);
    f.csr(Csr.MIDELEG, 1 << Cause.SUPERVISOR_TIMER);
    f.csr(Csr.MIE, 1 << Cause.SUPERVISOR_TIMER);
    f.csr(Csr.STIMECMP, 0);
    assertEquals(
        one(Mode.VS, Mode.HS, TIMER), kinds(() -> f.mode(Hart.S, true).hart.traps.takeInterrupt()));
    assertEquals(1, counts.of(Mode.VS, Mode.HS, TIMER));
  }
}
