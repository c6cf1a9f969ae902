package org.duvisor.machine;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.duvisor.isa.Cause;
import org.duvisor.isa.Csr;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** WARL fields, aliases, and who may access what (privileged spec 2, 3.1, 12.1, 21.2). */
class CsrFileTest {
  private static final int ILLEGAL = Cause.ILLEGAL_INSTRUCTION;
  private static final int VIRTUAL = Cause.VIRTUAL_INSTRUCTION;
  private static final int NONE = -1;

  private final HartFixture f = new HartFixture(HartFixture.WITH_H);

  @ParameterizedTest
  @CsvSource({
    "mstatus,    -1,                 0x8000_00ca_007e_79aa",
    "mstatus,    0x1000,             0x0000_000a_0000_0000", // MPP = 2 is reserved: stays 0
    "mstatus,    0x6000,             0x8000_000a_0000_6000",
    "sstatus,    -1,                 0x8000_0002_000c_6122",
    "vsstatus,   -1,                 0x8000_0002_000c_6122",
    "hstatus,    -1,                 0x0003_0002_0070_03c0", // no VGEIN: GEILEN is 0
    "misa,       0,                  0x8000_0000_0014_11af",
    "medeleg,    -1,                 0xf0_b7ff",
    "hedeleg,    -1,                 0xb1ff",
    "mideleg,    -1,                 0x2666",
    "mideleg,    0,                  0x444",
    "hideleg,    -1,                 0x444",
    "mie,        -1,                 0x2eee",
    "hie,        -1,                 0x444",
    "hvip,       -1,                 0x444",
    "hgeie,      -1,                 0",
    "mtvec,      0x8000_0003,        0x8000_0000",
    "mtvec,      0x8000_0001,        0x8000_0001",
    "stvec,      -1,                 0xffff_ffff_ffff_fffc",
    "vstvec,     0x1235,             0x1235",
    "mepc,       -1,                 0xffff_ffff_ffff_fffe",
    "sepc,       0x1001,             0x1000",
    "vsepc,      0x1003,             0x1002",
    "satp,       0xa000_0000_0000_0001, 0", // Sv57 is not configured: the whole write is ignored
    "satp,       0x9fff_ffff_ffff_ffff, 0x9fff_ffff_ffff_ffff",
    "vsatp,      0x7000_0000_0000_0001, 0",
    "hgatp,      0xffff_ffff_ffff_ffff, 0x03ff_ffff_ffff_fffc", // MODE stays, the other fields are
    // written
    "hgatp,      0x8000_0000_0000_0007, 0x8000_0000_0000_0004",
    "mcounteren, -1,                 0xffff_ffff",
    "hcounteren, -1,                 0xffff_ffff",
    "scounteren, -1,                 0xffff_ffff",
    "mcountinhibit, -1,              0x7fd",
    "menvcfg,    -1,                 0xe000_0003_0000_00f1",
    "menvcfg,    0x20,               0", // CBIE = 2 is reserved
    "senvcfg,    -1,                 0x3_0000_00f1",
    "henvcfg,    -1,                 0x3_0000_00f1", // what menvcfg withholds reads 0
    "mtinst,     -1,                 -1",
    "mtval2,     -1,                 -1",
    "htval,      -1,                 -1",
    "mhpmcounter3, -1,               -1",
    "mhpmcounter11, -1,              0", // does not count
    "mhpmevent3, 0x10019,            0x10019",
    "mhpmevent10, -1,                0xfc00_0000_0000_0000", // no such event
    "mhpmevent11, -1,                0",
    "mcyclecfg,  -1,                 0x7c00_0000_0000_0000",
    "minstretcfg, -1,                0x7c00_0000_0000_0000",
    "tdata1,     -1,                 0", // no triggers
    "pmpaddr1,   -1,                 0x3f_ffff_ffff_ffff",
    "pmpcfg0,    0x6261_1f1f,        0x1_1f1f", // W without R keeps the old value; bits 6:5 are 0
  })
  void warl(String name, String written, String read) {
    int csr = Csr.number(name);
    f.csr(csr, number(written));
    f.assertHex(number(read), () -> f.csr(csr), name);
  }

  private static long number(String text) {
    String digits = text.replace("_", "");
    return digits.startsWith("0x")
        ? Long.parseUnsignedLong(digits.substring(2), 16)
        : Long.parseLong(digits);
  }

  @Test
  void interruptRegistersAreViewsOfOne() {
    f.csr(Csr.MIDELEG, -1);
    f.csr(Csr.HIDELEG, 0x44);
    f.csr(Csr.HVIP, 0x444);
    f.assertHex(0x22, () -> f.csr(Csr.VSIP), "vsip shows what hideleg gives");
    f.assertHex(0x444, () -> f.csr(Csr.HIP), "hip");
    f.csr(Csr.HIP, 0);
    f.assertHex(0x440, () -> f.csr(Csr.HVIP), "hip writes VSSIP only");
    f.csr(Csr.VSIP, -1);
    f.assertHex(0x444, () -> f.csr(Csr.HVIP), "vsip.SSIP is hvip.VSSIP");
    f.csr(Csr.MIP, 0);
    f.assertHex(0x440, () -> f.csr(Csr.MIP), "mip writes VSSIP too");
    f.csr(Csr.VSIE, -1);
    f.assertHex(0x44, () -> f.csr(Csr.HIE), "vsie");
    f.csr(Csr.SIE, -1);
    f.assertHex(0x2266, () -> f.csr(Csr.MIE), "sie");
    f.csr(Csr.MIDELEG, 0x20);
    f.csr(Csr.SIP, -1);
    f.assertHex(0x440, () -> f.csr(Csr.MIP), "sip.SSIP is read-only without delegation");
    f.csr(Csr.MIP, 0x222);
    f.assertHex(0x20, () -> f.csr(Csr.SIP), "sip hides what is not delegated");
  }

  @Test
  void anExternalInterruptIsNotLatchedBySetAndClear() {
    f.hart.wire(Cause.SUPERVISOR_EXTERNAL, true);
    assertEquals(0x200, f.hart.csrs.update(Csr.MIP, 2, 0), "the old value shows the wire");
    f.hart.wire(Cause.SUPERVISOR_EXTERNAL, false);
    f.assertHex(2, () -> f.csr(Csr.MIP), "mip");
  }

  @Test
  void withSstcTheComparisonOwnsStip() {
    f.csr(Csr.MIP, 0x20);
    f.csr(Csr.STIMECMP, -1);
    f.csr(Csr.MENVCFG, Csr.MENVCFG_STCE);
    f.assertHex(0, () -> f.csr(Csr.MIP), "the bit of software is out of sight");
    f.csr(Csr.MIP, -1);
    f.assertHex(0x2206, () -> f.csr(Csr.MIP), "STIP is read-only");
    f.csr(Csr.STIMECMP, 0);
    f.assertHex(0x2226, () -> f.csr(Csr.MIP), "now it has expired");
  }

  @Test
  void envcfgBitsAppearBelowWhenGrantedAbove() {
    f.csr(Csr.HENVCFG, -1);
    f.csr(Csr.MENVCFG, -1);
    f.assertHex(0x3_0000_00f1L, () -> f.csr(Csr.HENVCFG), "not written while withheld");
    f.csr(Csr.HENVCFG, -1);
    f.assertHex(0xe000_0003_0000_00f1L, () -> f.csr(Csr.HENVCFG), "henvcfg");
    f.csr(Csr.MENVCFG, Csr.MENVCFG_PBMTE);
    f.assertHex(
        Csr.MENVCFG_PBMTE | 0x3_0000_00f1L, () -> f.csr(Csr.HENVCFG), "read-only zero again");
  }

  /**
   * Columns: what the access does in M, HS, U, VS, VU; i illegal, v virtual instruction, - nothing.
   */
  @ParameterizedTest
  @CsvSource({
    "mstatus,  -iiii",
    "mideleg,  -iiii",
    "sstatus,  --i-v",
    "satp,     --i-v",
    "scounteren, --i-v",
    "senvcfg,  --i-v",
    "hstatus,  --ivv",
    "hgatp,    --ivv",
    "hgeip,    --ivv",
    "vsstatus, --ivv",
    "vsatp,    --ivv",
    "stimecmp, -iiii", // menvcfg.STCE = 0: illegal, from V=1 too
    "vstimecmp, -iiii",
    "cycle,    -iiii", // mcounteren = 0
    "time,     -iiii",
    "hpmcounter31, -iiii",
    "mhpmevent3, -iiii",
    "mcyclecfg, -iiii",
    "scountovf, --i-v",
    "fcsr,     iiiii", // FS is off
    "pmpaddr16, iiiii",
    "utvec,    iiiii", // no DV-ext here
  })
  void access(String name, String outcomes) {
    int[][] modes = {{Hart.M, 0}, {Hart.S, 0}, {Hart.U, 0}, {Hart.S, 1}, {Hart.U, 1}};
    for (int i = 0; i < modes.length; i++) {
      f.mode(modes[i][0], modes[i][1] != 0);
      int expected = "-iv".indexOf(outcomes.charAt(i));
      int cause = f.readCause(Csr.number(name));
      assertEquals(new int[] {NONE, ILLEGAL, VIRTUAL}[expected], cause, name + " in mode " + i);
    }
  }

  @Test
  void countersNeedEveryLevel() {
    f.csr(Csr.MCOUNTEREN, 1);
    assertEquals(NONE, f.mode(Hart.S, false).readCause(Csr.CYCLE));
    assertEquals(ILLEGAL, f.mode(Hart.U, false).readCause(Csr.CYCLE));
    assertEquals(VIRTUAL, f.mode(Hart.S, true).readCause(Csr.CYCLE));
    f.csr(Csr.HCOUNTEREN, 1);
    assertEquals(NONE, f.mode(Hart.S, true).readCause(Csr.CYCLE));
    assertEquals(VIRTUAL, f.mode(Hart.U, true).readCause(Csr.CYCLE));
    f.csr(Csr.SCOUNTEREN, 1);
    assertEquals(NONE, f.mode(Hart.U, true).readCause(Csr.CYCLE));
    assertEquals(NONE, f.mode(Hart.U, false).readCause(Csr.CYCLE));
    assertEquals(ILLEGAL, f.readCause(Csr.INSTRET));
    assertEquals(
        ILLEGAL,
        f.mode(Hart.S, true).cause(() -> f.hart.csrs.writeChecked(Csr.CYCLE, 0)),
        "read-only");
  }

  @Test
  void sstcAccess() {
    f.csr(Csr.MENVCFG, Csr.MENVCFG_STCE);
    assertEquals(ILLEGAL, f.mode(Hart.S, false).readCause(Csr.STIMECMP), "mcounteren.TM");
    assertEquals(ILLEGAL, f.mode(Hart.S, true).readCause(Csr.STIMECMP));
    f.csr(Csr.MCOUNTEREN, 2);
    assertEquals(NONE, f.mode(Hart.S, false).readCause(Csr.STIMECMP));
    assertEquals(NONE, f.readCause(Csr.VSTIMECMP));
    assertEquals(VIRTUAL, f.mode(Hart.S, true).readCause(Csr.STIMECMP), "henvcfg.STCE");
    f.csr(Csr.HENVCFG, Csr.MENVCFG_STCE);
    assertEquals(VIRTUAL, f.readCause(Csr.STIMECMP), "hcounteren.TM");
    f.csr(Csr.HCOUNTEREN, 2);
    assertEquals(NONE, f.cause(() -> f.hart.csrs.writeChecked(Csr.STIMECMP, 77)));
    assertEquals(VIRTUAL, f.readCause(Csr.VSTIMECMP));
    assertEquals(77, f.csr(Csr.VSTIMECMP), "stimecmp means vstimecmp");
    assertEquals(VIRTUAL, f.mode(Hart.U, true).readCause(Csr.STIMECMP));
  }

  @Test
  void virtualMemoryManagementIsTrapped() {
    f.csr(Csr.MSTATUS, 1 << 20); // TVM
    f.mode(Hart.S, false);
    assertEquals(ILLEGAL, f.readCause(Csr.SATP));
    assertEquals(ILLEGAL, f.readCause(Csr.HGATP));
    assertEquals(NONE, f.readCause(Csr.VSATP));
    assertEquals(ILLEGAL, f.cause(() -> f.hart.privileged().sfenceVma(true, 0, -1)));
    assertEquals(ILLEGAL, f.cause(() -> f.hart.privileged().hfenceGvma(-1)));
    assertEquals(NONE, f.cause(() -> f.hart.privileged().hfenceVvma(true, 0, -1)));
    f.mode(Hart.S, true);
    assertEquals(NONE, f.readCause(Csr.SATP), "TVM is not about VS");
    assertEquals(NONE, f.cause(() -> f.hart.privileged().sfenceVma(true, 0, -1)));
    f.csr(Csr.HSTATUS, 1 << 20); // VTVM
    assertEquals(VIRTUAL, f.readCause(Csr.SATP));
    assertEquals(VIRTUAL, f.cause(() -> f.hart.privileged().sfenceVma(true, 0, -1)));
  }

  @Test
  void virtualModeSeesItsOwnRegisters() {
    int[] pairs = {
      Csr.SSTATUS,
      Csr.VSSTATUS,
      Csr.STVEC,
      Csr.VSTVEC,
      Csr.SSCRATCH,
      Csr.VSSCRATCH,
      Csr.SEPC,
      Csr.VSEPC,
      Csr.SCAUSE,
      Csr.VSCAUSE,
      Csr.STVAL,
      Csr.VSTVAL,
      Csr.SATP,
      Csr.VSATP,
    };
    f.mode(Hart.S, true);
    for (int i = 0; i < pairs.length; i += 2) {
      long value = 0x8000_0000_0000_0120L & ~(i == 0 ? 1L << 63 : 0);
      f.hart.csrs.writeChecked(pairs[i], value);
      long seen = f.csr(pairs[i + 1]);
      assertEquals(value, seen & ~(3L << 32), "vs register " + i);
      assertEquals(0, f.csr(pairs[i]) & ~(3L << 32), "the register of HS " + i);
    }
  }

  @Test
  void floatingPointNeedsBothLevels() {
    f.csr(Csr.MSTATUS, 1 << 13);
    f.mode(Hart.U, true);
    assertEquals(ILLEGAL, f.readCause(Csr.FCSR), "vsstatus.FS is off");
    f.csr(Csr.VSSTATUS, 1 << 13);
    assertEquals(NONE, f.readCause(Csr.FCSR));
    f.assertHex(3, () -> f.csr(Csr.VSSTATUS) >>> 13 & 3, "dirty");
    f.assertHex(1, () -> f.csr(Csr.MSTATUS) >>> 63, "SD");
  }

  @Test
  void withoutHThereIsNoTraceOfIt() {
    HartFixture plain = new HartFixture(HartFixture.PLAIN);
    plain.csr(Csr.MSTATUS, -1);
    plain.assertHex(0x8000_000a_007e_79aaL, () -> plain.csr(Csr.MSTATUS), "no MPV, no GVA");
    plain.csr(Csr.MEDELEG, -1);
    plain.assertHex(0xb3ff, () -> plain.csr(Csr.MEDELEG), "medeleg");
    plain.assertHex(0, () -> plain.csr(Csr.MIDELEG), "mideleg");
    assertEquals(ILLEGAL, plain.readCause(Csr.HSTATUS));
    assertEquals(ILLEGAL, plain.cause(() -> plain.hart.privileged().hfenceGvma(-1)));
    assertEquals(ILLEGAL, plain.cause(() -> plain.hart.privileged().guestPrivilege()));
    assertEquals(0, plain.csr(Csr.MISA) >>> 7 & 1);
  }

  @Test
  void countersStopAndCanBeSet() {
    f.csr(Csr.MINSTRET, 100);
    f.hart.retired += 11;
    assertEquals(110, f.csr(Csr.MINSTRET), "the write itself is not counted");
    f.csr(Csr.MCOUNTINHIBIT, 4);
    f.hart.retired += 5;
    assertEquals(110, f.csr(Csr.MINSTRET));
    f.csr(Csr.MINSTRET, 7);
    f.csr(Csr.MCOUNTINHIBIT, 0);
    f.hart.retired += 5;
    assertEquals(12, f.csr(Csr.MINSTRET));
  }

  /**
   * The device tree lists Svadu without Svade, which to Linux means that A and D are updated by
   * hardware from the start.
   */
  @Test
  void hardwareUpdatesPageTablesFromTheFirstInstruction() {
    f.csr(Csr.MENVCFG, 0);
    f.hart.reset(0);
    f.assertHex(Csr.MENVCFG_ADUE, () -> f.csr(Csr.MENVCFG), "menvcfg");
    f.assertHex(Csr.MENVCFG_ADUE, () -> f.csr(Csr.HENVCFG), "henvcfg");
  }

  /** Zihpm: counters that do not count read 0 wherever they may be read. */
  @Test
  void performanceCountersReadZeroWhereTheyAreEnabled() {
    for (int counter = 3; counter < 32; counter++) {
      int csr = Csr.CYCLE + counter;
      long bit = 1L << counter;
      f.csr(Csr.MCOUNTEREN, ~bit);
      f.csr(Csr.HCOUNTEREN, -1);
      f.csr(Csr.SCOUNTEREN, -1);
      assertEquals(NONE, f.mode(Hart.M, false).readCause(csr));
      assertEquals(ILLEGAL, f.mode(Hart.S, false).readCause(csr));
      assertEquals(ILLEGAL, f.mode(Hart.S, true).readCause(csr));
      f.csr(Csr.MCOUNTEREN, bit);
      f.csr(Csr.HCOUNTEREN, ~bit);
      assertEquals(0, f.mode(Hart.S, false).hart.csrs.readChecked(csr));
      assertEquals(0, f.mode(Hart.U, false).hart.csrs.readChecked(csr));
      assertEquals(VIRTUAL, f.mode(Hart.S, true).readCause(csr));
      f.csr(Csr.HCOUNTEREN, bit);
      assertEquals(0, f.mode(Hart.S, true).hart.csrs.readChecked(csr));
      assertEquals(0, f.mode(Hart.U, true).hart.csrs.readChecked(csr));
      f.csr(Csr.SCOUNTEREN, ~bit);
      assertEquals(VIRTUAL, f.readCause(csr));
    }
  }
}
