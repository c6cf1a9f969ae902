package org.duvisor.machine.adversary;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.duvisor.isa.Cause;
import org.duvisor.isa.Csr;
import org.duvisor.machine.adversary.Rig.Landing;
import org.duvisor.machine.adversary.Rig.Mode;
import org.junit.jupiter.api.Test;

/**
 * hustatus.FS (docs/dv-ext.md, 3.5). The adversary is a guest that wants to see f registers which a
 * hypervisor that loads them lazily has left to others.
 */
class FloatStateTest {
  private static final long OFF = 1L << 25;
  private static final long CLEAN = 2L << 25;
  private static final long DIRTY = 3L << 25;
  private static final long FS = 3L << 25;
  private static final long SPV_SPVP = 0x180;

  private static final List<String> USES =
      List.of(
          "fmv.x.d a0, f1",
          "fadd.d f1, f1, f1",
          "fld f1, (a1)",
          "fsd f1, (a1)",
          "flw f1, (a1)",
          "fclass.d a0, f1",
          "frcsr a0",
          "fsrm a0",
          "csrrs a0, fflags, x0",
          "fcvt.w.d a0, f1",
          "flh f1, (a1)",
          "fsh f1, (a1)",
          "fmv.x.h a0, f1",
          "fadd.h f1, f1, f1",
          "fli.s f1, 1.0",
          "fleq.d a0, f1, f1",
          "fcvtmod.w.d a0, f1, rtz");

  private final Rig rig = new Rig();

  private Landing use(String text, Mode mode, long fs) {
    rig.csr(Csr.HUSTATUS, SPV_SPVP | fs);
    rig.csr(Csr.HUVSSTATUS, 3 << 13);
    rig.hart.x(10, 0);
    rig.hart.x(11, Rig.DATA);
    rig.hart.f(1, 0x5ec7e7);
    return rig.run(mode, text + "\necall");
  }

  @Test
  void offEveryUseLeavesTheGuest() {
    for (Mode mode : List.of(Mode.VS, Mode.VU)) {
      for (String text : USES) {
        Landing l = use(text, mode, OFF);
        assertTrue(l.is("HU", Cause.VIRTUAL_INSTRUCTION), () -> text + " " + l);
        assertEquals(0, rig.hart.x(10), text);
        assertEquals(0x5ec7e7, rig.hart.f(1), text);
        assertEquals(OFF, rig.csr(Csr.HUSTATUS) & FS, text);
      }
    }
  }

  @Test
  void theGuestsOwnOffIsLookedAtFirst() {
    rig.csr(Csr.HUSTATUS, SPV_SPVP | OFF);
    rig.csr(Csr.HUVSSTATUS, 0);
    assertTrue(rig.run(Mode.VS, "fmv.x.d a0, f1").is("VS", Cause.ILLEGAL_INSTRUCTION));
  }

  @Test
  void cleanBecomesDirtyWithTheFirstUse() {
    for (String text : USES) {
      Landing l = use(text, Mode.VS, CLEAN);
      assertTrue(l.is("HU", Cause.ECALL_VS), () -> text + " " + l);
      assertEquals(DIRTY, rig.csr(Csr.HUSTATUS) & FS, text);
    }
    use("nop", Mode.VS, CLEAN);
    assertEquals(CLEAN, rig.csr(Csr.HUSTATUS) & FS);
  }

  @Test
  void untrackedAndDirtyHaveNoEffect() {
    for (long fs : new long[] {0, DIRTY}) {
      for (String text : USES) {
        assertTrue(use(text, Mode.VS, fs).is("HU", Cause.ECALL_VS), text);
        assertEquals(fs, rig.csr(Csr.HUSTATUS) & FS);
      }
    }
  }

  @Test
  void withoutDvExtItIsNobodysBusiness() {
    rig.csr(Csr.HUSTATUS, SPV_SPVP | OFF);
    rig.csr(Csr.HDVCTL, 0);
    rig.csr(Csr.HEDELEG, 0);
    rig.csr(Csr.HGATP, 0);
    rig.csr(Csr.VSSTATUS, 3 << 13);
    rig.hart.f(1, 77);
    assertTrue(rig.run(Mode.VS, "fmv.x.d a0, f1\necall").is("HS", Cause.ECALL_VS));
    assertEquals(77, rig.hart.x(10));
  }

  /** HU itself is a process like any other. */
  @Test
  void theHypervisorsOwnRegistersAreNotTouched() {
    rig.csr(Csr.HUSTATUS, OFF);
    rig.hart.f(1, 78);
    assertTrue(rig.run(Mode.U, "fmv.x.d a0, f1\necall").is("HS", Cause.ECALL_U));
    assertEquals(78, rig.hart.x(10));
  }
}
