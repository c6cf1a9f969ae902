package org.duvisor.machine;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.duvisor.isa.Cause;
import org.duvisor.isa.Csr;
import org.duvisor.isa.CsrField;
import org.duvisor.machine.testing.PageTables;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Pointer masking (Smnpm, Ssnpm): what programs keep in the highest bits of data addresses. */
final class PointerMaskingTest {
  private static final long VA = 0x12_3456_7000L;
  private static final long PAGE = HartFixture.RAM + 0x20_0000;
  private static final long USER = 0xdf;
  private static final long KERNEL = 0xcf;
  private static final long SECRET = 0x5ec7e7;

  private final HartFixture f = new HartFixture(HartConfig.STANDARD);
  private final PageTables tables = f.tables(HartFixture.RAM + 0x10_0000, false);

  @BeforeEach
  void paging() {
    f.csr(Csr.SATP, 8L << 60 | HartFixture.RAM + 0x10_0000 >>> 12);
    f.poke(PAGE, SECRET);
  }

  private static long tagged(int top) {
    return VA | (long) top << 56;
  }

  /** Columns: PMM, the bits that a program may use, whether the highest 16 may differ. */
  @ParameterizedTest
  @CsvSource({"0, 0, 0", "2, 0xfe, 0", "3, 0xff, 1"})
  void userModeHasWhatSenvcfgSays(int pmm, String bits, int sixteen) {
    tables.map(VA, PAGE, USER, 0);
    f.csr(Csr.SENVCFG, CsrField.set(0, Csr.SENVCFG_PMM, pmm));
    f.mode(Hart.U, false);
    int free = Integer.decode(bits);
    for (int top : new int[] {0x00, 0x80, 0x02, 0xfe, 0x01, 0xff}) {
      boolean works = (top & ~free) == 0;
      assertEquals(works ? -1 : Cause.LOAD_PAGE_FAULT, f.loadCause(tagged(top)), "load " + top);
      assertEquals(works ? -1 : Cause.STORE_PAGE_FAULT, f.storeCause(tagged(top)), "store " + top);
    }
    long low = VA | 1L << 48;
    assertEquals(sixteen == 1 ? -1 : Cause.LOAD_PAGE_FAULT, f.loadCause(low), "bit 48");
    assertEquals(Cause.INSTRUCTION_PAGE_FAULT, f.fetchCause(tagged(0x80)), "never a fetch");
    f.mode(Hart.S, false);
    f.csr(Csr.SSTATUS, Csr.SSTATUS_SUM);
    assertEquals(Cause.LOAD_PAGE_FAULT, f.loadCause(tagged(0x02)), "the kernel has none");
  }

  @Test
  void theAddressOfAFaultIsWithoutThem() {
    f.csr(Csr.SENVCFG, CsrField.set(0, Csr.SENVCFG_PMM, 3));
    f.mode(Hart.U, false);
    f.assertHex(
        VA, () -> f.fault(() -> f.hart.mmu.load(tagged(0xab), 8)).tval(), "tval of a page fault");
    f.assertHex(
        VA + 1,
        () -> f.fault(() -> f.hart.mmu.atomic(tagged(0xab) + 1, 8, true)).tval(),
        "tval of a misaligned atomic");
  }

  @Test
  void theSignIsRepeatedAndWithoutTranslationItIsZero() {
    long kernel = -1L << 38 | 0x3000;
    tables.map(kernel, PAGE, KERNEL, 0);
    f.csr(Csr.MENVCFG, CsrField.set(0, Csr.MENVCFG_PMM, 3));
    f.mode(Hart.S, false);
    long other = kernel & ~(0xffffL << 48) | 0x1234L << 48;
    assertEquals(SECRET, f.hart.mmu.load(other, 8));
    f.csr(Csr.SATP, 0);
    f.mode(Hart.S, false);
    assertEquals(SECRET, f.hart.mmu.load(PAGE | 0xffffL << 48, 8));
  }

  /** With MXR set, addresses are what they are (Ssnpm, section on MXR). */
  @Test
  void notWithMxr() {
    tables.map(VA, PAGE, USER, 0);
    f.csr(Csr.SENVCFG, CsrField.set(0, Csr.SENVCFG_PMM, 3));
    f.csr(Csr.SSTATUS, Csr.SSTATUS_MXR);
    f.mode(Hart.U, false);
    assertEquals(Cause.LOAD_PAGE_FAULT, f.loadCause(tagged(1)));
    assertEquals(-1, f.loadCause(VA));
  }

  @Test
  void reservedValuesAreNotTaken() {
    for (int csr : new int[] {Csr.MENVCFG, Csr.SENVCFG, Csr.HENVCFG}) {
      f.csr(csr, CsrField.set(0, Csr.SENVCFG_PMM, 2));
      f.csr(csr, CsrField.set(0, Csr.SENVCFG_PMM, 1));
      assertEquals(2, CsrField.get(f.csr(csr), Csr.SENVCFG_PMM), Csr.name(csr));
    }
    f.csr(Csr.HSTATUS, CsrField.set(0, Csr.HSTATUS_HUPMM, 3));
    f.csr(Csr.HSTATUS, CsrField.set(0, Csr.HSTATUS_HUPMM, 1));
    assertEquals(3, CsrField.get(f.csr(Csr.HSTATUS), Csr.HSTATUS_HUPMM));
  }

  /** Adversary: a program that got a tagged address into the TLB and keeps it when masking ends. */
  @Test
  void endsWithMasking() {
    tables.map(VA, PAGE, USER, 0);
    f.csr(Csr.SENVCFG, CsrField.set(0, Csr.SENVCFG_PMM, 3));
    f.mode(Hart.U, false);
    assertEquals(-1, f.loadCause(tagged(7)));
    assertEquals(-1, f.storeCause(tagged(7)));
    f.csr(Csr.SENVCFG, 0);
    assertEquals(Cause.LOAD_PAGE_FAULT, f.loadCause(tagged(7)));
    assertEquals(Cause.STORE_PAGE_FAULT, f.storeCause(tagged(7)));
  }

  /** Adversary: a program that keeps a page by a tagged address after a fence for the plain one. */
  @Test
  void endsWithTheTranslation() {
    tables.map(VA, PAGE, USER, 0);
    f.csr(Csr.SENVCFG, CsrField.set(0, Csr.SENVCFG_PMM, 2));
    f.mode(Hart.U, false);
    assertEquals(-1, f.loadCause(tagged(0x42)));
    tables.map(VA, 0, 0, 0);
    f.hart.mmu.fenceHost(false, VA, -1);
    f.mode(Hart.U, false);
    assertEquals(Cause.LOAD_PAGE_FAULT, f.loadCause(tagged(0x42)));
  }

  /**
   * Guests have henvcfg's as VS, senvcfg's as VU; HLV in HS follows the mode that it stands for.
   */
  @Test
  void guests() {
    PageTables guest = f.tables(HartFixture.RAM + 0x30_0000, false);
    guest.map(VA, PAGE, USER, 0);
    long kernel = VA + 4096;
    guest.map(kernel, PAGE, KERNEL, 0);
    f.csr(Csr.VSATP, 8L << 60 | HartFixture.RAM + 0x30_0000 >>> 12);
    f.csr(Csr.HENVCFG, CsrField.set(0, Csr.HENVCFG_PMM, 2));
    f.mode(Hart.U, true);
    assertEquals(Cause.LOAD_PAGE_FAULT, f.loadCause(tagged(4)));
    f.mode(Hart.S, true);
    assertEquals(-1, f.loadCause(kernel | 4L << 56));
    f.mode(Hart.S, false);
    assertEquals(SECRET, f.hart.mmu.loadGuest(kernel | 4L << 56, 8, Hart.S, false), "HLV as VS");
    assertEquals(
        Cause.LOAD_PAGE_FAULT,
        f.cause(() -> f.hart.mmu.loadGuest(tagged(4), 8, Hart.U, false)),
        "HLV as VU");
    assertEquals(
        Cause.LOAD_PAGE_FAULT,
        f.cause(() -> f.hart.mmu.loadGuest(kernel | 4L << 56, 8, Hart.S, true)),
        "HLVX reads instructions");
    f.csr(Csr.SENVCFG, CsrField.set(0, Csr.SENVCFG_PMM, 2));
    assertEquals(SECRET, f.hart.mmu.loadGuest(tagged(4), 8, Hart.U, false), "as VU");
    f.mode(Hart.U, false);
    assertEquals(
        Cause.LOAD_PAGE_FAULT,
        f.cause(() -> f.hart.mmu.loadGuest(tagged(4), 8, Hart.U, false)),
        "in user mode, hstatus.HUPMM is asked");
    f.csr(Csr.HSTATUS, CsrField.set(0, Csr.HSTATUS_HUPMM, 2));
    f.mode(Hart.U, false);
    assertEquals(SECRET, f.hart.mmu.loadGuest(tagged(4), 8, Hart.U, false));
  }
}
