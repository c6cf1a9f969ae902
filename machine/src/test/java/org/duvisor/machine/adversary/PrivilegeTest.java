package org.duvisor.machine.adversary;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.duvisor.isa.Cause;
import org.duvisor.isa.Csr;
import org.duvisor.machine.adversary.Rig.Landing;
import org.duvisor.machine.adversary.Rig.Mode;
import org.junit.jupiter.api.Test;

/**
 * Who may use which CSR and instruction of DV-ext (docs/dv-ext.md, sections 3 and 4). The numbers
 * are the text's, not the code's.
 */
final class PrivilegeTest {
  private static final int[] HU_VISIBLE = {
    0x005, 0x040, 0x041, 0x042, 0x043, 0x800, 0x804, 0x805, 0x806, 0x80a, 0x843, 0x844, 0x845,
    0x84a, 0x880, 0x400, 0x401, 0x402, 0x404, 0x405, 0x406, 0x40a, 0x40c, 0x440, 0x441, 0x442,
    0x443, 0x444, 0x44d, 0x480, 0x482, 0x483, 0x484, 0x485, 0x486
  };
  private static final int[] KERNEL_OWNED = {
    0x102, 0x103, 0x6c0, 0x6c1, 0x6c2, 0x6c3, 0x6c4, 0x6c5, 0x6c6, 0x6c7, 0x6c8
  };

  /** Numbers that the published system had and this one has not, and those of AIA. */
  private static final int[] ABSENT = {
    0x000, 0x004, 0x044, 0x802, 0x803, 0x807, 0x812, 0x815, 0x481, 0x450, 0x451, 0x8b0, 0x6c9
  };

  private static final String[] GUEST_ACCESS = {
    "hulv.b a0, (a1)",
    "hulv.bu a0, (a1)",
    "hulv.h a0, (a1)",
    "hulv.hu a0, (a1)",
    "hulvx.hu a0, (a1)",
    "hulv.w a0, (a1)",
    "hulv.wu a0, (a1)",
    "hulvx.wu a0, (a1)",
    "hulv.d a0, (a1)",
    "husv.b a0, (a1)",
    "husv.h a0, (a1)",
    "husv.w a0, (a1)",
    "husv.d a0, (a1)",
    "hufence.vvma x0, x0",
    "hufence.gvma x0, x0"
  };

  private final Rig rig = new Rig();

  private void expect(String what, Mode mode, int word, String level, long cause) {
    rig.guestState();
    Landing l = rig.run(mode, word);
    assertTrue(l.is(level, cause), () -> what + " in " + mode + " ended at " + l);
  }

  private void expectEveryAccess(int csr, Mode mode, String level, long cause) {
    expect("read of " + Integer.toHexString(csr), mode, Rig.read(csr), level, cause);
    expect("write of " + Integer.toHexString(csr), mode, Rig.write(csr), level, cause);
  }

  @Test
  void W1_W2_hostileGuestUsesEveryHypervisorCsrAndGetsAVirtualInstructionException() {
    for (Mode mode : new Mode[] {Mode.VS, Mode.VU}) {
      for (int csr : HU_VISIBLE) {
        expectEveryAccess(csr, mode, "HU", Cause.VIRTUAL_INSTRUCTION);
      }
      for (int csr : KERNEL_OWNED) {
        expectEveryAccess(csr, mode, "HU", Cause.VIRTUAL_INSTRUCTION);
      }
    }
  }

  @Test
  void W1_hostileProcessWithoutHuUsesEveryHypervisorCsrAndGetsAnIllegalInstruction() {
    rig.csr(Csr.HDVCTL, 0);
    for (int csr : HU_VISIBLE) {
      Landing read = rig.run(Mode.U, Rig.read(csr));
      assertTrue(
          read.is("HS", Cause.ILLEGAL_INSTRUCTION), () -> Integer.toHexString(csr) + " " + read);
      Landing write = rig.run(Mode.U, Rig.write(csr));
      assertTrue(
          write.is("HS", Cause.ILLEGAL_INSTRUCTION), () -> Integer.toHexString(csr) + " " + write);
    }
  }

  /** A set-user-ID program is executed in the thread of a hostile hypervisor, in one time slice. */
  @Test
  void G2_hostileHypervisorKeepsHuModeOverExecve() {
    rig.csr(Csr.VTIMECMP, 0);
    rig.csr(Csr.VTIMECTL, 1);
    rig.csr(Csr.SATP, 5);
    rig.csr(Csr.HUSTATUS, 1); // UIE: its timer would take the program to utvec
    assertEquals("none", rig.run(Mode.U, "1: j 1b").level());
    for (int csr : HU_VISIBLE) {
      Landing read = rig.run(Mode.U, Rig.read(csr));
      assertTrue(
          read.is("HS", Cause.ILLEGAL_INSTRUCTION), () -> Integer.toHexString(csr) + " " + read);
    }
    rig.csr(Csr.HUSTATUS, 0x180);
    assertTrue(rig.run(Mode.U, ".word 0x00200073").is("HS", Cause.ILLEGAL_INSTRUCTION));
    assertTrue(rig.run(Mode.U, "hufence.gvma x0, x0").is("HS", Cause.ILLEGAL_INSTRUCTION));
    rig.csr(Csr.HDVROOT, 5);
    rig.csr(Csr.VTIMECTL, 0);
    rig.guestState();
    rig.asm(Rig.GUEST_CODE, "ecall");
    assertTrue(rig.run(Mode.U, ".word 0x00200073").is("HU", Cause.ECALL_VS));
    rig.csr(Csr.SATP, 1L << 60 | 5); // no such mode: nothing changes
    assertEquals("none", rig.run(Mode.U, Rig.read(0x800)).level());
  }

  @Test
  void G2_hostileHypervisorUsesEveryKernelOwnedCsrAndGetsAnIllegalInstruction() {
    for (int csr : KERNEL_OWNED) {
      expectEveryAccess(csr, Mode.U, "HS", Cause.ILLEGAL_INSTRUCTION);
    }
  }

  @Test
  void W8_absentNumbersOfThePublishedSystemAreIllegalEverywhere() {
    for (int csr : ABSENT) {
      expectEveryAccess(csr, Mode.U, "HS", Cause.ILLEGAL_INSTRUCTION);
      expectEveryAccess(csr, Mode.HS, "HS", Cause.ILLEGAL_INSTRUCTION);
      expectEveryAccess(csr, Mode.VS, "VS", Cause.ILLEGAL_INSTRUCTION);
    }
    for (int funct7 :
        new int[] {0b1110000, 0b1111000, 0b1111100, 0b1100100, 0b1101000, 0b1101100, 0b1110100}) {
      for (int f3 = 1; f3 < 4; f3++) { // opcode 0x77 of the published hardware, which acted as M
        expect(
            "0x77",
            Mode.VU,
            funct7 << 25 | 1 << 20 | f3 << 12 | 0x77,
            "VS",
            Cause.ILLEGAL_INSTRUCTION);
      }
    }
  }

  @Test
  void legalAccessesAreLegal() {
    rig.hart.x(11, 0);
    for (int csr : HU_VISIBLE) {
      for (Mode mode : new Mode[] {Mode.U, Mode.HS, Mode.M}) {
        Landing l = rig.run(mode, Rig.read(csr));
        assertEquals("none", l.level(), () -> Integer.toHexString(csr) + " in " + mode + " " + l);
      }
    }
    for (int csr : KERNEL_OWNED) {
      assertEquals("none", rig.run(Mode.HS, Rig.read(csr)).level());
    }
  }

  /** CSRs that belong to the host, with the bits that do. */
  private static Map<String, Long> hostState(Rig rig) {
    Map<String, Long> out = new TreeMap<>();
    for (int csr :
        List.of(
            Csr.MEDELEG,
            Csr.MIDELEG,
            Csr.MTVEC,
            Csr.MSCRATCH,
            Csr.MENVCFG,
            Csr.MCOUNTEREN,
            Csr.MCOUNTINHIBIT,
            Csr.PMPCFG0,
            Csr.PMPADDR0,
            Csr.STVEC,
            Csr.SSCRATCH,
            Csr.SATP,
            Csr.SCOUNTEREN,
            Csr.SENVCFG,
            Csr.STIMECMP,
            Csr.HSTATUS,
            Csr.HEDELEG,
            Csr.HIDELEG,
            Csr.HGEIE,
            Csr.SEDELEG,
            Csr.SIDELEG,
            Csr.HDVCTL,
            Csr.HDVVMID,
            Csr.HDVVCPU,
            Csr.HDVGEIN,
            Csr.HDVWINSEL,
            Csr.HDVWINBASE,
            Csr.HDVWINLIMIT)) {
      out.put(Csr.name(csr), rig.csr(csr));
    }
    out.put("mie of the host", rig.csr(Csr.MIE) & ~0x555);
    out.put("mip of the host", rig.csr(Csr.MIP) & ~0x555);
    out.put(
        "mstatus but SPP, SPIE, FS",
        rig.csr(Csr.MSTATUS) & ~(1L << 8 | 1 << 5 | 3 << 13 | 1L << 63));
    out.put("another domain's posts", rig.posts.word(Rig.VMID + 1));
    out.put("secret", rig.get(Rig.SECRET));
    return out;
  }

  @Test
  void G2_hostileGuestWritesAllCsrNumbersAndTheHostIsAsBefore() {
    List<Integer> hu = new ArrayList<>();
    for (int csr :
        new int[] {0x800, 0x804, 0x805, 0x806, 0x80a, 0x880, 0x401, 0x402, 0x005, 0x040}) {
      hu.add(csr);
    }
    rig.hart.x(11, 0x5a5a_5a5a_5a5a_5a5aL);
    Map<String, Long> before = hostState(rig);
    for (int csr = 0; csr < 4096; csr++) {
      for (Mode mode : new Mode[] {Mode.VS, Mode.VU}) {
        rig.guestState();
        long[] huBefore = hu.stream().mapToLong(rig::csr).toArray();
        rig.run(mode, Rig.write(csr));
        int c = csr;
        for (int i = 1;
            i < huBefore.length;
            i++) { // hustatus aside: the trap wrote it; the VS bits of huie are the guest's sie
          long mask = hu.get(i) == 0x804 ? 0x111 : -1L;
          assertEquals(huBefore[i] & mask, rig.csr(hu.get(i)) & mask, () -> Integer.toHexString(c));
        }
        rig.csr(Csr.MSTATUS, 1 << 13);
      }
    }
    assertEquals(before, hostState(rig));
  }

  @Test
  void G2_hostileHypervisorWritesAllCsrNumbersAndTheHostIsAsBefore() {
    for (long value : new long[] {-1L, 0x5a5a_5a5a_5a5a_5a5aL, 0}) {
      Rig fresh = new Rig();
      Map<String, Long> before = hostState(fresh);
      for (int csr = 0; csr < 4096; csr++) {
        fresh.hart.x(11, value);
        fresh.run(Mode.U, Rig.write(csr));
        fresh.csr(Csr.MSTATUS, 1 << 13);
      }
      assertEquals(before, hostState(fresh));
      assertEquals(Rig.VMID, fresh.csr(Csr.HUGATP) >>> 44 & 0x3fff);
    }
  }

  @Test
  void W9_huretIsForHuOnly() {
    rig.guestState();
    assertTrue(rig.run(Mode.VS, "huret").is("HU", Cause.VIRTUAL_INSTRUCTION));
    assertTrue(rig.run(Mode.VU, "huret").is("HU", Cause.VIRTUAL_INSTRUCTION));
    assertTrue(rig.run(Mode.HS, "huret").is("HS", Cause.ILLEGAL_INSTRUCTION));
    assertTrue(rig.run(Mode.M, "huret").is("M", Cause.ILLEGAL_INSTRUCTION));
    rig.csr(Csr.HDVCTL, 0);
    assertTrue(rig.run(Mode.U, "huret").is("HS", Cause.ILLEGAL_INSTRUCTION));
  }

  @Test
  void W9_huretOfHuEntersTheGuestOrStaysInUserMode() {
    rig.asm(Rig.GUEST_CODE, "ecall");
    assertTrue(rig.run(Mode.U, "huret").is("HU", Cause.ECALL_VS));
    rig.csr(Csr.HUSTATUS, 0x100); // SPV=0, SPVP=1
    rig.csr(Csr.UEPC, Rig.HU_HANDLER);
    assertEquals("HU", rig.run(Mode.U, "huret").level()); // in U, not in S
  }

  @Test
  void W4_hostileHypervisorEntersAGuestWithoutStage2AndHuretIsIllegal() {
    rig.csr(Csr.HUGATP, 0);
    assertTrue(rig.run(Mode.U, "huret").is("HS", Cause.ILLEGAL_INSTRUCTION));
  }

  @Test
  void W8_guestMemoryInstructionsAreNeitherForGuestsNorForPlainProcesses() {
    for (String instruction : GUEST_ACCESS) {
      rig.hart.x(11, Rig.DATA);
      for (Mode mode : new Mode[] {Mode.VS, Mode.VU}) {
        assertTrue(rig.run(mode, instruction).is("HU", Cause.VIRTUAL_INSTRUCTION), instruction);
      }
      assertEquals("none", rig.run(Mode.U, instruction).level(), instruction);
      assertEquals("none", rig.run(Mode.HS, instruction).level(), instruction);
    }
    rig.csr(Csr.HDVCTL, 0);
    for (String instruction : GUEST_ACCESS) {
      assertTrue(rig.run(Mode.U, instruction).is("HS", Cause.ILLEGAL_INSTRUCTION), instruction);
    }
  }

  @Test
  void G2_hostileHypervisorUsesSupervisorInstructions() {
    for (String instruction :
        List.of(
            "sret",
            "mret",
            "sfence.vma",
            "hfence.gvma",
            "hfence.vvma",
            "hlv.d a0, (a1)",
            "hsv.d a0, (a1)")) {
      assertTrue(rig.run(Mode.U, instruction).is("HS", Cause.ILLEGAL_INSTRUCTION), instruction);
    }
  }

  @Test
  void hostileGuestDamagesScounterenAndSenvcfgAndOnlyItsBankChanges() {
    long scounteren = rig.csr(Csr.SCOUNTEREN);
    long senvcfg = rig.csr(Csr.SENVCFG);
    assertTrue(
        rig.run(Mode.VS, "csrw scounteren, x0\ncsrw senvcfg, x0\ncsrr a0, scounteren\necall")
            .is("HU", Cause.ECALL_VS));
    assertEquals(0, rig.hart.x(10));
    assertEquals(scounteren, rig.csr(Csr.SCOUNTEREN));
    assertEquals(senvcfg, rig.csr(Csr.SENVCFG));
    assertEquals(0, rig.csr(Csr.HUVSCOUNTEREN));
    assertTrue(
        rig.run(Mode.VS, "li a0, 5\ncsrw scounteren, a0\nli a0, 0x40\ncsrw senvcfg, a0\necall")
            .is("HU", Cause.ECALL_VS));
    assertEquals(5, rig.csr(Csr.HUVSCOUNTEREN));
    assertEquals(0x40, rig.csr(Csr.HUVSENVCFG));
    assertEquals(scounteren, rig.csr(Csr.SCOUNTEREN));
    assertEquals(senvcfg, rig.csr(Csr.SENVCFG));
  }

  @Test
  void hostileHypervisorGivesItsGuestACounterThatTheKernelWithholds() {
    rig.csr(Csr.SCOUNTEREN, 0);
    rig.csr(Csr.HUCOUNTEREN, -1);
    assertTrue(rig.run(Mode.VS, "rdcycle a0").is("HU", Cause.VIRTUAL_INSTRUCTION));
    rig.csr(Csr.SCOUNTEREN, -1);
    assertTrue(rig.run(Mode.VS, "rdcycle a0\necall").is("HU", Cause.ECALL_VS));
  }
}
