package org.duvisor.machine.adversary;

import static org.duvisor.machine.adversary.Rig.DATA;
import static org.duvisor.machine.adversary.Rig.FOREIGN;
import static org.duvisor.machine.adversary.Rig.GUEST;
import static org.duvisor.machine.adversary.Rig.MIB;
import static org.duvisor.machine.adversary.Rig.R;
import static org.duvisor.machine.adversary.Rig.RWX;
import static org.duvisor.machine.adversary.Rig.RWXU;
import static org.duvisor.machine.adversary.Rig.SECRET;
import static org.duvisor.machine.adversary.Rig.SV39;
import static org.duvisor.machine.adversary.Rig.T;
import static org.duvisor.machine.adversary.Rig.TABLES;
import static org.duvisor.machine.adversary.Rig.VMID;
import static org.duvisor.machine.adversary.Rig.W;
import static org.duvisor.machine.adversary.Rig.X;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.duvisor.isa.Cause;
import org.duvisor.isa.Csr;
import org.duvisor.machine.adversary.Rig.Landing;
import org.duvisor.machine.adversary.Rig.Mode;
import org.junit.jupiter.api.Test;

/**
 * Windows and VMIDs: what a hostile hypervisor and its guest reach of physical memory
 * (docs/dv-ext.md, sections 3.1 and 8).
 */
final class WindowsTest {
  /** A guest-physical page that a test maps to what it attacks. */
  private static final long PAGE = GUEST + 0x20_000;

  private final Rig rig = new Rig();

  private void violates(Landing l) {
    assertTrue(l.is("HS", Cause.WINDOW_VIOLATION), l::toString);
    assertEquals(Cause.INTERRUPT | Cause.HOST_EVENT, rig.csr(Csr.UCAUSE));
    assertEquals(Cause.WINDOW_VIOLATION, rig.csr(Csr.UTVAL));
  }

  private Landing load(long gva) {
    rig.hart.x(10, 0);
    rig.hart.x(11, gva);
    return rig.run(Mode.VS, "ld a0, (a1)\necall");
  }

  private Landing store(long gva) {
    rig.hart.x(11, gva);
    return rig.run(Mode.VS, "sd a1, (a1)\necall");
  }

  private void works(Landing l) {
    assertTrue(l.is("HU", Cause.ECALL_VS), l::toString);
  }

  @Test
  void W4_hostileHypervisorMapsHostMemoryIntoItsGuest() {
    rig.stage2(PAGE, SECRET, RWXU);
    violates(load(PAGE));
    assertEquals(0, rig.hart.x(10));
    for (String access :
        List.of(
            "sd a1, (a1)",
            "amoswap.d a0, a1, (a1)",
            "lr.d a0, (a1)",
            "cbo.zero (a1)",
            "cbo.inval (a1)",
            "jr a1")) {
      rig.hart.x(11, PAGE);
      violates(rig.run(Mode.VS, access));
      assertEquals(0x5ec7e7, rig.get(SECRET), access);
    }
  }

  @Test
  void W4_hostileHypervisorPointsHugatpOutsideItsWindows() {
    long table = FOREIGN + 0x10_0000; // holds a perfect table, but is not granted
    rig.put(table + 16, GUEST >>> 30 << 28 | RWXU);
    rig.csr(Csr.HUGATP, SV39 | table >>> 12);
    violates(load(DATA));
    rig.csr(Csr.HUGATP, SV39 | 0xfff_ffff_f000L); // no memory at all
    violates(load(DATA));
  }

  @Test
  void W4_hostileHypervisorPutsStage2TablesIntoGuestMemory() {
    long table = GUEST + MIB + 0x4000;
    rig.put(table + 16, GUEST >>> 30 << 28 | RWXU);
    rig.csr(Csr.HUGATP, SV39 | table >>> 12);
    violates(load(DATA));
  }

  @Test
  void W4_hostileHypervisorPutsAnInnerStage2TableIntoForeignOrGuestMemory() {
    for (long inner : new long[] {FOREIGN, GUEST + MIB, SECRET & -4096L}) {
      rig.put(TABLES + 0x4000 + 8 * (PAGE >>> 21 & 511), inner >>> 12 << 10 | 1);
      rig.hart.mmu().flushAll();
      violates(load(PAGE));
    }
  }

  @Test
  void W4_hostileGuestReachesItsOwnStage2Tables() {
    rig.stage2(PAGE, TABLES, RWXU); // even with a hypervisor that maps them
    violates(load(PAGE));
    long before = rig.get(TABLES);
    violates(store(PAGE));
    assertEquals(before, rig.get(TABLES));
  }

  @Test
  void W4_hostileGuestPutsStage1TablesOutsideTheWindows() {
    rig.stage1();
    for (long target : new long[] {FOREIGN, TABLES}) {
      rig.stage2(PAGE, target, RWXU);
      rig.csr(Csr.HUVSATP, SV39 | PAGE >>> 12);
      violates(load(DATA));
    }
  }

  @Test
  void W4_hostileGuestHasAccessedAndDirtyBitsWrittenOutsideItsWindows() {
    rig.stage1();
    rig.window(1, GUEST, GUEST + MIB, R | W | X);
    rig.window(2, GUEST + MIB, GUEST + 2 * MIB, R); // tables of stage 1 may be read only
    long va = 0x5000;
    rig.stage1(va, DATA, 0x7); // V R W, neither A nor D
    long pte = rig.get(Rig.stage1Pte(va));
    violates(load(va));
    violates(store(va));
    assertEquals(pte, rig.get(Rig.stage1Pte(va)));
    rig.window(2, GUEST + MIB, GUEST + 2 * MIB, R | W);
    works(store(va));
    assertEquals(pte | 0xc0, rig.get(Rig.stage1Pte(va)));
  }

  @Test
  void eachPermissionOfAWindowIsNeededForItsAccess() {
    rig.window(1, GUEST, GUEST + 0x1_0000, R | W | X);
    rig.asm(PAGE, "ecall");
    for (long permissions = 0; permissions < 16; permissions++) {
      rig.window(2, PAGE, PAGE + 4096, permissions << 60);
      expect((permissions & 1) != 0, load(PAGE));
      expect((permissions & 2) != 0, store(PAGE + 64));
      rig.hart.x(11, PAGE);
      expect((permissions & 4) != 0, rig.run(Mode.VS, "jr a1"));
    }
    for (long permissions = 0; permissions < 16; permissions++) {
      rig.window(0, TABLES, TABLES + 2 * MIB, permissions << 60);
      expect((permissions & 8) != 0, load(DATA));
    }
  }

  private void expect(boolean allowed, Landing l) {
    if (allowed) {
      works(l);
    } else {
      violates(l);
    }
  }

  @Test
  void permissionsOfTwoWindowsDoNotAddUpForOneAccess() {
    rig.window(1, GUEST, GUEST + 0x1_0000, R | W | X);
    rig.window(2, PAGE, PAGE + 4096, R);
    rig.window(3, PAGE, PAGE + 4096, W);
    works(load(PAGE));
    works(store(PAGE));
    rig.hart.x(11, PAGE);
    violates(rig.run(Mode.VS, "jr a1"));
  }

  @Test
  void theLastByteOfAWindowIsInsideAndTheNextIsNot() {
    rig.window(1, GUEST, PAGE + 4096, R | W | X);
    rig.hart.x(11, PAGE + 4095);
    works(rig.run(Mode.VS, "lb a0, (a1)\nsb a1, (a1)\necall"));
    rig.hart.x(11, PAGE + 4096);
    violates(rig.run(Mode.VS, "lb a0, (a1)"));
    rig.window(2, PAGE + 8192, GUEST + 2 * MIB, R | W | X);
    rig.hart.x(11, PAGE + 8191);
    violates(rig.run(Mode.VS, "lb a0, (a1)"));
    rig.hart.x(11, PAGE + 8192);
    works(rig.run(Mode.VS, "lb a0, (a1)\necall"));
  }

  @Test
  void anAccessAcrossTheEdgeOfAWindowDoesNothing() {
    rig.window(1, GUEST, PAGE + 4096, R | W | X);
    rig.put(PAGE + 4088, 0);
    for (int back = 1; back < 8; back++) {
      rig.hart.x(11, PAGE + 4096 - back);
      rig.hart.x(12, -1);
      violates(rig.run(Mode.VS, "sd a2, (a1)"));
      violates(rig.run(Mode.VS, "ld a0, (a1)"));
    }
    assertEquals(0, rig.get(PAGE + 4088));
  }

  @Test
  void anInstructionAcrossTheEdgeOfAWindowIsNotExecuted() {
    rig.asm(PAGE + 4094, "ecall");
    rig.hart.x(11, PAGE + 4094);
    works(rig.run(Mode.VS, "jr a1"));
    rig.window(1, GUEST, PAGE + 4096, R | W | X);
    violates(rig.run(Mode.VS, "jr a1"));
  }

  @Test
  void anEmptyOrInvertedWindowHoldsNothing() {
    rig.window(1, GUEST, GUEST + 0x1_0000, R | W | X);
    rig.window(2, PAGE, PAGE, R);
    violates(load(PAGE));
    rig.window(2, PAGE + 4096, PAGE, R);
    violates(load(PAGE));
  }

  @Test
  void aSuperpageBeyondTheWindowIsCheckedPageByPage() {
    rig.put(
        TABLES + 0x4000 + 8 * (GUEST >>> 21 & 511), GUEST >>> 12 << 10 | RWXU); // one 2 MiB leaf
    rig.window(1, GUEST, GUEST + 0x2_0000, R | W | X);
    works(load(DATA));
    violates(load(GUEST + 0x2_0000));
    works(load(GUEST + 0x1_ff00));
  }

  @Test
  void W5_windowIsTakenAwayWhileItsTranslationsAreCached() {
    rig.put(PAGE, 77);
    works(load(PAGE));
    works(store(PAGE));
    rig.csr(Csr.HDVWINSEL, 1);
    rig.csr(Csr.HDVWINLIMIT, (GUEST + 0x1_0000) >>> 12 | R | W | X);
    rig.hart.x(12, VMID);
    assertEquals("none", rig.run(Mode.HS, "hfence.gvma x0, a2").level());
    violates(load(PAGE));
    violates(store(PAGE));
  }

  @Test
  void hulvAndHusvStayInsideTheWindowsAndFaultsGoToTheKernel() {
    rig.put(DATA, 42);
    rig.hart.x(11, DATA);
    assertEquals("none", rig.run(Mode.U, "hulv.d a0, (a1)").level());
    assertEquals(42, rig.hart.x(10));
    rig.stage2(PAGE, SECRET, RWXU);
    rig.hart.x(11, PAGE);
    for (String access :
        List.of(
            "hulv.d a0, (a1)",
            "hulv.bu a0, (a1)",
            "hulvx.wu a0, (a1)",
            "husv.d a1, (a1)",
            "husv.b a1, (a1)")) {
      Landing l = rig.run(Mode.U, access);
      assertTrue(l.is("HS", Cause.WINDOW_VIOLATION), access);
      assertEquals(Rig.HOST_CODE, l.epc());
    }
    assertEquals(0x5ec7e7, rig.get(SECRET));
    rig.hart.x(11, FOREIGN); // not mapped
    assertTrue(rig.run(Mode.U, "hulv.d a0, (a1)").is("HS", Cause.LOAD_GUEST_PAGE_FAULT));
    assertTrue(rig.run(Mode.U, "husv.d a0, (a1)").is("HS", Cause.STORE_GUEST_PAGE_FAULT));
    assertEquals(0, rig.csr(Csr.HSTATUS) >>> 7 & 1); // SPV
    assertEquals(0, rig.csr(Csr.SSTATUS) >>> 8 & 1); // SPP
    rig.csr(Csr.HUGATP, 0); // no stage 2: the windows still hold
    rig.hart.x(11, SECRET);
    assertTrue(rig.run(Mode.U, "hulv.d a0, (a1)").is("HS", Cause.WINDOW_VIOLATION));
  }

  @Test
  void hulvActsWithThePrivilegeOfTheGuestOnly() {
    rig.stage1();
    rig.stage1(0x5000, DATA, RWX); // a supervisor page
    rig.hart.x(11, 0x5000);
    rig.csr(Csr.HUSTATUS, 0x80); // SPVP = U
    assertTrue(rig.run(Mode.U, "hulv.d a0, (a1)").is("HS", Cause.LOAD_PAGE_FAULT));
    rig.csr(Csr.HUSTATUS, 0x180);
    assertEquals("none", rig.run(Mode.U, "hulv.d a0, (a1)").level());
  }

  // ---- VMIDs

  /** A second VM: VMID 2, tables and memory in FOREIGN; its page DATA holds 2222. */
  private void second() {
    long tables = FOREIGN + MIB;
    for (long a = 0; a < 2 * MIB; a += 8) {
      long v = rig.get(TABLES + a);
      if (v != 0) {
        boolean leaf = (v & 0xe) != 0;
        rig.put(tables + a, leaf ? v : v + ((tables - TABLES) >>> 12 << 10));
      }
    }
    rig.put(Rig.stage2Pte(DATA) - TABLES + tables, FOREIGN >>> 12 << 10 | RWXU);
    rig.put(Rig.stage2Pte(Rig.GUEST_CODE) - TABLES + tables, FOREIGN + 0x1000 >>> 12 << 10 | RWXU);
    rig.put(FOREIGN, 2222);
    rig.put(DATA, 1111);
    rig.asm(Rig.GUEST_CODE, "ld a0, (a1)\necall");
    rig.put(FOREIGN + 0x1000, rig.get(Rig.GUEST_CODE));
  }

  private void residentOf(int vm) {
    rig.csr(Csr.HDVVMID, vm);
    long tables = vm == 1 ? TABLES : FOREIGN + MIB;
    rig.csr(Csr.HUGATP, SV39 | tables >>> 12);
    rig.csr(Csr.HDVWINSEL, 0);
    rig.csr(Csr.HDVWINBASE, tables >>> 12);
    rig.csr(Csr.HDVWINLIMIT, (tables + MIB) >>> 12 | T);
    rig.csr(Csr.HDVWINSEL, 1);
    rig.csr(Csr.HDVWINBASE, (vm == 1 ? GUEST : FOREIGN) >>> 12);
    rig.csr(Csr.HDVWINLIMIT, (vm == 1 ? GUEST + 2 * MIB : FOREIGN + MIB) >>> 12 | R | W | X);
  }

  private long seen() {
    rig.hart.x(10, 0);
    rig.hart.x(11, DATA);
    Landing l = rig.go(Mode.VS, Rig.GUEST_CODE);
    works(l);
    return rig.hart.x(10);
  }

  @Test
  void W11_twoVmsTakeTurnsOnAHartWithoutAnyFence() {
    second();
    for (int i = 0; i < 4; i++) {
      residentOf(1);
      assertEquals(1111, seen());
      residentOf(2);
      assertEquals(2222, seen());
    }
  }

  @Test
  void W4_hostileHypervisorForgesAVmidInHugatp() {
    second();
    residentOf(1);
    assertEquals(1111, seen()); // VM 1's translations are cached
    residentOf(2);
    rig.csr(Csr.HUGATP, SV39 | 1L << 44 | TABLES >>> 12); // VM 1's number and root
    assertEquals(2, rig.csr(Csr.HUGATP) >>> 44 & 0x3fff);
    rig.hart.x(11, DATA);
    violates(rig.go(Mode.VS, Rig.GUEST_CODE));
    residentOf(1);
    assertEquals(1111, seen());
  }

  @Test
  void W4_hostileHypervisorFencesAnotherVmAndItsTranslationsSurvive() {
    second();
    residentOf(1);
    assertEquals(1111, seen());
    rig.put(
        Rig.stage2Pte(DATA),
        GUEST + 0x9000 >>> 12 << 10 | RWXU); // not fenced: VM 1 goes on with the cached one
    residentOf(2);
    rig.hart.x(12, 1);
    rig.hart.x(13, DATA);
    rig.csr(Csr.UEPC, Rig.HU_HANDLER);
    rig.asm(
        Rig.HOST_CODE,
        "hufence.gvma x0, a2\n"
            + "hufence.gvma x0, x0\n"
            + "hufence.vvma x0, x0\n"
            + "hufence.vvma x0, a2\n"
            + "1: j 1b");
    assertEquals("none", rig.go(Mode.U, Rig.HOST_CODE).level());
    residentOf(1);
    assertEquals(1111, seen());
    assertEquals("none", rig.run(Mode.U, "hufence.gvma x0, x0").level());
    rig.asm(Rig.GUEST_CODE, "ld a0, (a1)\necall");
    assertEquals(0, seen()); // its own fence does reach it
  }

  @Test
  void G5_kvmGuestWithTheSameVmidOnTheSameHart() {
    second();
    long kvm = FOREIGN + MIB; // KVM's guest has tables of its own, and no windows
    for (int i = 0; i < 3; i++) {
      residentOf(1);
      rig.csr(Csr.HDVCTL, 3);
      assertEquals(1111, seen());
      rig.csr(Csr.HDVCTL, 0);
      rig.csr(Csr.HGATP, SV39 | 1L << 44 | kvm >>> 12);
      rig.csr(Csr.HCOUNTEREN, -1);
      rig.hart.x(11, DATA);
      Landing l = rig.go(Mode.VS, Rig.GUEST_CODE);
      assertTrue(l.is("HS", Cause.ECALL_VS), l::toString);
      assertEquals(2222, rig.hart.x(10));
      rig.csr(Csr.HGATP, SV39 | 1L << 44 | TABLES >>> 12); // even the very same root
      assertTrue(rig.go(Mode.VS, Rig.GUEST_CODE).is("HS", Cause.ECALL_VS));
    }
    assertNotEquals(0, rig.hart.x(10));
  }
}
