package org.duvisor.machine;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.duvisor.isa.Cause;
import org.duvisor.isa.Csr;
import org.duvisor.isa.Extension;
import org.duvisor.isa.Extensions;
import org.junit.jupiter.api.Test;

/** State enable (Smstateen), and the entropy source (Zkr), which is guarded in the same way. */
final class StateEnableTest {
  private static final int ILLEGAL = Cause.ILLEGAL_INSTRUCTION;
  private static final int VIRTUAL = Cause.VIRTUAL_INSTRUCTION;

  private final HartFixture f =
      new HartFixture(new HartConfig(Extensions.max().with(Extension.ZKR), 3));

  private void expect(int csr, boolean virtual, int cause) {
    f.mode(Hart.S, virtual);
    assertEquals(cause, f.readCause(csr), Csr.name(csr) + (virtual ? " in VS" : " in HS"));
  }

  @Test
  void eachFieldHasItsRegisters() {
    Object[][] rows = {
      {Csr.MSTATEEN0_ENVCFG, Csr.SENVCFG, Csr.HENVCFG},
      {Csr.MSTATEEN0_CSRIND, Csr.SISELECT, Csr.VSISELECT},
      {Csr.MSTATEEN0_IMSIC, Csr.STOPEI, Csr.STOPEI},
      {Csr.MSTATEEN0_AIA, Csr.STOPI, Csr.HVICTL},
      {Csr.MSTATEEN0_SE0, Csr.SSTATEEN0, Csr.HSTATEEN0},
    };
    for (Object[] row : rows) {
      long field = (long) row[0];
      int supervisor = (int) row[1];
      int hypervisor = (int) row[2];
      f.csr(Csr.HSTATUS, 1 << 12); // there is a guest file
      f.csr(Csr.MSTATEEN0, -1);
      f.csr(Csr.HSTATEEN0, -1);
      expect(supervisor, false, -1);
      expect(supervisor, true, -1);
      expect(hypervisor, false, -1);
      f.csr(Csr.HSTATEEN0, ~field);
      expect(supervisor, false, -1);
      expect(supervisor, true, VIRTUAL);
      f.csr(Csr.HSTATEEN0, -1);
      f.csr(Csr.MSTATEEN0, ~field);
      expect(supervisor, false, ILLEGAL);
      expect(supervisor, true, ILLEGAL);
      expect(hypervisor, false, ILLEGAL);
      assertEquals(0, f.csr(Csr.HSTATEEN0) & field, "read-only zero where M has it not");
    }
  }

  @Test
  void theOtherThreeHaveOneField() {
    for (int i = 1; i < 4; i++) {
      expect(Csr.SSTATEEN0 + i, false, ILLEGAL);
      f.csr(Csr.MSTATEEN1 + i - 1, -1);
      f.assertHex(1L << 63, () -> f.csr(Csr.MSTATEEN0 + 1), "se");
      expect(Csr.SSTATEEN0 + i, false, -1);
      expect(Csr.SSTATEEN0 + i, true, VIRTUAL);
      f.csr(Csr.HSTATEEN1 + i - 1, -1);
      expect(Csr.SSTATEEN0 + i, true, -1);
    }
  }

  /** Reset is what a kernel that knows nothing of Smstateen finds: M decides. */
  @Test
  void afterResetOnlyMachineModeHasIt() {
    f.hart.reset(HartFixture.RAM);
    assertEquals(0, f.csr(Csr.MSTATEEN0));
    expect(Csr.SENVCFG, false, ILLEGAL);
  }

  @Test
  void entropyIsTakenByAWriteOfWhoMay() {
    f.hart.entropy(() -> 0xabcd1234);
    f.mode(Hart.M, false);
    assertEquals(ILLEGAL, f.readCause(Csr.SEED), "a read alone");
    f.assertHex(2L << 30 | 0x1234, () -> f.hart.csrs.swap(Csr.SEED, 0, true), "seed");
    Object[][] rows = {
      {Hart.S, false, 0L, ILLEGAL},
      {Hart.S, false, Csr.MSECCFG_SSEED, -1},
      {Hart.U, false, Csr.MSECCFG_SSEED, ILLEGAL},
      {Hart.U, false, Csr.MSECCFG_USEED, -1},
      {Hart.S, true, Csr.MSECCFG_USEED, ILLEGAL},
      {Hart.S, true, Csr.MSECCFG_SSEED, VIRTUAL},
      {Hart.U, true, Csr.MSECCFG_SSEED, VIRTUAL},
    };
    for (Object[] row : rows) {
      f.csr(Csr.MSECCFG, (long) row[2]);
      f.mode((int) row[0], (boolean) row[1]);
      assertEquals((int) row[3], f.cause(() -> f.hart.csrs.swap(Csr.SEED, 0, true)));
      assertEquals(ILLEGAL, f.readCause(Csr.SEED), "a read alone is never allowed");
    }
  }
}
