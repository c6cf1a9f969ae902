package org.duvisor.machine;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.duvisor.isa.Cause;
import org.duvisor.isa.Csr;
import org.duvisor.machine.testing.PageTables;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** One-stage translation (privileged spec 12.3 to 12.5, Svnapot, Svpbmt, Svadu). */
class TranslationTest {
  private static final long ROOT = HartFixture.RAM + 0x10_0000;
  private static final long PAGE = HartFixture.RAM + 0x20_0000;
  private static final long VA = 0x4000_0000;
  private static final int LOAD = Cause.LOAD_PAGE_FAULT;
  private static final int STORE = Cause.STORE_PAGE_FAULT;
  private static final int FETCH = Cause.INSTRUCTION_PAGE_FAULT;
  private static final long SUM = 1 << 18;
  private static final long MXR = 1 << 19;

  private final HartFixture f = new HartFixture(HartFixture.WITH_H);
  private PageTables tables = f.tables(ROOT, false);

  @BeforeEach
  void sv39() {
    f.csr(Csr.SATP, tables.atp(1));
    f.mode(Hart.S, false);
  }

  /** Columns: PTE flags, privilege, SUM and MXR, whether load, store and fetch succeed. */
  @ParameterizedTest
  @CsvSource({
    "0xcf, S, '',      111", // RWX
    "0xcb, S, '',      101", // RX
    "0xc7, S, '',      110", // RW
    "0xc3, S, '',      100", // R
    "0xc9, S, '',      001", // X
    "0xc9, S, mxr,     101",
    "0xc5, S, '',      000", // W alone is reserved
    "0xcd, S, '',      000", // WX is reserved
    "0xce, S, '',      000", // not valid
    "0xcf, U, '',      000",
    "0xdf, U, '',      111",
    "0xdf, S, '',      000",
    "0xdf, S, sum,     110", // never fetched by S
    "0xd9, S, sum,     000",
    "0xd9, S, sum mxr, 100",
    "0x8f, S, '',      000", // A = 0: software sets it
    "0x4f, S, '',      101", // D = 0
  })
  void permissions(String flags, char privilege, String status, String works) {
    tables.map(VA, PAGE, Long.decode(flags), 0);
    f.csr(Csr.SSTATUS, (status.contains("sum") ? SUM : 0) | (status.contains("mxr") ? MXR : 0));
    f.mode(privilege == 'S' ? Hart.S : Hart.U, false);
    assertEquals(works.charAt(0) == '1' ? -1 : LOAD, f.loadCause(VA), "load");
    assertEquals(works.charAt(1) == '1' ? -1 : STORE, f.storeCause(VA), "store");
    assertEquals(works.charAt(2) == '1' ? -1 : FETCH, f.fetchCause(VA), "fetch");
  }

  /**
   * Columns: flags above the usual ones, page number added, level, menvcfg.PBMTE; whether it is a
   * legal leaf.
   */
  @ParameterizedTest
  @CsvSource({
    "0x0000000000000000, 0x000, 0, 0, 1",
    "0x0000000000000300, 0x000, 0, 0, 1", // RSW
    "0x0040000000000000, 0x000, 0, 0, 0", // reserved bit 54
    "0x1000000000000000, 0x000, 0, 0, 0", // reserved bit 60
    "0x2000000000000000, 0x000, 0, 0, 0", // PBMT while disabled
    "0x2000000000000000, 0x000, 0, 1, 1",
    "0x4000000000000000, 0x000, 0, 1, 1",
    "0x6000000000000000, 0x000, 0, 1, 0", // PBMT = 3
    "0x0000000000000000, 0x000, 1, 0, 1",
    "0x0000000000000000, 0x001, 1, 0, 0", // misaligned superpage
    "0x0000000000000000, 0x200, 1, 0, 1",
    "0x0000000000000000, 0x200, 2, 0, 0",
  })
  void leaves(String high, String pages, int level, int pbmte, int legal) {
    f.csr(Csr.MENVCFG, pbmte == 0 ? 0 : Csr.MENVCFG_PBMTE);
    long pa = level == 2 ? HartFixture.RAM : PAGE;
    tables.map(VA, pa + (Long.decode(pages) << 12), Long.decode(high) | PageTables.RWX, level);
    assertEquals(legal != 0 ? -1 : LOAD, f.loadCause(VA));
  }

  @Test
  void napotPagesAreOf64KiB() {
    for (int i = 0; i < 16; i++) {
      tables.map(VA + i * 4096L, PAGE | 8 << 12, 1L << 63 | PageTables.RWX, 0);
      f.poke(PAGE + i * 4096L, i);
    }
    for (int i = 0; i < 16; i++) {
      assertEquals(i, f.hart.mmu.load(VA + i * 4096L, 8));
    }
    tables.map(VA + 0x10_0000, PAGE | 4 << 12, 1L << 63 | PageTables.RWX, 0);
    assertEquals(LOAD, f.loadCause(VA + 0x10_0000), "only ppn[3:0] = 8 is defined");
    tables.map(VA + 0x20_0000, PAGE | 8 << 12, 1L << 63 | PageTables.RWX, 1);
    assertEquals(LOAD, f.loadCause(VA + 0x20_0000), "no superpages");
  }

  @Test
  void pointersMustHaveTheirReservedBitsClear() {
    long entry = tables.map(VA, PAGE, PageTables.RWX, 0);
    long middle = entry & -4096; // the last table; its pointer is in the one above
    for (long bit : new long[] {0x10, 0x40, 0x80, 1L << 61, 1L << 63, 1L << 54}) {
      f.hart.mmu.flushAll();
      long pointer = middle >>> 12 << 10 | 1;
      long at = (f.peek(ROOT + (VA >>> 30) * 8) >>> 10 << 12) + (VA >>> 21) % 512 * 8;
      assertEquals(pointer, f.peek(at));
      f.poke(at, pointer | bit);
      assertEquals(LOAD, f.loadCause(VA), () -> "bit " + Long.toHexString(bit));
      f.poke(at, pointer);
    }
    f.poke(entry, middle >>> 12 << 10 | 1);
    assertEquals(LOAD, f.loadCause(VA), "a pointer at the last level");
  }

  @Test
  void addressesMustBeCanonical() {
    tables.map(VA, PAGE, PageTables.RWX, 0);
    tables.map(-4096, PAGE, PageTables.RWX, 0);
    assertEquals(-1, f.loadCause(-4096));
    assertEquals(LOAD, f.loadCause(VA | 1L << 39));
    assertEquals(LOAD, f.loadCause(-4096L & ~(1L << 63)));
    assertEquals(
        new HartFixture.Fault(FETCH, 1L << 40, 0, 0, false),
        f.fault(() -> f.hart.mmu.fetch(1L << 40)));
  }

  @Test
  void hardwareSetsAccessedAndDirtyWhenAllowed() {
    long entry = tables.map(VA, PAGE, 0x0f, 0);
    assertEquals(LOAD, f.loadCause(VA));
    f.csr(Csr.MENVCFG, Csr.MENVCFG_ADUE);
    assertEquals(-1, f.loadCause(VA));
    f.assertHex(0x4f, () -> f.peek(entry) & 0x3ff, "after a load");
    assertEquals(-1, f.storeCause(VA));
    f.assertHex(0xcf, () -> f.peek(entry) & 0x3ff, "after a store");
    long readOnly = tables.map(VA + 4096, PAGE, 0x0b, 0);
    assertEquals(STORE, f.storeCause(VA + 4096));
    f.assertHex(0x0b, () -> f.peek(readOnly) & 0x3ff, "a denied access sets nothing");
  }

  @Test
  void tablesOutsideMemoryAreAccessFaults() {
    f.csr(Csr.SATP, 8L << 60 | 0x10);
    assertEquals(Cause.LOAD_ACCESS_FAULT, f.loadCause(VA));
    assertEquals(Cause.STORE_ACCESS_FAULT, f.storeCause(VA));
    assertEquals(Cause.INSTRUCTION_ACCESS_FAULT, f.fetchCause(VA));
  }

  @Test
  void mprvLendsTheModeInMpp() {
    tables.map(VA, PAGE, PageTables.URWX, 0);
    f.mode(Hart.M, false);
    f.csr(Csr.MSTATUS, 1 << 17);
    assertEquals(-1, f.loadCause(VA), "as U");
    f.csr(Csr.MSTATUS, 1 << 17 | 0x800);
    assertEquals(LOAD, f.loadCause(VA), "as S without SUM");
    f.csr(Csr.MSTATUS, 1 << 17 | 0x800 | SUM);
    assertEquals(-1, f.loadCause(VA));
    f.csr(Csr.MSTATUS, 1 << 17 | 0x1800);
    assertEquals(Cause.LOAD_ACCESS_FAULT, f.loadCause(VA), "as M there is no translation");
    f.csr(Csr.MSTATUS, 1 << 17);
    assertEquals(Cause.INSTRUCTION_ACCESS_FAULT, f.fetchCause(VA), "fetches are M's own");
  }

  @Test
  void fencesTakeEffectByAddressAndBySpace() {
    for (int level = 0; level < 3; level++) {
      f.poke(PAGE, 1);
      f.poke(PAGE + 8, 2);
      PageTables t = f.tables(ROOT + 0x4_0000L * (level + 1), false);
      long base = level == 2 ? HartFixture.RAM : PAGE;
      long entry = t.map(VA, base, PageTables.RWX, level);
      f.csr(Csr.SATP, t.atp(3));
      f.mode(Hart.S, false);
      long va = VA + (PAGE - base);
      assertEquals(1, f.hart.mmu.load(va, 8));
      f.poke(entry, 0);
      f.hart.privileged().sfenceVma(false, va + 64, 3);
      assertEquals(LOAD, f.loadCause(va), "level " + level + ", by address");
      f.poke(entry, base >>> 12 << 10 | PageTables.RWX);
      assertEquals(1, f.hart.mmu.load(va, 8));
      f.poke(entry, 0);
      f.hart.privileged().sfenceVma(true, 0, 3);
      assertEquals(LOAD, f.loadCause(va), "level " + level + ", by ASID");
    }
  }

  @Test
  void spacesDoNotMix() {
    tables.map(VA, PAGE, PageTables.RWX, 0);
    PageTables other = f.tables(ROOT + 0x4_0000, false);
    other.map(VA, PAGE + 4096, PageTables.RWX, 0);
    f.poke(PAGE, 1);
    f.poke(PAGE + 4096, 2);
    for (int i = 0; i < 300; i++) { // more regimes than there are numbers for
      f.csr(Csr.SATP, tables.atp(i));
      assertEquals(1, f.hart.mmu.load(VA, 8));
      f.csr(Csr.SATP, other.atp(i + 1));
      assertEquals(2, f.hart.mmu.load(VA, 8));
    }
  }
}
