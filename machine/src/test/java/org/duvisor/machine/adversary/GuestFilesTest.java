package org.duvisor.machine.adversary;

import static org.duvisor.machine.adversary.Rig.GUEST;
import static org.duvisor.machine.adversary.Rig.R;
import static org.duvisor.machine.adversary.Rig.RWXU;
import static org.duvisor.machine.adversary.Rig.T;
import static org.duvisor.machine.adversary.Rig.VMID;
import static org.duvisor.machine.adversary.Rig.W;
import static org.duvisor.machine.adversary.Rig.X;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicBoolean;
import org.duvisor.devices.aia.Imsic;
import org.duvisor.devices.aia.ImsicFile;
import org.duvisor.isa.Cause;
import org.duvisor.isa.Csr;
import org.duvisor.machine.Hart;
import org.duvisor.machine.HartConfig;
import org.duvisor.machine.adversary.Rig.Landing;
import org.duvisor.machine.adversary.Rig.Mode;
import org.duvisor.machine.dv.FileOwners;
import org.duvisor.machine.interp.Interpreter;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * Guest interrupt files under DV-ext (docs/dv-ext.md, section 3.4): what a hostile hypervisor and
 * its guest reach of the interrupts of others. Two harts have 3 files each; file 1 of both is the
 * VM's.
 */
final class GuestFilesTest {
  private static final HartConfig CONFIG = HartConfig.STANDARD.withGuestFiles(3);
  private static final long MACHINE_FILES = 0x2400_0000L;
  private static final long FILES = 0x2800_0000L;
  private static final int STRIDE = 4 * Imsic.PAGE;
  private static final int FOREIGN_VMID = VMID + 1;

  /** A guest-physical page that a test maps to what it attacks. */
  private static final long PAGE = GUEST + 0x20_000;

  private static final int IDENTITY = 33;

  private final Rig rig = new Rig(CONFIG);
  private final Hart other =
      new Hart(1, CONFIG, rig.memory, rig.bus, () -> rig.now, rig.posts, Interpreter::new);
  private final FileOwners owners = new FileOwners(FILES, STRIDE, 2, 3);

  @BeforeEach
  void wire() {
    List<Hart> harts = List.of(rig.hart, other);
    rig.bus.add(
        MACHINE_FILES,
        new Imsic(harts.stream().map(h -> List.of(h.machineFile())).toList(), 1, 11, 1),
        0);
    rig.bus.add(FILES, new Imsic(harts.stream().map(Hart::supervisorFiles).toList(), 1, 9, 2), 0);
    for (Hart h : harts) {
      h.owners(owners);
      for (ImsicFile f : h.supervisorFiles()) {
        open(f);
      }
      open(h.machineFile());
    }
    owners.owner(1, 1, VMID);
    owners.owner(1, 2, FOREIGN_VMID);
    own(2, FOREIGN_VMID);
    own(1, VMID);
    rig.csr(Csr.HUSTATUS, 0x180 | 1 << 12);
    rig.csr(Csr.HUVSIE, 0x200);
  }

  private static void open(ImsicFile f) {
    f.access(ImsicFile.EIDELIVERY, -1, 1);
    f.access(ImsicFile.EIE0, -1, -1);
  }

  /** What the kernel does: gives a file of this hart to a VM, and lets HU select it. */
  private void own(int file, long vmid) {
    rig.csr(Csr.HDVGEIN, file);
    rig.csr(Csr.HDVGOWNER, vmid);
  }

  private static long page(int hart, int file) {
    return FILES + (long) hart * STRIDE + (long) file * Imsic.PAGE;
  }

  private Landing guest(String text) {
    rig.hart.x(11, PAGE);
    rig.hart.x(12, IDENTITY);
    return rig.run(Mode.VS, text);
  }

  private void violates(String what, Landing l) {
    assertTrue(l.is("HS", Cause.WINDOW_VIOLATION), () -> what + " ended at " + l);
  }

  private boolean posted(Hart h, int file) {
    return h.supervisorFiles().get(file).claim() != 0;
  }

  private void nobodyGotAnything() {
    for (Hart h : List.of(rig.hart, other)) {
      for (int file = 0; file <= 3; file++) {
        assertEquals(0, h.supervisorFiles().get(file).top());
      }
      assertEquals(0, h.machineFile().top());
    }
  }

  // ---- pages

  @Test
  void G2_hostileHypervisorMapsTheInterruptFilesOfOthersIntoItsGuest() {
    rig.window(2, MACHINE_FILES, MACHINE_FILES + 0x10_0000, 0);
    for (long foreign :
        new long[] {
          MACHINE_FILES, // M's
          page(0, 0), // the kernel's own
          page(1, 0),
          page(0, 2), // another VM's
          page(1, 2),
          page(0, 3), // KVM's, which belongs to no VMID of DV-ext
          page(1, 3),
        }) {
      rig.stage2(PAGE, foreign, RWXU);
      rig.hart.mmu().flushAll();
      String where = Long.toHexString(foreign);
      for (String access :
          List.of("sw a2, (a1)", "sd a2, (a1)", "lw a0, (a1)", "amoor.w a0, a2, (a1)", "jr a1")) {
        violates(access + " " + where, guest(access));
      }
      rig.hart.x(11, PAGE);
      rig.csr(Csr.HUSTATUS, 0x180);
      for (String access : List.of("husv.w a2, (a1)", "hulv.w a0, (a1)", "hulvx.wu a0, (a1)")) {
        assertTrue(rig.run(Mode.U, access).is("HS", Cause.WINDOW_VIOLATION), access + " " + where);
      }
    }
    nobodyGotAnything();
  }

  @Test
  void G2_aWindowOverTheFilesOpensNoneOfAnother() {
    rig.window(2, FILES, FILES + 2 * STRIDE, R | W | X | T);
    for (int hart = 0; hart < 2; hart++) {
      for (int file = 2; file <= 3; file++) {
        rig.stage2(PAGE, page(hart, file), RWXU);
        rig.hart.mmu().flushAll();
        violates("a store", guest("sw a2, (a1)"));
      }
    }
    nobodyGotAnything();
  }

  @Test
  void G4_vcpuPostsToTheOthersOfItsVmWithoutAnExitOnWhateverHart() {
    for (Hart h : List.of(rig.hart, other)) {
      rig.stage2(PAGE, page(h.id(), 1), RWXU);
      rig.hart.mmu().flushAll();
      Landing l = guest("sw a2, (a1)\nlw a0, (a1)\necall");
      assertTrue(l.is("HU", Cause.ECALL_VS), l::toString);
      assertEquals(0, rig.hart.x(10));
      assertTrue(posted(h, 1));
    }
    rig.csr(Csr.HUSTATUS, 0x180);
    rig.hart.x(11, PAGE);
    rig.hart.x(12, IDENTITY);
    assertEquals("none", rig.run(Mode.U, "husv.w a2, (a1)").level());
    assertTrue(posted(other, 1));
    nobodyGotAnything();
  }

  @Test
  void G2_aFileThatIsTakenAwayIsOutOfReachAtOnce() {
    rig.stage2(PAGE, page(0, 1), RWXU);
    assertTrue(guest("sw a2, (a1)\necall").is("HU", Cause.ECALL_VS));
    assertTrue(posted(rig.hart, 1));
    own(1, -1); // and the kernel fences nothing
    violates("a store", guest("sw a2, (a1)"));
    own(1, FOREIGN_VMID);
    violates("a store", guest("sw a2, (a1)"));
    own(1, VMID);
    rig.csr(Csr.HDVVMID, FOREIGN_VMID); // the next VM of this hart, with the same tables
    violates("a store", guest("sw a2, (a1)"));
    nobodyGotAnything();
  }

  @Test
  void G2_hostileHypervisorKeepsPageTablesInItsInterruptFile() {
    rig.stage2(PAGE, page(0, 1), RWXU);
    violates("a fetch", guest("jr a1"));
    rig.stage1();
    rig.put(Rig.STAGE1, PAGE >>> 12 << 10 | 1);
    rig.hart.mmu().flushAll();
    rig.hart.x(11, 0x1000);
    assertEquals("VS", rig.run(Mode.VS, "ld a0, (a1)").level()); // an access fault of the guest
    rig.csr(Csr.HUGATP, Rig.SV39 | page(0, 0) >>> 12);
    rig.hart.mmu().flushAll();
    violates("a stage-2 table", rig.go(Mode.VS, Rig.GUEST_CODE));
    nobodyGotAnything();
  }

  // ---- registers

  @Test
  void kernelSetsOwnersOfItsHartsFiles() {
    assertEquals(VMID, owners.owner(0, 1));
    assertEquals(FOREIGN_VMID, owners.owner(0, 2));
    own(3, 0x4000); // no VMID
    assertEquals(FileOwners.NOBODY, owners.owner(0, 3));
    assertEquals(-1, rig.csr(Csr.HDVGOWNER));
    own(4, 7); // no file: none selected
    assertEquals(0, rig.csr(Csr.HDVGEIN));
    assertEquals(-1, rig.csr(Csr.HDVGOWNER));
    own(3, 0x3fff);
    assertEquals(0x3fff, rig.csr(Csr.HDVGOWNER));
    for (int csr : new int[] {0x6c3, 0x6c8}) {
      for (int access : new int[] {Rig.read(csr), Rig.write(csr)}) {
        assertTrue(rig.run(Mode.U, access).is("HS", Cause.ILLEGAL_INSTRUCTION));
        assertTrue(rig.run(Mode.VS, access).is("HU", Cause.VIRTUAL_INSTRUCTION));
      }
    }
    rig.hart.reset(0);
    assertEquals(FileOwners.NOBODY, owners.owner(0, 1));
    assertEquals(VMID, owners.owner(1, 1), "the other hart's");
  }

  @Test
  void G2_hostileHypervisorSelectsTheFilesOfOthers() {
    for (int file = 0; file < 64; file++) {
      rig.hart.x(11, 0x180 | file << 12);
      rig.run(Mode.U, Rig.write(0x800));
      int selected = (int) rig.csr(Csr.HUSTATUS) >>> 12 & 63;
      assertEquals(file == 1 ? 1 : 0, selected);
    }
    rig.csr(Csr.HUSTATUS, 0x180 | 1 << 12);
    rig.csr(Csr.HDVGEIN, 2); // the kernel puts another VM here; hustatus is what was left behind
    assertEquals(0, rig.csr(Csr.HUSTATUS) & 0x3f000);
    rig.hart.supervisorFiles().get(2).post(IDENTITY);
    assertTrue(guest("csrr a0, stopei").is("HU", Cause.VIRTUAL_INSTRUCTION));
    rig.csr(Csr.VSISELECT, ImsicFile.EIP0);
    assertTrue(rig.run(Mode.U, Rig.read(0x451)).is("HS", Cause.ILLEGAL_INSTRUCTION));
    assertEquals(0, rig.csr(Csr.HUIP) & 1 << 10);
    assertTrue(posted(rig.hart, 2));
  }

  @Test
  void hypervisorSavesAndRestoresTheFileOfItsVcpu() {
    ImsicFile file = rig.hart.supervisorFiles().get(1);
    file.post(IDENTITY);
    rig.hart.x(11, ImsicFile.EIP0);
    assertEquals("none", rig.run(Mode.U, Rig.write(0x450)).level());
    assertEquals("none", rig.run(Mode.U, Rig.read(0x451)).level());
    assertEquals(1L << IDENTITY, rig.hart.x(10));
    rig.hart.x(11, 1 << 5);
    assertEquals("none", rig.run(Mode.U, Rig.write(0x451)).level());
    assertEquals(5 << 16 | 5, file.top());
    assertEquals("none", rig.run(Mode.U, Rig.read(0x8b0)).level());
    assertEquals(9 << 16 | 1, rig.hart.x(10));
    assertTrue(rig.run(Mode.VS, Rig.read(0x451)).is("HU", Cause.VIRTUAL_INSTRUCTION));
    assertTrue(rig.run(Mode.VS, Rig.read(0x8b0)).is("HU", Cause.VIRTUAL_INSTRUCTION));
    for (int select : new int[] {0x30, 0x3e, 0, 0x6f, 0x81, 0xfff}) {
      rig.csr(Csr.VSISELECT, select); // no priorities, no odd numbers
      assertTrue(rig.run(Mode.U, Rig.read(0x451)).is("HS", Cause.ILLEGAL_INSTRUCTION));
    }
    rig.csr(Csr.HDVCTL, 0);
    for (int csr : new int[] {0x450, 0x451, 0x8b0}) {
      assertTrue(rig.run(Mode.U, Rig.read(csr)).is("HS", Cause.ILLEGAL_INSTRUCTION));
    }
  }

  /** The state of the host that AIA adds. */
  private Map<String, Long> hostState() {
    Map<String, Long> out = new TreeMap<>();
    for (int csr :
        new int[] {
          Csr.MISELECT, Csr.SISELECT, Csr.MVIEN, Csr.MVIP, Csr.HVIEN, Csr.HVICTL, Csr.HVIPRIO1,
          Csr.HVIPRIO2, Csr.HGEIE, Csr.HGEIP, Csr.HDVGEIN, Csr.HDVGOWNER, Csr.MTOPEI, Csr.STOPEI
        }) {
      out.put(Csr.name(csr), rig.csr(csr));
    }
    out.put("hvip beyond VS", rig.csr(Csr.HVIP) & ~0x444);
    out.put("mie of the host", rig.csr(Csr.MIE) & ~0x555);
    for (int i : new int[] {0, 2, 3}) {
      ImsicFile f = rig.hart.supervisorFiles().get(i);
      for (int select = ImsicFile.EIDELIVERY; select <= ImsicFile.LAST; select++) {
        if (ImsicFile.exists(select)) {
          out.put("file " + i + " " + select, f.access(select, 0, 0));
        }
      }
    }
    return out;
  }

  @Test
  void G2_hostileHypervisorAndGuestWriteAllCsrNumbersAndTheHostIsAsBefore() {
    rig.csr(Csr.SIE, 0);
    rig.csr(Csr.SISELECT, 5);
    for (int i : new int[] {0, 2, 3}) {
      rig.hart.supervisorFiles().get(i).access(ImsicFile.EIDELIVERY, -1, 0);
      rig.hart.supervisorFiles().get(i).post(40 + i);
    }
    Map<String, Long> before = hostState();
    for (int select : new int[] {ImsicFile.EIDELIVERY, ImsicFile.EIP0, 0x30}) {
      for (int csr = 0; csr < 4096; csr++) {
        for (Mode mode : new Mode[] {Mode.U, Mode.VS, Mode.VU}) {
          rig.csr(Csr.VSISELECT, select);
          rig.hart.x(11, -1);
          rig.run(mode, Rig.write(csr));
          rig.csr(Csr.MSTATUS, 1 << 13);
          rig.guestState();
        }
      }
    }
    assertEquals(before, hostState());
  }

  // ---- delivery

  @Test
  void G4_deviceInterruptReachesTheGuestWithoutAnExit() {
    rig.csr(Csr.HUVSSTATUS, 1 << 13 | 2);
    rig.bus.find(page(0, 1), 4).device().write(page(0, 1) - FILES, 4, IDENTITY);
    Landing l = guest("1: j 1b");
    assertTrue(l.is("VS", Cause.INTERRUPT | 9), l::toString);
    assertTrue(
        rig.run(Mode.VS, "csrrw a0, stopei, x0\ncsrr a2, sip\necall").is("HU", Cause.ECALL_VS));
    assertEquals(IDENTITY << 16 | IDENTITY, rig.hart.x(10));
    assertEquals(0, rig.hart.x(12) & 1 << 9);
  }

  @Test
  void fileOfAVcpuThatIsNotResidentTellsTheKernelWhoeverRuns() {
    rig.csr(Csr.HGEIE, 1 << 2); // the other VM's vCPU sleeps
    rig.csr(Csr.MIE, rig.csr(Csr.MIE) | 1 << 12);
    rig.hart.supervisorFiles().get(2).post(IDENTITY);
    Landing l = guest("1: j 1b");
    assertTrue(l.is("HS", Cause.INTERRUPT | Cause.SUPERVISOR_GUEST_EXTERNAL), l::toString);
    assertEquals(Cause.INTERRUPT | Cause.HOST_EVENT, rig.csr(Csr.UCAUSE));
    rig.hart.x(11, 0);
    rig.run(Mode.U, Rig.write(0x804)); // HU closes all it can
    l = rig.run(Mode.U, "1: j 1b");
    assertTrue(l.is("HS", Cause.INTERRUPT | Cause.SUPERVISOR_GUEST_EXTERNAL), l::toString);
  }

  @Test
  void G5_whatKvmLeftInItsRegistersDoesNotReachGuestsOfDvExt() {
    rig.csr(Csr.HVICTL, 1 << 30 | 1 << 16 | 1); // VTI: a software interrupt
    rig.csr(Csr.HVIEN, -1);
    rig.csr(Csr.HVIP, 1L << 40);
    rig.csr(Csr.HVIPRIO1, -1);
    rig.csr(Csr.HUVSSTATUS, 1 << 13 | 2);
    Landing l = guest("li a0, -1\ncsrw sie, a0\ncsrr a0, sip\ncsrr a2, stopi\necall");
    assertTrue(l.is("HU", Cause.ECALL_VS), l::toString);
    assertEquals(0, rig.hart.x(10) | rig.hart.x(12));
    assertEquals(0x222, rig.csr(Csr.HUVSIE));
  }

  /** A store that has passed the check when the file changes hands is not one of the next owner. */
  @Test
  void W6_hostileGuestStoresWhileItsFileIsTakenAway() throws InterruptedException {
    ImsicFile file = other.supervisorFiles().get(1);
    rig.stage2(PAGE, page(1, 1), RWXU);
    var over = new AtomicBoolean();
    Thread guest =
        Thread.ofPlatform()
            .start(
                () -> {
                  while (!over.get()) {
                    guest("1: sw a2, 0(a1)\nj 1b");
                  }
                });
    for (int round = 0; round < 3000; round++) {
      while (file.top() == 0) {
        assertTrue(guest.isAlive());
        Thread.onSpinWait();
      }
      owners.owner(1, 1, FOREIGN_VMID);
      file.claim();
      for (int i = 0; i < 200; i++) {
        assertEquals(0, file.top(), "a message of the owner before");
      }
      owners.owner(1, 1, VMID);
    }
    over.set(true);
    guest.join();
  }
}
