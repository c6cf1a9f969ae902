package org.duvisor.machine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.duvisor.devices.aia.ImsicFile;
import org.duvisor.isa.Cause;
import org.duvisor.isa.Csr;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The CSRs of Smaia and Ssaia (AIA chapters 2, 3, 5 and 6). */
class AiaTest {
  private static final int ILLEGAL = Cause.ILLEGAL_INSTRUCTION;
  private static final int VIRTUAL = Cause.VIRTUAL_INSTRUCTION;
  private static final int NONE = -1;
  private static final int SEI = 9;

  private final HartFixture f = new HartFixture(HartFixture.WITH_H.withGuestFiles(7));
  private final Hart h = f.hart;

  @ParameterizedTest
  @CsvSource({
    "miselect, -1, 0xfff",
    "siselect, -1, 0xfff",
    "vsiselect, -1, 0xfff",
    "mvien, -1, 0xffffffffffffe202",
    "hvien, -1, 0xffffffffffffe000",
    "hvip, -1, 0xffffffffffffe444",
    "hvictl, -1, 0x4fff03ff",
    "hviprio1, -1, 0xffffff00ff00ff00",
    "hviprio2, -1, 0xffffffffffffffff",
    "hgeie, -1, 0xfe",
    "mideleg, 0, 0x1444", // the guest external interrupt is always HS's
    "hideleg, -1, 0x444",
    "mie, -1, 0x3eee",
    "hie, -1, 0x1444",
    "hstatus, 0x7000, 0x200007000",
    "hstatus, 0x8000, 0x200000000", // no guest file 8
  })
  void warl(String name, String written, String read) {
    int csr = Csr.number(name);
    f.csr(csr, Long.decode(written));
    assertEquals(read, "0x" + Long.toHexString(f.csr(csr)), name);
  }

  @Test
  void hartsWithoutAiaHaveNoneOfIt() {
    HartFixture plain = new HartFixture(HartFixture.WITH_H);
    byte[] presence = h.config.csrs();
    for (int csr = 0; csr < 4096; csr++) {
      if ((presence[csr] & CsrRegisters.AIA) != 0) {
        assertEquals(ILLEGAL, plain.readCause(csr), Csr.name(csr));
      }
    }
    assertEquals(0, plain.csr(Csr.HGEIE) | plain.csr(Csr.HGEIP));
  }

  // ---- indirect access

  private void select(int select, int value) {
    f.csr(select, value);
  }

  @Test
  void ownFilesAreBehindTheIndirectRegisters() {
    select(Csr.MISELECT, ImsicFile.EIE0);
    f.csr(Csr.MIREG, 1L << 5);
    select(Csr.SISELECT, ImsicFile.EIE0);
    assertEquals(0, f.csr(Csr.SIREG));
    assertEquals(1L << 5, f.csr(Csr.MIREG));
    h.machineFile().post(5);
    assertEquals(5 << 16 | 5, f.csr(Csr.MTOPEI));
    assertEquals(0, f.csr(Csr.STOPEI));
    assertEquals(5 << 16 | 5, f.hart.csrs.swap(Csr.MTOPEI, 0, true));
    assertEquals(0, f.csr(Csr.MTOPEI));
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 0x2f, 0x31, 0x3f, 0x40, 0x6f, 0x81, 0xff, 0x100, 0xfff})
  void selectsOfNothingAreIllegal(int select) {
    f.csr(Csr.HSTATUS, 1 << 12);
    for (int which : new int[] {Csr.MISELECT, Csr.SISELECT, Csr.VSISELECT}) {
      select(which, select);
      assertEquals(ILLEGAL, f.mode(Hart.M, false).readCause(which + 1));
    }
    boolean known = select >= 0x30 && select < 0x40 || select >= 0x80 && select <= 0xff;
    assertEquals(known ? VIRTUAL : ILLEGAL, f.mode(Hart.S, true).readCause(Csr.SIREG));
  }

  @Test
  void guestReachesTheSelectedFileOnly() {
    for (int file = 1; file <= 7; file++) {
      f.csr(Csr.HSTATUS, file << 12);
      select(Csr.VSISELECT, ImsicFile.EIE0);
      f.csr(Csr.VSIREG, 1L << (10 + file));
    }
    f.csr(Csr.HSTATUS, 3 << 12);
    f.mode(Hart.S, true);
    assertEquals(1L << 13, h.csrs.readChecked(Csr.SIREG));
    h.supervisorFiles().get(3).post(13);
    assertEquals(13 << 16 | 13, h.csrs.readChecked(Csr.STOPEI));
    assertEquals(13 << 16 | 13, h.csrs.swap(Csr.STOPEI, 0, true));
    assertEquals(0, h.csrs.readChecked(Csr.STOPEI));
  }

  @Test
  void withoutAGuestFileTheHypervisorEmulates() {
    f.csr(Csr.HSTATUS, 0);
    select(Csr.VSISELECT, ImsicFile.EIDELIVERY);
    f.mode(Hart.S, true);
    assertEquals(VIRTUAL, f.readCause(Csr.SIREG));
    assertEquals(VIRTUAL, f.readCause(Csr.STOPEI));
    assertEquals(NONE, f.readCause(Csr.SISELECT));
    assertEquals(NONE, f.readCause(Csr.STOPI));
    for (int csr : new int[] {Csr.VSISELECT, Csr.VSIREG, Csr.VSTOPEI, Csr.VSTOPI, Csr.HVICTL}) {
      assertEquals(VIRTUAL, f.readCause(csr), Csr.name(csr));
    }
    f.mode(Hart.U, true);
    for (int csr : new int[] {Csr.SISELECT, Csr.SIREG, Csr.STOPEI, Csr.STOPI}) {
      assertEquals(VIRTUAL, f.readCause(csr), Csr.name(csr));
    }
    f.mode(Hart.S, false);
    assertEquals(ILLEGAL, f.readCause(Csr.VSIREG));
    assertEquals(ILLEGAL, f.readCause(Csr.VSTOPEI));
    assertEquals(ILLEGAL, f.readCause(Csr.MIREG));
    f.mode(Hart.U, false);
    assertEquals(ILLEGAL, f.readCause(Csr.SIREG));
  }

  @Test
  void setAndClearOfPendingBitsLosesNoMessage() {
    select(Csr.SISELECT, ImsicFile.EIP0);
    h.supervisorFiles().getFirst().post(9);
    f.mode(Hart.S, false);
    assertEquals(1L << 9, h.csrs.update(Csr.SIREG, 1L << 4, 0));
    assertEquals(1L << 9 | 1L << 4, h.csrs.update(Csr.SIREG, 0, 1L << 9));
    assertEquals(1L << 4, h.csrs.readChecked(Csr.SIREG));
  }

  // ---- *topi

  private void openSupervisorFile() {
    select(Csr.SISELECT, ImsicFile.EIDELIVERY);
    f.csr(Csr.SIREG, 1);
    select(Csr.SISELECT, ImsicFile.EIE0);
    f.csr(Csr.SIREG, -1);
    f.csr(Csr.MIDELEG, -1);
    f.csr(Csr.MIE, -1);
  }

  @Test
  void stopiTellsTheMostUrgent() {
    openSupervisorFile();
    assertEquals(0, f.csr(Csr.STOPI));
    f.csr(Csr.SIP, 2);
    assertEquals(1 << 16 | 255, f.csr(Csr.STOPI)); // its default priority is below SEI's
    h.supervisorFiles().getFirst().post(40);
    assertEquals(SEI << 16 | 40, f.csr(Csr.STOPI));
    select(Csr.SISELECT, 0x30);
    f.csr(Csr.SIREG, 20 << 8); // a priority for SSI
    assertEquals(1 << 16 | 20, f.csr(Csr.STOPI));
    f.csr(Csr.SIREG, 40 << 8);
    assertEquals(SEI << 16 | 40, f.csr(Csr.STOPI)); // equal: default order
    f.csr(Csr.SIREG, -1); // numbers 1, 2, 5 and 6 can have one
    assertEquals(0x00ff_ff00_00ff_ff00L, f.csr(Csr.SIREG));
  }

  @Test
  void mtopiTellsWhatSupervisorsDoNotTake() {
    f.csr(Csr.MIE, -1);
    f.csr(Csr.MIP, 2);
    assertEquals(1 << 16 | 255, f.csr(Csr.MTOPI));
    h.wire(Cause.MACHINE_SOFTWARE, true);
    assertEquals(3 << 16 | 255, f.csr(Csr.MTOPI));
    select(Csr.MISELECT, 0x30);
    f.csr(Csr.MIREG, 7L << 24 | 6L << 8);
    assertEquals(1 << 16 | 6, f.csr(Csr.MTOPI));
    f.csr(Csr.MIDELEG, 2);
    assertEquals(3 << 16 | 7, f.csr(Csr.MTOPI));
  }

  // ---- what M makes up for S

  @Test
  void machineTakesTheExternalInterruptAwayAndMakesOneUp() {
    openSupervisorFile();
    f.csr(Csr.MIDELEG, 0x22);
    f.csr(Csr.MVIEN, 1 << SEI);
    f.mode(Hart.S, false);
    assertEquals(ILLEGAL, f.readCause(Csr.STOPEI));
    select(Csr.SISELECT, ImsicFile.EIE0);
    assertEquals(ILLEGAL, f.readCause(Csr.SIREG));
    h.csrs.writeChecked(Csr.SIE, 1 << SEI);
    assertEquals(1 << SEI, h.csrs.readChecked(Csr.SIE));
    assertEquals(0, h.csrs.readChecked(Csr.SIP));
    f.csr(Csr.MVIP, 1 << SEI);
    assertEquals(1 << SEI, h.csrs.readChecked(Csr.SIP));
    f.csr(Csr.MVIEN, 0); // the bit keeps its value, wherever it is shown
    assertEquals(1 << SEI, f.csr(Csr.MIP) & 1 << SEI);
    assertEquals(0, h.csrs.readChecked(Csr.SIP));
    f.csr(Csr.MVIEN, 1 << SEI);
    assertEquals(SEI << 16 | 255, h.csrs.readChecked(Csr.STOPI));
    assertEquals(0, f.csr(Csr.MIP) & 1 << SEI);
    f.csr(Csr.MIP, 0);
    assertEquals(1 << SEI, f.csr(Csr.MVIP)); // mip has the wire alone
  }

  @Test
  void withoutMvienMvipIsMip() {
    f.csr(Csr.MVIP, -1);
    assertEquals(0x222, f.csr(Csr.MIP) & 0x222);
    assertEquals(Aia.LOCAL, f.csr(Csr.MVIP) & ~0x1fff);
    assertEquals(0, f.csr(Csr.SIP) & ~0x1fff);
    f.csr(Csr.MENVCFG, Csr.MENVCFG_STCE);
    f.csr(Csr.MIP, 0x202);
    assertEquals(0x202, f.csr(Csr.MVIP) & 0x1fff);
  }

  @Test
  void localInterruptsThatSoftwareMakesUp() {
    f.csr(Csr.MVIEN, 1L << 40 | 1L << 35);
    f.csr(Csr.MVIP, 1L << 40 | 1L << 35);
    f.csr(Csr.SIE, 1L << 40 | 1L << 35);
    assertEquals(40 << 16, f.csr(Csr.STOPI)); // more urgent than the external interrupt
    f.csr(Csr.SIP, 1L << 35);
    assertEquals(35 << 16 | 255, f.csr(Csr.STOPI));
    f.csr(Csr.STVEC, 0x8000_0000L);
    f.mode(Hart.U, false);
    h.signal();
    h.traps.takeInterrupt();
    assertEquals(Cause.INTERRUPT | 35, f.csr(Csr.SCAUSE));
  }

  // ---- guests

  private ImsicFile guest(int number) {
    f.csr(Csr.HSTATUS, number << 12);
    select(Csr.VSISELECT, ImsicFile.EIDELIVERY);
    f.csr(Csr.VSIREG, 1);
    select(Csr.VSISELECT, ImsicFile.EIE0);
    f.csr(Csr.VSIREG, -1);
    f.csr(Csr.HIDELEG, 0x444);
    f.csr(Csr.VSIE, 0x222);
    return h.supervisorFiles().get(number);
  }

  @Test
  void aGuestFileInterruptsTheGuestOrTellsTheHypervisor() {
    ImsicFile one = guest(1);
    guest(2);
    one.post(33);
    assertEquals(2, f.csr(Csr.HGEIP));
    assertEquals(0, f.csr(Csr.MIP));
    f.csr(Csr.HGEIE, 2);
    assertEquals(1 << 12, f.csr(Csr.HIP));
    f.csr(Csr.MIE, 1 << 12);
    assertEquals(12 << 16 | 255, f.csr(Csr.STOPI));
    f.csr(Csr.HGEIE, 0);
    f.csr(Csr.HSTATUS, 1 << 12);
    assertEquals(1 << 10, f.csr(Csr.HIP));
    assertEquals(1 << SEI, f.csr(Csr.VSIP));
    f.csr(Csr.VSIE, 1 << SEI);
    assertEquals(SEI << 16 | 1, f.csr(Csr.VSTOPI)); // IPRIOM is 0: some priority
    f.csr(Csr.HVICTL, 1 << 8);
    assertEquals(SEI << 16 | 33, f.csr(Csr.VSTOPI));
    f.csr(Csr.VSTVEC, 0x8000_0000L);
    f.mode(Hart.U, true);
    h.traps.takeInterrupt();
    assertEquals(Cause.INTERRUPT | SEI, f.csr(Csr.VSCAUSE));
  }

  @Test
  void anotherThreadsMessageWakesTheHart() {
    ImsicFile one = guest(1);
    f.csr(Csr.HGEIE, 2);
    f.csr(Csr.MIE, 1 << 12);
    f.mode(Hart.S, false);
    h.run(0);
    h.execution.waiting = true;
    assertTrue(h.isWaiting());
    one.post(7);
    assertTrue(h.wantsAttention());
    assertFalse(h.isWaiting());
  }

  @Test
  void hypervisorWithoutAFileGivesTheExternalInterruptAPriority() {
    guest(1);
    f.csr(Csr.HSTATUS, 0);
    f.csr(Csr.HVIP, 0x444);
    f.csr(Csr.VSIE, 0x222);
    f.csr(Csr.HVICTL, SEI << 16 | 1 << 8 | 50);
    assertEquals(SEI << 16 | 50, f.csr(Csr.VSTOPI));
    f.csr(Csr.HVIPRIO1, 49L << 24); // STI
    assertEquals(5 << 16 | 49, f.csr(Csr.VSTOPI));
    f.csr(Csr.HVIPRIO1, 50L << 24);
    assertEquals(SEI << 16 | 50, f.csr(Csr.VSTOPI));
    f.csr(Csr.HVICTL, 1 << 8);
    assertEquals(5 << 16 | 50, f.csr(Csr.VSTOPI)); // SEI has no priority of its own: 256
    f.csr(Csr.HVIPRIO1, 0);
    assertEquals(SEI << 16 | 255, f.csr(Csr.VSTOPI));
  }

  @Test
  void hypervisorChoosesTheInterruptItself() {
    guest(1);
    f.csr(Csr.HVIP, 0x44);
    f.csr(Csr.VSIE, 0x222);
    f.csr(Csr.HVICTL, 1 << 30 | 13 << 16 | 1 << 8 | 9);
    assertEquals(13 << 16 | 9, f.csr(Csr.VSTOPI)); // the others do not count
    f.mode(Hart.S, true);
    assertEquals(VIRTUAL, f.readCause(Csr.SIP));
    assertEquals(VIRTUAL, f.cause(() -> h.csrs.writeChecked(Csr.SIE, 0)));
    f.csr(Csr.MENVCFG, -1);
    f.csr(Csr.MCOUNTEREN, -1);
    f.csr(Csr.HENVCFG, -1);
    f.csr(Csr.HCOUNTEREN, -1);
    assertEquals(NONE, f.readCause(Csr.STIMECMP));
    assertEquals(VIRTUAL, f.cause(() -> h.csrs.writeChecked(Csr.STIMECMP, -1)));
    f.csr(Csr.HVICTL, 1 << 30 | SEI << 16);
    assertEquals(0, f.csr(Csr.VSTOPI));
    f.csr(Csr.HVICTL, 1 << 30 | 1 << 16 | 1 << 8 | 1 << 9);
    assertEquals(1 << 16 | 255, f.csr(Csr.VSTOPI));
    f.csr(Csr.HVIP, 0x444); // an external one of higher default priority
    assertEquals(SEI << 16 | 255, f.csr(Csr.VSTOPI));
    f.csr(Csr.HVICTL, 1 << 30 | 1 << 16 | 1 << 8); // DPR=0: above it
    assertEquals(1 << 16, f.csr(Csr.VSTOPI));
  }

  @Test
  void localInterruptsOfGuests() {
    guest(1);
    f.csr(Csr.HVIEN, 1L << 13);
    f.csr(Csr.HVIP, 1L << 13 | 1L << 14);
    f.csr(Csr.VSIE, 1L << 13 | 1L << 14);
    assertEquals(1L << 13, f.csr(Csr.VSIE));
    assertEquals(1L << 13, f.csr(Csr.VSIP));
    f.csr(Csr.HVICTL, 1 << 8);
    assertEquals(13 << 16 | 255, f.csr(Csr.VSTOPI));
    f.mode(Hart.S, true);
    h.csrs.writeChecked(Csr.SIP, 0); // the guest takes it back
    assertEquals(1L << 14, f.csr(Csr.HVIP));
    assertEquals(0, f.csr(Csr.VSTOPI));
  }

  @Test
  void resetForgetsEverything() {
    guest(1).post(5);
    f.csr(Csr.HGEIE, -1);
    f.csr(Csr.MVIEN, -1);
    h.reset(0);
    for (int csr : new int[] {Csr.HGEIP, Csr.HGEIE, Csr.MVIEN, Csr.HVICTL, Csr.VSISELECT}) {
      assertEquals(0, f.csr(csr), Csr.name(csr));
    }
    assertEquals(0, f.csr(Csr.MIP) & ~(1 << 7));
  }
}
