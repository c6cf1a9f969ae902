package org.duvisor.machine.adversary;

import static org.duvisor.machine.Mode.VS;
import static org.duvisor.machine.adversary.Rig.VCPU;
import static org.duvisor.machine.adversary.Rig.VMID;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.duvisor.isa.Cause;
import org.duvisor.isa.Csr;
import org.duvisor.machine.adversary.Rig.Landing;
import org.duvisor.machine.adversary.Rig.Mode;
import org.junit.jupiter.api.Test;

/** Interrupts, posts and host events (docs/dv-ext.md, sections 3.2, 5 and 6). */
final class InterruptsTest {
  private static final long HOST_EVENT = Cause.INTERRUPT | Cause.HOST_EVENT;
  private static final String SPIN = "1: j 1b";

  private final Rig rig = new Rig();

  @Test
  void W3_hostileHypervisorRaisesInterruptsOfTheHost() {
    rig.hart.x(11, -1);
    for (int csr : new int[] {0x804, 0x844, 0x845, 0x444, 0x404, 0x402}) {
      rig.run(Mode.U, Rig.write(csr));
    }
    rig.csr(Csr.VTIMECMP, 0);
    rig.csr(Csr.MIE, -1);
    assertEquals(0, rig.csr(Csr.MIP) & ~0x555);
    assertEquals("none", rig.run(Mode.U, SPIN).level()); // hustatus.UIE is 0
    assertEquals(1, rig.csr(Csr.VTIMECTL));
  }

  @Test
  void W3_hostileHypervisorRaisesItsOwnInterruptsWhenTheKernelDelegatedNone() {
    rig.csr(Csr.SIDELEG, 0);
    rig.csr(Csr.HIDELEG, 0);
    rig.hart.x(11, -1);
    for (int csr : new int[] {0x804, 0x844, 0x845, 0x402}) {
      Landing l = rig.run(Mode.U, Rig.write(csr));
      assertEquals("none", l.level(), () -> "an interrupt storm of the host: " + l);
    }
    rig.csr(Csr.VTIMECMP, 0);
    rig.csr(Csr.HUSTATUS, 0x181); // UIE
    assertEquals("none", rig.run(Mode.U, SPIN).level());
    assertEquals("none", rig.run(Mode.VS, SPIN).level());
    rig.csr(
        Csr.HDVCTL,
        0); // the thread is switched out: what is left enabled and pending stays harmless
    rig.csr(Csr.HUVIP, 0);
    assertEquals("none", rig.run(Mode.U, SPIN).level());
  }

  /** A guest whose trap vector traps retires nothing; the host's timer is not late for that. */
  @Test
  void W3_hostileGuestOnlyTraps() {
    rig.csr(Csr.HUVSTVEC, Rig.GUEST_CODE);
    rig.csr(Csr.MENVCFG, -1); // STCE
    rig.csr(Csr.SIE, 1 << Cause.SUPERVISOR_TIMER);
    rig.csr(Csr.STIMECMP, rig.now + 10);
    rig.tick = 1;
    Landing l = rig.run(Mode.VS, "ebreak");
    for (int turn = 0; turn < 20 && l.level().equals("none"); turn++) {
      rig.hart.run(200);
      l = rig.landing();
    }
    assertTrue(l.is("HS", Cause.INTERRUPT | Cause.SUPERVISOR_TIMER), l.toString());
    long traps = rig.hart.traps().counts().of(VS, VS, Cause.BREAKPOINT);
    assertTrue(traps > 1000 && traps < 200_000, traps + " traps");
  }

  /** In execve the kernel runs with another satp while the vCPU of the thread is still there. */
  @Test
  void W3_hostileHypervisorLeavesInterruptsOfAGuestToExecve() {
    rig.csr(Csr.HIDELEG, 0);
    rig.csr(Csr.HUVSTIMECMP, 0);
    rig.csr(Csr.HUVIP, 0x444);
    rig.csr(Csr.HUIE, 0x444);
    rig.csr(Csr.HDVROOT, 1);
    assertEquals("none", rig.run(Mode.U, SPIN).level());
    assertEquals("none", rig.run(Mode.HS, "csrsi sstatus, 2\n1: j 1b").level());
    rig.csr(Csr.HDVROOT, 0);
    assertEquals("none", rig.run(Mode.HS, "csrsi sstatus, 2\n1: j 1b").level());
  }

  @Test
  void W3_timerOfTheHypervisorDrivesUtipOnlyAndCanBeCancelled() {
    rig.csr(Csr.VTIMECMP, 500);
    for (long ctl = 0; ctl < 64; ctl++) {
      rig.csr(Csr.VTIMECTL, ctl << 1 | 1);
      assertEquals(1 << 4, rig.csr(Csr.MIP));
      rig.csr(Csr.VTIMECTL, ctl << 1);
      assertEquals(0, rig.csr(Csr.MIP));
    }
    rig.csr(Csr.VTIMECTL, 1);
    assertTrue(rig.run(Mode.VS, SPIN).is("HU", Cause.INTERRUPT | Cause.USER_TIMER));
    rig.csr(Csr.VTIMECMP, 5000);
    assertEquals(0, rig.csr(Csr.MIP));
  }

  @Test
  void W6_hostileHypervisorPostsToOtherDomains() {
    rig.hart.x(11, -1);
    for (int csr : new int[] {0x482, 0x483, 0x485, 0x486}) {
      rig.run(Mode.U, Rig.write(csr));
    }
    assertEquals(-1, rig.posts.word(VMID));
    for (int domain = 0; domain < 1 << 14; domain++) {
      assertTrue(domain == VMID || rig.posts.word(domain) == 0);
    }
    assertEquals(VCPU, rig.csr(Csr.VCPUID));
    assertEquals(0, rig.csr(Csr.VIPI2) | rig.csr(Csr.VIPI3) | rig.csr(Csr.VIPICLR));
  }

  @Test
  void W6_hostileVcpuTakesThePostsOfOthers() {
    rig.posts.post(VMID, -1);
    rig.hart.x(11, -1);
    rig.run(Mode.U, Rig.write(0x484));
    assertEquals(~(1L << VCPU), rig.posts.word(VMID));
    rig.csr(Csr.HDVVCPU, -1); // none resident: no bit is its own
    rig.posts.post(VMID, -1);
    rig.run(Mode.U, Rig.write(0x484));
    assertEquals(-1, rig.posts.word(VMID));
  }

  @Test
  void W6_postsWaitForTheVcpuAndOfAnotherDomainAreNotSeen() {
    rig.posts.post(VMID + 1, -1);
    rig.posts.post(VMID, ~(1L << VCPU));
    assertEquals("none", rig.run(Mode.VS, SPIN).level());
    rig.csr(Csr.HDVVCPU, -1);
    rig.posts.post(VMID, 1L << VCPU);
    assertEquals("none", rig.run(Mode.VS, SPIN).level());
    rig.csr(Csr.HDVVCPU, VCPU);
    assertTrue(rig.run(Mode.VS, SPIN).is("HU", Cause.INTERRUPT | Cause.USER_SOFTWARE));
  }

  @Test
  void G4_postSetsVssipOfTheGuestWithoutAnExitAndIsALatch() {
    rig.csr(Csr.HDVCTL, 7);
    rig.posts.post(VMID, -1);
    String takes = "csrsi sip, 0\ncsrr a0, sip\ncsrci sip, 2\ncsrr a2, sip\necall";
    assertTrue(rig.run(Mode.VS, takes).is("HU", Cause.ECALL_VS));
    assertEquals(2, rig.hart.x(10) & 2);
    assertEquals(0, rig.hart.x(12) & 2);
    assertEquals(~(1L << VCPU), rig.posts.word(VMID)); // only its own
    rig.posts.post(VMID, 1L << VCPU);
    assertTrue(
        rig.run(Mode.VS, "csrsi sie, 2\ncsrsi sstatus, 2\n1: j 1b").is("VS", Cause.INTERRUPT | 1));
  }

  @Test
  void W10_exitRegistersDoNotKeepStaleGuestAddresses() {
    rig.hart.x(11, Rig.FOREIGN);
    assertTrue(rig.run(Mode.VS, "ld a0, 8(a1)").is("HU", Cause.LOAD_GUEST_PAGE_FAULT));
    assertEquals(Rig.FOREIGN + 8 >>> 2, rig.csr(Csr.HUTVAL));
    assertEquals(0x3503 | 0, rig.csr(Csr.HUTINST)); // ld a0, 0(x0)
    assertEquals(1, rig.csr(Csr.HUSTATUS) >>> 6 & 1); // GVA
    assertTrue(rig.run(Mode.VS, "ecall").is("HU", Cause.ECALL_VS));
    assertEquals(0, rig.csr(Csr.HUTVAL) | rig.csr(Csr.HUTINST) | rig.csr(Csr.UTVAL));
    assertEquals(0, rig.csr(Csr.HUSTATUS) >>> 6 & 1);
  }

  @Test
  void W9_trapToTheHostDoesNotTouchHustatusBeyondTheExit() {
    rig.csr(Csr.HUSTATUS, 0x0070_0190);
    rig.hart.x(11, Rig.DATA);
    rig.hart.x(12, Rig.FOREIGN);
    rig.run(Mode.U, "hulv.d a0, (a2)"); // an ordinary trap of the process
    assertEquals(0x2_0070_0190L, rig.csr(Csr.HUSTATUS));
  }

  @Test
  void W12_guestWaitsAndExitsWhenToldTo() {
    rig.csr(Csr.HUSTATUS, 0x20_0180);
    assertTrue(rig.run(Mode.VS, "wfi").is("HU", Cause.VIRTUAL_INSTRUCTION));
    assertTrue(rig.run(Mode.VU, "wfi").is("HU", Cause.VIRTUAL_INSTRUCTION));
    assertTrue(rig.run(Mode.U, "wfi").is("HS", Cause.ILLEGAL_INSTRUCTION));
  }

  // ---- host events

  @Test
  void kickEndsTheNextEntryBeforeItsFirstInstructionAndNoOther() {
    rig.asm(Rig.GUEST_CODE, "addi s1, s1, 1\necall");
    rig.csr(Csr.SIDELEG, 0); // a kick asks for no delegation
    rig.csr(Csr.HUIE, 0);
    rig.csr(Csr.HDVCTL, 3 | 8);
    assertEquals("none", rig.run(Mode.U, SPIN).level());
    assertTrue(rig.run(Mode.U, ".word 0x00200073").is("HU", HOST_EVENT));
    assertEquals(Rig.GUEST_CODE, rig.csr(Csr.UEPC));
    assertEquals(0x180, rig.csr(Csr.HUSTATUS) & 0x181);
    assertEquals(0, rig.hart.x(9));
    assertEquals(3, rig.csr(Csr.HDVCTL));
    assertTrue(rig.run(Mode.U, ".word 0x00200073").is("HU", Cause.ECALL_VS));
    assertEquals(1, rig.hart.x(9));
  }

  @Test
  void kickOfARunningGuestIsDoneWhenAHostInterruptHasMadeItLeave() {
    rig.csr(Csr.HDVCTL, 3 | 8);
    rig.hart.wire(1, true);
    assertTrue(rig.run(Mode.VS, SPIN).is("HS", Cause.INTERRUPT | 1));
    assertEquals(HOST_EVENT, rig.csr(Csr.UCAUSE));
    assertEquals(3, rig.csr(Csr.HDVCTL));
    rig.hart.wire(1, false);
    rig.csr(Csr.HDVCTL, 2 | 8); // without EN there is nobody to leave to
    assertEquals("none", rig.run(Mode.VS, SPIN).level());
  }

  private Landing hostIrq(String guest) {
    rig.asm(Rig.GUEST_CODE, guest);
    rig.hart.setMode(1, true);
    rig.hart.pc = Rig.GUEST_CODE;
    rig.hart.run(50);
    rig.hart.wire(1, true);
    rig.hart.run(200);
    rig.hart.wire(1, false);
    return rig.landing();
  }

  @Test
  void G3_hostInterruptWithAHostileGuestLooksLikeOneOfAUserThread() {
    for (long mode = 0; mode < 2; mode++) {
      rig.csr(Csr.UTVEC, Rig.HU_HANDLER | mode);
      Landing l = hostIrq("li sp, -16\nli tp, 0x123456\nli gp, -1\nli ra, -1\n1: j 1b");
      assertTrue(l.is("HS", Cause.INTERRUPT | 1), l::toString);
      assertEquals(Rig.HU_HANDLER, l.epc());
      assertEquals(0, l.tval());
      assertEquals(0, rig.csr(Csr.SSTATUS) >>> 8 & 1); // SPP = U
      assertEquals(0, rig.csr(Csr.HSTATUS) >>> 7 & 1); // SPV = 0
      assertEquals(HOST_EVENT, rig.csr(Csr.UCAUSE));
      assertEquals(0, rig.csr(Csr.UTVAL) | rig.csr(Csr.HUTVAL) | rig.csr(Csr.HUTINST));
      long spin = rig.csr(Csr.UEPC);
      assertTrue(spin > Rig.GUEST_CODE && spin < Rig.GUEST_CODE + 64);
      assertEquals(0x180, rig.csr(Csr.HUSTATUS) & 0x181); // SPV, SPVP, UIE=0
      assertEquals(-16, rig.hart.x(2));
      assertEquals(0x123456, rig.hart.x(4));
      // the kernel goes back as to any user thread
      rig.asm(Rig.HS_HANDLER, "sret");
      Landing back = rig.go(Mode.HS, Rig.HS_HANDLER);
      assertEquals("HU", back.level());
      rig.asm(Rig.HS_HANDLER, "1: j 1b");
    }
  }

  @Test
  void G3_reflectionClosesUserInterruptsUntilTheExitIsHandled() {
    rig.csr(Csr.VTIMECMP, 0);
    rig.csr(Csr.VTIMECTL, 1);
    rig.csr(Csr.HUIE, 0);
    rig.csr(Csr.HUSTATUS, 0x191);
    hostIrq(SPIN);
    rig.csr(Csr.HUIE, 0x111);
    rig.asm(Rig.HS_HANDLER, "sret");
    assertTrue(rig.go(Mode.HS, Rig.HS_HANDLER).is("HU", HOST_EVENT));
  }

  @Test
  void G2_hostileGuestMakesSystemCallsInTheNameOfItsHypervisor() {
    rig.csr(Csr.HEDELEG, 0);
    rig.csr(Csr.SEDELEG, 0);
    rig.hart.x(17, 221); // execve
    for (Mode mode : new Mode[] {Mode.VU, Mode.VS}) {
      Landing l = rig.run(mode, "ecall");
      assertTrue(l.is("HS", Cause.WINDOW_VIOLATION), () -> "the kernel would see " + l);
      assertEquals(Rig.HU_HANDLER, l.epc());
      assertEquals(mode == Mode.VU ? Cause.ECALL_U : Cause.ECALL_VS, rig.csr(Csr.UTVAL));
    }
  }

  @Test
  void G2_exceptionsThatNobodyTakesEndTheProcessAndNothingElse() {
    rig.csr(Csr.HEDELEG, 0);
    rig.csr(Csr.SEDELEG, 0);
    rig.hart.x(11, Rig.FOREIGN);
    for (String bad :
        new String[] {
          ".word 0",
          "ebreak",
          "ld a0, (a1)",
          "sd a0, (a1)",
          "jr a1",
          "csrr a0, 0x800",
          "lr.d a0, 1(a1)"
        }) {
      String text = bad.startsWith("lr") ? "addi a1, a1, 1\nlr.d a0, (a1)" : bad;
      Landing l = rig.run(Mode.VS, text);
      assertTrue(l.is("HS", Cause.WINDOW_VIOLATION), () -> bad + " " + l);
      assertEquals(HOST_EVENT, rig.csr(Csr.UCAUSE));
    }
  }

  /** The adversary has KVM too, and makes it run its guest in the thread of a vCPU. */
  @Test
  void G2_guestThatTheKernelEntersInTheThreadOfAVcpuTrapsAsAGuest() {
    for (int privilege = 0; privilege < 2; privilege++) {
      rig.csr(Csr.HSTATUS, 1 << 7);
      rig.csr(Csr.MSTATUS, 1 << 13 | privilege << 8 | 1 << 5);
      rig.csr(Csr.SEPC, Rig.GUEST_CODE);
      Landing l = rig.run(Mode.HS, "sret");
      assertTrue(l.is("HS", Cause.WINDOW_VIOLATION), l.toString());
      assertEquals(Rig.GUEST_CODE, l.epc());
      assertEquals(0, l.tval());
      assertEquals(1 << 7 | privilege << 8, rig.csr(Csr.HSTATUS) & 0x180, "SPV, SPVP");
      assertEquals(privilege << 8 | 1 << 5, rig.csr(Csr.MSTATUS) & 0x122, "SPP, SPIE, SIE");
    }
  }

  @Test
  void windowViolationCanNeitherBeDelegatedNorMasked() {
    rig.csr(Csr.MEDELEG, 0);
    rig.csr(Csr.HEDELEG, -1);
    rig.csr(Csr.SEDELEG, -1);
    rig.stage2(Rig.DATA, Rig.SECRET, Rig.RWXU);
    rig.hart.x(11, Rig.DATA);
    assertTrue(rig.run(Mode.VS, "ld a0, (a1)").is("HS", Cause.WINDOW_VIOLATION));
    assertEquals(0xf00400, rig.csr(Csr.SEDELEG));
    assertEquals(0xb1ff, rig.csr(Csr.HEDELEG));
  }

  @Test
  void trapsOfTheHostAreNeverDelegatedToItsUser() {
    assertTrue(rig.run(Mode.HS, "ecall").is("HS", Cause.ECALL_S));
    rig.csr(Csr.SSTATUS, 2); // SIE
    rig.csr(Csr.HUIE, 0x111);
    rig.csr(Csr.HUIP, 1);
    assertEquals("none", rig.run(Mode.HS, SPIN).level());
    assertTrue(rig.run(Mode.U, "ecall").is("HS", Cause.ECALL_U));
  }

  /**
   * Firmware that is not asked to handle an exception of a guest hands it on to HS with the guest's
   * privilege and registers: a stock kernel would go on with the guest's sp and tp as its own.
   */
  @Test
  void G2_hostileGuestHasTheFirmwareHandItsExceptionsToTheKernel() {
    rig.csr(Csr.MEDELEG, 0xb109); // as stock firmware: without 1, 2, 4, 5, 6, 7
    String[] bad = {".word 0", "csrr a0, 0x300", "addi a1, a1, 1\nlr.d a0, (a1)"};
    rig.hart.x(11, Rig.DATA);
    for (String text : bad) {
      assertEquals("VS", rig.run(Mode.VS, text).level(), text);
    }
    rig.csr(Csr.HEDELEG, 0);
    for (String text : bad) {
      Landing l = rig.run(Mode.VS, text);
      assertTrue(l.is("HS", Cause.WINDOW_VIOLATION), () -> text + " " + l);
      assertEquals(Rig.HU_HANDLER, l.epc());
      assertEquals(0, rig.csr(Csr.SSTATUS) >>> 8 & 1); // SPP = U
    }
    rig.csr(Csr.MEDELEG, 0);
    assertTrue(rig.run(Mode.VS, "ecall").is("HU", Cause.ECALL_VS));
    assertTrue(rig.run(Mode.U, "ecall").is("M", Cause.ECALL_U)); // the process is as any other
    rig.csr(Csr.HDVCTL, 0);
    assertTrue(rig.run(Mode.VS, "ecall").is("M", Cause.ECALL_VS)); // and so is KVM's guest
  }

  @Test
  void interruptsOfTheMachineAreNotReflected() {
    rig.csr(Csr.UCAUSE, 0);
    rig.csr(Csr.MIE, 1 << 3);
    rig.hart.wire(3, true);
    Landing l = rig.run(Mode.VS, SPIN);
    assertTrue(l.is("M", Cause.INTERRUPT | 3), l::toString);
    assertEquals(0, rig.csr(Csr.UCAUSE));
  }
}
