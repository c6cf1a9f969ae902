package org.duvisor.machine;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.duvisor.isa.Cause;
import org.duvisor.isa.Csr;
import org.duvisor.isa.Decoded;
import org.duvisor.isa.InstructionSet;
import org.duvisor.machine.testing.EngineUnderTest;
import org.duvisor.machine.testing.Engines;
import org.duvisor.machine.testing.PageTables;
import org.duvisor.machine.testing.TestMachine;
import org.duvisor.machine.testing.TrapRecord;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Two-stage translation, guest-page faults, and the instructions of HS (privileged spec 21.3 to
 * 21.6).
 */
class HypervisorTest {
  private static final long STAGE1 =
      HartFixture.RAM + 0x10_0000; // guest-physical, mapped to itself
  private static final long STAGE2 = HartFixture.RAM + 0x18_0000;
  private static final long PAGE = HartFixture.RAM + 0x20_0000;
  private static final long GPA = 0x1_0000_0000L;
  private static final long VA = 0x4000_0000;
  private static final long SUM = 1 << 18;
  private static final long MXR = 1 << 19;
  private static final int GUEST_LOAD = Cause.LOAD_GUEST_PAGE_FAULT;
  private static final int GUEST_STORE = Cause.STORE_GUEST_PAGE_FAULT;
  private static final int GUEST_FETCH = Cause.INSTRUCTION_GUEST_PAGE_FAULT;

  private final HartFixture f = new HartFixture(HartFixture.WITH_H);
  private final PageTables stage1 = f.tables(STAGE1, false);
  private final PageTables stage2 = f.tables(STAGE2, true);

  @BeforeEach
  void twoStages() {
    f.csr(Csr.VSATP, stage1.atp(1));
    f.csr(Csr.HGATP, stage2.atp(1));
    stage2.map(HartFixture.RAM, HartFixture.RAM, PageTables.URWX, 1);
    f.mode(Hart.S, true);
  }

  /**
   * Columns: flags of both stages, vsstatus and sstatus, what load, store and fetch do: 1 work, p
   * page, g guest-page fault.
   */
  @ParameterizedTest
  @CsvSource({
    "0xcf, 0xdf, '',        111",
    "0xcf, 0xd3, '',        1gg",
    "0xcf, 0xdb, '',        1g1",
    "0xcf, 0xd9, '',        gg1",
    "0xcf, 0xd9, smxr,      1g1",
    "0xcf, 0xd9, vmxr,      gg1", // vsstatus.MXR is about the first stage
    "0xc9, 0xdf, '',        pp1",
    "0xc9, 0xdf, vmxr,      1p1",
    "0xc9, 0xdf, smxr,      1p1",
    "0xc9, 0xd9, vmxr,      gp1",
    "0xc9, 0xd9, smxr,      1p1",
    "0xcf, 0xcf, '',        ggg", // stage 2 is checked as U
    "0xcf, 0x5f, '',        1g1", // D = 0 in stage 2
    "0xcf, 0x9f, '',        ggg", // A = 0 in stage 2
    "0x4f, 0xdf, '',        1p1",
    "0xdf, 0xdf, '',        ppp", // a user page in VS
    "0xdf, 0xdf, vsum,      11p",
    "0xdf, 0xdf, ssum,      ppp", // sstatus.SUM is not about V=1
  })
  void permissionsOfBothStages(String first, String second, String status, String works) {
    stage1.map(VA, GPA, Long.decode(first), 0);
    stage2.map(GPA, PAGE, Long.decode(second), 0);
    f.csr(Csr.VSSTATUS, status.equals("vmxr") ? MXR : status.equals("vsum") ? SUM : 0);
    f.csr(Csr.SSTATUS, status.equals("smxr") ? MXR : status.equals("ssum") ? SUM : 0);
    int[] page = {Cause.LOAD_PAGE_FAULT, Cause.STORE_PAGE_FAULT, Cause.INSTRUCTION_PAGE_FAULT};
    int[] guest = {GUEST_LOAD, GUEST_STORE, GUEST_FETCH};
    int[] causes = {f.loadCause(VA), f.storeCause(VA), f.fetchCause(VA)};
    for (int i = 0; i < 3; i++) {
      int expected = works.charAt(i) == '1' ? -1 : works.charAt(i) == 'p' ? page[i] : guest[i];
      assertEquals(expected, causes[i], "access " + i);
    }
  }

  @Test
  void faultsTellTheGuestPhysicalAddress() {
    stage1.map(VA, GPA, PageTables.RWX, 0);
    HartFixture.Fault store = f.fault(() -> f.hart.mmu.store(VA + 0x128, 8, 0));
    assertEquals(
        new HartFixture.Fault(GUEST_STORE, VA + 0x128, GPA + 0x128 >>> 2, Trap.TRANSFORM, true),
        store);
    HartFixture.Fault fetch = f.fault(() -> f.hart.mmu.fetch(VA + 0x12a));
    assertEquals(new HartFixture.Fault(GUEST_FETCH, VA + 0x12a, GPA + 0x12a >>> 2, 0, true), fetch);
  }

  @Test
  void faultsOfImplicitAccessesTellThePte() {
    long entry = stage1.map(VA, GPA, 0x0f, 0);
    stage2.map(GPA, PAGE, PageTables.URWX, 0);
    f.csr(Csr.MENVCFG, Csr.MENVCFG_ADUE);
    f.csr(Csr.HENVCFG, Csr.MENVCFG_ADUE);
    stage2.map(HartFixture.RAM, HartFixture.RAM, 0xd3, 1); // tables are read-only: A cannot be set
    HartFixture.Fault write = f.fault(() -> f.hart.mmu.fetch(VA));
    assertEquals(
        new HartFixture.Fault(GUEST_FETCH, VA, entry >>> 2, TransformedInstruction.PTE_WRITE, true),
        write);
    stage2.map(HartFixture.RAM, HartFixture.RAM, 0, 1);
    long first = STAGE1 + (VA >>> 30) * 8;
    HartFixture.Fault read = f.fault(() -> f.hart.mmu.store(VA, 8, 0));
    assertEquals(
        new HartFixture.Fault(GUEST_STORE, VA, first >>> 2, TransformedInstruction.PTE_READ, true),
        read);
    stage2.map(
        HartFixture.RAM, HartFixture.RAM, 0xd9, 1); // execute-only does not let the walker read
    f.csr(Csr.SSTATUS, MXR);
    assertEquals(GUEST_LOAD, f.loadCause(VA));
  }

  @Test
  void hardwareUpdatesEachStageWhenItMay() {
    long first = stage1.map(VA, GPA, 0x0f, 0);
    long second = stage2.map(GPA, PAGE, 0x1f, 0);
    f.csr(Csr.MENVCFG, Csr.MENVCFG_ADUE);
    assertEquals(Cause.LOAD_PAGE_FAULT, f.loadCause(VA), "henvcfg.ADUE rules the first stage");
    f.csr(Csr.HENVCFG, Csr.MENVCFG_ADUE);
    assertEquals(-1, f.storeCause(VA));
    f.assertHex(0xcf, () -> f.peek(first) & 0x3ff, "first stage");
    f.assertHex(0xdf, () -> f.peek(second) & 0x3ff, "second stage");
  }

  @Test
  void guestPhysicalAddressesHave41Bits() {
    f.csr(Csr.VSATP, 0);
    stage2.map((1L << 41) - 4096, PAGE, PageTables.URWX, 0);
    assertEquals(-1, f.loadCause((1L << 41) - 8));
    assertEquals(
        new HartFixture.Fault(GUEST_LOAD, 1L << 41, 1L << 39, Trap.TRANSFORM, true),
        f.fault(() -> f.hart.mmu.load(1L << 41, 8)));
    f.csr(Csr.HGATP, 0);
    assertEquals(-1, f.loadCause(PAGE), "no second stage: host-physical");
  }

  @Test
  void hypervisorLoadsActAsTheGuest() {
    stage1.map(VA, GPA, PageTables.URWX, 0);
    stage1.map(VA + 4096, GPA, 0xc9, 0);
    stage2.map(GPA, PAGE, PageTables.URWX, 0);
    f.poke(PAGE, 42);
    f.mode(Hart.S, false);
    assertEquals(42, f.hart.mmu.loadGuest(VA, 8, Hart.U, false));
    assertEquals(Cause.LOAD_PAGE_FAULT, f.cause(() -> f.hart.mmu.loadGuest(VA, 8, Hart.S, false)));
    f.csr(Csr.VSSTATUS, SUM);
    assertEquals(42, f.hart.mmu.loadGuest(VA, 8, Hart.S, false));
    assertEquals(
        Cause.LOAD_PAGE_FAULT, f.cause(() -> f.hart.mmu.loadGuest(VA + 4096, 4, Hart.S, false)));
    assertEquals(42, f.hart.mmu.loadGuest(VA + 4096, 4, Hart.S, true), "hlvx needs X, not R");
    stage2.map(GPA, PAGE, 0xd3, 0);
    f.hart.privileged().hfenceGvma(-1);
    HartFixture.Fault fault = f.fault(() -> f.hart.mmu.loadGuest(VA + 4096, 4, Hart.S, true));
    assertEquals(GUEST_LOAD, fault.cause());
    assertEquals(true, fault.gva());
    assertEquals(42, f.hart.mmu.load(PAGE, 8));
  }

  @Test
  void hypervisorLoadsAreForHsAndHu() {
    assertEquals(Cause.VIRTUAL_INSTRUCTION, f.cause(() -> f.hart.privileged().guestPrivilege()));
    f.mode(Hart.U, true);
    assertEquals(Cause.VIRTUAL_INSTRUCTION, f.cause(() -> f.hart.privileged().guestPrivilege()));
    f.mode(Hart.U, false);
    assertEquals(Cause.ILLEGAL_INSTRUCTION, f.cause(() -> f.hart.privileged().guestPrivilege()));
    f.csr(Csr.HSTATUS, 1 << 9 | 1 << 8); // HU, SPVP
    assertEquals(Hart.S, f.hart.privileged().guestPrivilege());
  }

  @Test
  void fencesAreForHs() {
    f.mode(Hart.S, true);
    assertEquals(
        Cause.VIRTUAL_INSTRUCTION, f.cause(() -> f.hart.privileged().hfenceVvma(true, 0, -1)));
    assertEquals(Cause.VIRTUAL_INSTRUCTION, f.cause(() -> f.hart.privileged().hfenceGvma(-1)));
    f.mode(Hart.U, true);
    assertEquals(
        Cause.VIRTUAL_INSTRUCTION, f.cause(() -> f.hart.privileged().sfenceVma(true, 0, -1)));
    f.mode(Hart.U, false);
    assertEquals(
        Cause.ILLEGAL_INSTRUCTION, f.cause(() -> f.hart.privileged().hfenceVvma(true, 0, -1)));
    assertEquals(Cause.ILLEGAL_INSTRUCTION, f.cause(() -> f.hart.privileged().checkSupervisor()));
  }

  @Test
  void guestFencesReachTheGuestOnly() {
    long entry = stage1.map(VA, GPA, PageTables.RWX, 0);
    long second = stage2.map(GPA, PAGE, PageTables.URWX, 0);
    assertEquals(-1, f.loadCause(VA));
    f.poke(entry, 0);
    f.hart.privileged().sfenceVma(false, VA, -1);
    assertEquals(Cause.LOAD_PAGE_FAULT, f.loadCause(VA));
    f.poke(entry, GPA >>> 12 << 10 | PageTables.RWX);
    assertEquals(-1, f.loadCause(VA));
    f.poke(second, 0);
    f.mode(Hart.S, false).hart.privileged().hfenceGvma(1);
    assertEquals(GUEST_LOAD, f.mode(Hart.S, true).loadCause(VA));
  }

  /**
   * Columns: an access to an unmapped page at a0, offset of the fault, and the transformed
   * instruction.
   */
  @ParameterizedTest
  @CsvSource({
    "'ld a5, 16(a0)',       0, 'ld a5, 0(x0)'",
    "'lbu s3, -1(a1)',      0, 'lbu s3, 0(x0)'",
    "'sw a5, 16(a0)',       0, 'sw a5, 0(x0)'",
    "'fld fa5, 8(a0)',      0, 'fld fa5, 0(x0)'",
    "'fsd fa5, 8(a0)',      0, 'fsd fa5, 0(x0)'",
    "'amoadd.d a5, a6, (a0)', 0, 'amoadd.d a5, a6, (x0)'",
    "'lr.w.aq a5, (a0)',    0, 'lr.w.aq a5, (x0)'",
    "'ld a5, -3(a0)',       3, 'ld a5, 0(gp)'", // half on the page before: the offset stands in rs1
    "'sh a5, -1(a0)',       1, 'sh a5, 0(ra)'",
  })
  void transformedInstructions(String access, int offset, String transformed) {
    Decoded d = Assembled.only(transformed);
    for (EngineUnderTest engine : Engines.all().toList()) {
      TrapRecord t = guestFault(engine, access);
      assertEquals(Integer.toHexString(d.bits()), Long.toHexString(t.mtinst()), access);
      assertEquals(0, offset == 0 ? 0 : t.mtval() & 4095, access);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "'c.ld a5, 16(a0)',  'ld a5, 0(x0)'",
    "'c.lw a4, 4(a0)',   'lw a4, 0(x0)'",
    "'c.sw a5, 4(a0)',   'sw a5, 0(x0)'",
    "'c.sd a5, 8(a0)',   'sd a5, 0(x0)'",
    "'c.fld fa5, 8(a0)', 'fld fa5, 0(x0)'",
    "'c.fsd fa5, 8(a0)', 'fsd fa5, 0(x0)'",
    "'c.ldsp a5, 8(sp)', 'ld a5, 0(x0)'",
    "'c.sdsp a5, 8(sp)', 'sd a5, 0(x0)'",
    "'c.fsdsp fa5, 8(sp)', 'fsd fa5, 0(x0)'",
  })
  void compressedInstructionsHaveBitOneClear(String access, String expansion) {
    int expected = Assembled.only(expansion).bits() & ~2;
    for (EngineUnderTest engine : Engines.all().toList()) {
      assertEquals(
          Integer.toHexString(expected),
          Long.toHexString(guestFault(engine, access).mtinst()),
          access);
    }
  }

  private static TrapRecord guestFault(EngineUnderTest engine, String access) {
    String program =
        """
          li t0, 0x2000
          csrs mstatus, t0
          li t0, 0x2000
          csrs vsstatus, t0
          li t0, ROOT2
          csrw hgatp, t0
          li a0, 0x40001000
          addi a1, a0, 2
          mv sp, a0
          la s11, 1f
        """
                .replace("ROOT2", "0x" + Long.toHexString(8L << 60 | TestMachine.DATA >>> 12))
            + TestMachine.enter(Hart.S, true)
            + access
            + "\n1:\n";
    try (TestMachine m = new TestMachine(engine, program)) {
      PageTables t = m.tables(TestMachine.DATA, true);
      t.map(TestMachine.CODE, TestMachine.CODE, PageTables.URWX, 2);
      t.map(0x4000_0000, TestMachine.DATA, PageTables.URWX, 0);
      TrapRecord trap = m.run().trap();
      assertEquals(true, trap.guestAddress() && trap.virtual(), trap::toString);
      assertEquals(trap.mtval() >>> 2, trap.mtval2(), "vsatp is Bare");
      return trap;
    }
  }

  /** An instruction out of its text. */
  private static final class Assembled {
    static Decoded only(String text) {
      byte[] b = new org.duvisor.isa.Assembler(0).asm(text).bytes();
      int bits = b[0] & 0xff | (b[1] & 0xff) << 8 | (b[2] & 0xff) << 16 | b[3] << 24;
      Decoded d = InstructionSet.standard().decoder().decode(bits);
      if (d == null) {
        throw new AssertionError(text);
      }
      return d;
    }
  }

  private static final String FROM_OUTSIDE =
      """
        li t0, 0x100
        csrs hstatus, t0
        la s11, 1f
        li a0, 0x40001004
      """
          + TestMachine.enter(Hart.S, false)
          + """
            hlv.wu a5, (a0)
          1:
            la s11, 1f
            li a0, 0x40001004
          """
          + TestMachine.enter(Hart.S, false)
          + """
            hsv.d a5, (a0)
          1:
          """;

  @ParameterizedTest
  @MethodSource("org.duvisor.machine.testing.Engines#all")
  void faultsOfHypervisorLoadsAreTransformedToo(EngineUnderTest engine) {
    long root = 8L << 60 | TestMachine.DATA >>> 12;
    String program = "li t0, 0x%x\ncsrw hgatp, t0\n".formatted(root) + FROM_OUTSIDE;
    try (TestMachine m = new TestMachine(engine, program)) {
      var traps = m.run().traps();
      assertEquals(GUEST_LOAD, traps.get(0).mcause());
      assertEquals(Assembled.only("hlv.wu a5, (x0)").bits(), (int) traps.get(0).mtinst());
      assertEquals(GUEST_STORE, traps.get(1).mcause());
      assertEquals(Assembled.only("hsv.d a5, (x0)").bits(), (int) traps.get(1).mtinst());
      assertEquals(true, traps.get(1).guestAddress() && !traps.get(1).virtual(), "GVA without MPV");
    }
  }
}
