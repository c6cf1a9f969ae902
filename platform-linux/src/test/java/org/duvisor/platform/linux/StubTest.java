package org.duvisor.platform.linux;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.duvisor.isa.Cause;
import org.duvisor.isa.Csr;
import org.duvisor.machine.Hart;
import org.duvisor.platform.HuHart;
import org.junit.jupiter.api.Test;

/** The stub, executed by a simulated hart in HU-mode: entry, exit, and everything around. */
final class StubTest {
  private static final String NATIVE = "Java_org_duvisor_platform_linux_Native_";

  /** sp, gp, tp, s0, s1, s2 to s11: what C code finds again after a call. */
  private static final int[] KEPT = {2, 3, 4, 8, 9, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27};

  private static final int[] KEPT_F = {8, 9, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27};

  private final SplittableRandom random = new SplittableRandom(7);
  private final StubRig rig = new StubRig();
  private final long[] callersX = new long[32];
  private final long[] callersF = new long[32];

  /** The calling thread's registers; its frm is 0 as C and Java assume. */
  private void caller() {
    for (int i = 1; i < 32; i++) {
      rig.hart.x(i, random.nextLong());
      callersX[i] = rig.hart.x(i);
    }
    rig.hart.x(2, StubRig.STACK_TOP);
    callersX[2] = StubRig.STACK_TOP;
    for (int i = 0; i < 32; i++) {
      rig.hart.f(i, random.nextLong());
      callersF[i] = rig.hart.f(i);
    }
    rig.csr(Csr.FCSR, 0);
  }

  private void enter() {
    caller();
    rig.call(rig.at("enter"), StubRig.CONTEXT);
  }

  private void assertCallerKept() {
    for (int i : KEPT) {
      assertEquals(callersX[i], rig.hart.x(i), "x" + i);
    }
    for (int i : KEPT_F) {
      assertEquals(callersF[i], rig.hart.f(i), "f" + i);
    }
    assertEquals(0, rig.csr(Csr.FCSR), "fcsr");
  }

  private long[] guestX() {
    long[] x = new long[32];
    for (int i = 0; i < 32; i++) {
      x[i] = rig.context(Context.X + 8 * i);
    }
    return x;
  }

  private long[] guestF() {
    long[] f = new long[32];
    for (int i = 0; i < 32; i++) {
      f[i] = rig.context(Context.F + 8 * i);
    }
    return f;
  }

  @Test
  void everyRegisterGoesInAndComesOut() {
    for (int round = 0; round < 20; round++) {
      rig.guest("ecall", random);
      long[] x = guestX();
      long[] f = guestF();
      long fcsr = rig.context(Context.FCSR);
      enter();
      assertTrue(rig.returned());
      assertCallerKept();
      assertArrayEquals(x, guestX());
      assertArrayEquals(f, guestF());
      assertEquals(fcsr, rig.context(Context.FCSR));
      assertEquals(Cause.ECALL_VS, rig.context(Context.UCAUSE));
      assertEquals(StubRig.GUEST, rig.context(Context.UEPC));
      assertEquals(0x180 | StubRig.FS_OFF | 2L << 32, rig.context(Context.HUSTATUS));
    }
  }

  @Test
  void theGuestComputesInItsRegistersAndNobodyElses() {
    var program = new StringBuilder();
    for (int i = 1; i < 32; i++) {
      program.append("xori x%d, x%d, -1\n".formatted(i, i));
    }
    for (int i = 0; i < 32; i++) {
      program.append("fneg.d f%d, f%d\n".formatted(i, i));
    }
    rig.guest(program + "csrwi frm, 3\necall", random);
    long[] x = guestX();
    long[] f = guestF();
    enter();
    assertCallerKept();
    for (int i = 1; i < 32; i++) {
      assertEquals(~x[i], rig.context(Context.X + 8 * i), "x" + i);
    }
    for (int i = 0; i < 32; i++) {
      assertEquals(f[i] ^ Long.MIN_VALUE, rig.context(Context.F + 8 * i), "f" + i);
    }
    assertEquals(3, rig.context(Context.FCSR) >>> 5);
  }

  @Test
  void theTrapCsrsAreStored() {
    rig.guest("li a0, 0x90000000\nlw a1, 8(a0)", random);
    rig.context(Context.X + 8 * 10, 0);
    enter();
    assertEquals(Cause.LOAD_GUEST_PAGE_FAULT, rig.context(Context.UCAUSE));
    assertEquals(0x90000008L, rig.context(Context.UTVAL));
    assertEquals(0x90000008L >>> 2, rig.context(Context.HUTVAL));
    assertTrue(rig.context(Context.HUTINST) != 0);
    assertEquals(rig.csr(Csr.UEPC), rig.context(Context.UEPC));
  }

  @Test
  void entryAgainGoesOnWhereUepcSays() {
    rig.guest("ecall\naddi a0, a0, 1\necall", random);
    rig.context(Context.X + 8 * 10, 41);
    enter();
    rig.context(Context.UEPC, rig.context(Context.UEPC) + 4);
    enter();
    assertEquals(42, rig.context(Context.X + 8 * 10));
    assertEquals(StubRig.GUEST + 8, rig.context(Context.UEPC));
  }

  /** A host interrupt: HU has been left for the exit path when the kernel sees it (section 6). */
  @Test
  void aHostInterruptIsTakenOnTheExitPathWithTheGuestsRegisters() {
    rig.guest("1: j 1b", random);
    long[] x = guestX();
    caller();
    rig.hart.wire(1, true);
    rig.call(rig.at("enter"), StubRig.CONTEXT);
    // HU-mode may have been interrupted before it entered: the kernel then just comes back.
    while (rig.inKernel() && rig.csr(Csr.SEPC) != rig.at("exit")) {
      rig.hart.wire(1, false);
      rig.hart.setMode(Hart.U, false);
      rig.hart.pc = rig.csr(Csr.SEPC);
      rig.hart.run(300);
      rig.hart.wire(1, true);
      rig.run();
    }
    assertTrue(rig.inKernel());
    assertEquals(Cause.INTERRUPT | 1, rig.csr(Csr.SCAUSE));
    for (int i = 1; i < 32; i++) {
      assertEquals(x[i], rig.hart.x(i));
    }
    rig.hart.wire(1, false);
    rig.resume(rig.csr(Csr.SEPC));
    assertTrue(rig.returned());
    assertCallerKept();
    assertArrayEquals(x, guestX());
    assertEquals(HuHart.HOST_EVENT, rig.context(Context.UCAUSE));
  }

  // ---- SIGILL, as the kernel delivers it

  private void signal(long pc) {
    rig.put(StubRig.UCONTEXT + 176, pc);
    long[] before = IntStream.range(0, 32).mapToLong(rig.hart::x).toArray();
    rig.call(rig.at("handler"), 4, 0, StubRig.UCONTEXT);
    if (rig.returned()) {
      // What sigreturn restores.
      for (int i = 1; i < before.length; i++) {
        rig.hart.x(i, before[i]);
      }
    }
  }

  /**
   * Adversary: a hypervisor, or a guest with its help, that reaches for a page of somebody else.
   */
  @Test
  void W4_violationOfTheWindowsComesBackToTheCaller() {
    rig.guest("li a1, 0x80800000\nld a0, (a1)\necall", random);
    rig.put(StubRig.FOREIGN, 0x5ec7e7);
    enter();
    assertTrue(rig.inKernel());
    assertEquals(Cause.WINDOW_VIOLATION, rig.csr(Csr.SCAUSE));
    assertEquals(rig.at("exit"), rig.csr(Csr.SEPC));
    long guestsTp = rig.hart.x(4);
    signal(rig.csr(Csr.SEPC));
    assertEquals(guestsTp, rig.hart.x(4));
    assertEquals(rig.at("exit"), rig.get(StubRig.UCONTEXT + 176));
    rig.resume(rig.get(StubRig.UCONTEXT + 176));
    assertTrue(rig.returned());
    assertCallerKept();
    assertEquals(Context.VIOLATED, rig.context(Context.REFUSED));
    assertFalse(rig.context(Context.X + 8 * 10) == 0x5ec7e7);
  }

  @Test
  void hypervisorEntersWithNothingToEnter() {
    rig.guest("ecall", random);
    rig.csr(Csr.HUGATP, 0);
    long[] x = guestX();
    enter();
    assertTrue(rig.inKernel());
    assertEquals(Cause.ILLEGAL_INSTRUCTION, rig.csr(Csr.SCAUSE));
    signal(rig.csr(Csr.SEPC));
    rig.resume(rig.get(StubRig.UCONTEXT + 176));
    assertTrue(rig.returned());
    assertCallerKept();
    assertEquals(Context.ILLEGAL, rig.context(Context.REFUSED));
    assertArrayEquals(x, guestX());
  }

  @Test
  void othersSignalsGoToTheHandlerThatWasThere() {
    for (long pc : new long[] {0, 0x1234, StubRig.STUB, rig.at("csrs") - 4, -4}) {
      signal(pc);
      assertEquals(StubRig.PREVIOUS, rig.hart.pc);
      assertEquals(4, rig.hart.x(10));
      assertEquals(StubRig.UCONTEXT, rig.hart.x(12));
      assertEquals(StubRig.RETURN, rig.hart.x(1));
    }
  }

  // ---- CSRs

  private long read(int csr) {
    rig.call(rig.at("csrs") + Stub.csrOffset(csr), StubRig.CONTEXT);
    return rig.hart.x(10);
  }

  private long write(int csr, long value) {
    rig.context(Context.VALUE, value);
    rig.call(rig.at("csrs") + Stub.csrOffset(csr) + Stub.WRITE_OFFSET, StubRig.CONTEXT);
    return rig.hart.x(10);
  }

  @Test
  void csrsAreReadAndWrittenByNumber() {
    for (int csr :
        new int[] {
          Csr.HUVSTVEC,
          Csr.HUVSSCRATCH,
          Csr.HUVSEPC,
          Csr.USCRATCH,
          Csr.UEPC,
          Csr.HUTVAL,
          Csr.HUTINST
        }) {
      assertEquals(0, write(csr, 0x1234_5670L + csr * 4L));
      assertTrue(rig.returned());
      assertEquals(0, read(csr));
      assertEquals(0x1234_5670L + csr * 4L, rig.context(Context.VALUE), Csr.name(csr));
    }
    assertEquals(0, read(Csr.TIME));
    assertEquals(1000, rig.context(Context.VALUE));
  }

  /** Adversary: a hypervisor that asks for every CSR there is. */
  @Test
  void G2_illegalCsrsAreRefused() {
    int refused = 0;
    for (int csr = 0; csr < 1 << 12; csr++) {
      if (!Stub.isUserCsr(csr) || csr == Csr.UTVEC || csr == Csr.HUSTATUS) {
        continue;
      }
      read(csr);
      if (rig.inKernel()) {
        assertEquals(Cause.ILLEGAL_INSTRUCTION, rig.csr(Csr.SCAUSE));
        signal(rig.csr(Csr.SEPC));
        rig.hart.x(1, StubRig.RETURN);
        rig.resume(rig.get(StubRig.UCONTEXT + 176));
        assertTrue(rig.returned());
        assertEquals(1, rig.hart.x(10));
        refused++;
      } else {
        assertTrue(rig.returned());
        assertEquals(0, rig.hart.x(10));
      }
    }
    assertTrue(refused > 900 && refused < 1024, refused + " refused");
  }

  @Test
  void nothingAboveUserLevelHasCode() {
    for (int csr : new int[] {0x100, 0x180, 0x200, 0x300, 0x102, 0x6c0, 0x680, 0xf11}) {
      assertFalse(Stub.isUserCsr(csr));
    }
    assertTrue(Stub.isUserCsr(Csr.HUGATP) && Stub.isUserCsr(Csr.UTVEC) && Stub.isUserCsr(Csr.TIME));
  }

  // ---- the rest

  @Test
  void systemCallsPassSixArgumentsAndTheNumber() {
    long stack = StubRig.STACK_TOP - 16;
    rig.put(stack, 6);
    rig.hart.x(2, stack);
    rig.call(rig.at(NATIVE + "system"), 0, 0, 29, 1, 2, 3, 4, 5);
    assertTrue(rig.inKernel());
    assertEquals(Cause.ECALL_U, rig.csr(Csr.SCAUSE));
    assertEquals(29, rig.hart.x(17));
    for (int i = 0; i < 6; i++) {
      assertEquals(i + 1, rig.hart.x(10 + i));
    }
    rig.hart.x(10, -22);
    rig.resume(rig.csr(Csr.SEPC) + 4);
    assertTrue(rig.returned());
    assertEquals(-22, rig.hart.x(10));
  }

  @Test
  void nativeMethodsPassTheirArgumentsAndTellWhereTheLibraryIs() {
    rig.call(rig.at(NATIVE + "call"), 0, 0, StubRig.HS_HANDLER, 7, 8);
    assertEquals(StubRig.HS_HANDLER, rig.hart.pc);
    assertEquals(7, rig.hart.x(10));
    assertEquals(8, rig.hart.x(11));
    rig.call(rig.at(NATIVE + "base"));
    assertTrue(rig.returned());
    assertEquals(StubRig.STUB, rig.hart.x(10));
  }

  @Test
  void fencesReturn() {
    for (String fence :
        new String[] {
          "fence_gvma",
          "fence_gvma_all",
          "fence_vvma",
          "fence_vvma_all",
          "fence_vvma_page",
          "fence_vvma_everything",
          "fence_i",
        }) {
      rig.call(rig.at(fence), -1, 5);
      assertTrue(rig.returned(), fence);
    }
  }

  @Test
  void theStubIsWhatItsTextSays() {
    byte[] text = Stub.assemble().bytes();
    byte[] library = rig.stub.library();
    int code = SharedObject.CODE;
    assertEquals(-1, Arrays.mismatch(text, 0, text.length, library, code, code + text.length));
  }

  @Test
  void theContextFitsItsOffsets() {
    assertTrue(Context.BYTES <= 2048);
  }
}
