package org.duvisor.hypervisor.exit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.ValueLayout;
import java.util.List;
import org.duvisor.hypervisor.fake.FakeDriver;
import org.duvisor.hypervisor.fake.Rig;
import org.duvisor.isa.Csr;
import org.junit.jupiter.api.Test;

/** Guest page faults: RAM, devices, and the ways of a hostile guest to hit neither. */
class GuestPageFaultTest {
  private static final int LD_A0 =
      0x0000_3503; // ld a0, 0(x0): the transformed form has no base and no offset
  private static final int LB_A0 = 0x0000_0503;
  private static final int LWU_A0 = 0x0000_6503;
  private static final int SW_A1 = 0x00B0_2023;
  private static final int SB_A1 = 0x00B0_0023;
  private static final int FLD = 0x0000_3507;
  private static final int AMOADD = 0x00B0_252F;
  private static final int COMPRESSED = ~2;
  private static final long PC = Rig.RAM + 0x100;
  private static final long VA = 0xFFFF_FFC0_1000_0000L;

  private final Rig rig = new Rig(1);

  /** A fault at a device register, with VA and GPA equal in the low 12 bits. */
  private static FakeDriver.Guest fault(int cause, long offset, long inst) {
    return h -> {
      h.csr(Csr.UEPC, PC);
      h.csr(Csr.HUVSTVEC, Rig.RAM + 0x4000);
      h.x(11, 0x1122_3344_5566_7788L);
      h.exit(cause, VA + offset, Rig.DEVICE + offset >>> 2, inst);
    };
  }

  private static FakeDriver.Guest continuedAt(long pc) {
    return h -> assertEquals(Long.toHexString(pc), Long.toHexString(h.csr(Csr.UEPC)));
  }

  /** The guest is in its trap handler. */
  private static FakeDriver.Guest trapped(int cause, long tval) {
    return h -> {
      assertEquals(cause, h.csr(Csr.HUVSCAUSE));
      assertEquals(Long.toHexString(tval), Long.toHexString(h.csr(Csr.HUVSTVAL)));
      assertEquals(PC, h.csr(Csr.HUVSEPC));
      assertEquals(Rig.RAM + 0x4000, h.csr(Csr.UEPC));
      assertTrue((h.csr(Csr.HUVSSTATUS) & 1 << 8) != 0, "SPP");
    };
  }

  private static final String FENCE = "gvma " + Long.toHexString(Rig.RAM + 0x1234);

  @Test
  void ramIsMappedOnDemandByTheLargestLeaf() {
    rig.once(
        h -> h.exit(21, Rig.RAM + 0x1234, Rig.RAM + 0x1234 >>> 2, 0),
        h -> {
          assertEquals(Rig.RAM, h.csr(Csr.UEPC), "the access is tried again");
          assertFalse(h.fences.contains(FENCE));
        });
    assertEquals(1, rig.loops.getFirst().stats().count(ExitKind.STAGE2_FILL));
  }

  /** A hart may remember that there was nothing, until it is told. */
  @Test
  void aHartThatFaultsAgainIsFenced() {
    int[] step = {0};
    rig.run(
        h -> {
          if (step[0]++ < 2) {
            h.exit(21, Rig.RAM + 0x1234, Rig.RAM + 0x1234 >>> 2, 0);
          } else {
            assertTrue(h.fences.contains(FENCE));
            h.ecall(8, 0);
          }
        });
    assertEquals(1, rig.loops.getFirst().stats().count(ExitKind.STAGE2_FILL));
    assertEquals(1, rig.loops.getFirst().stats().count(ExitKind.STAGE2_SPURIOUS));
  }

  @Test
  void loadsGoToTheDeviceAndAreExtended() {
    rig.device.value = 0xF1F2_F3F4_F5F6_F7F8L;
    rig.once(
        fault(21, 8, LD_A0),
        continuedAt(PC + 4).andThen(h -> assertEquals(0xF1F2_F3F4_F5F6_F7F8L, h.x(10))));
    Rig second = new Rig(1);
    second.device.value = 0xF8;
    second.once(fault(21, 3, LB_A0), h -> assertEquals(-8, h.x(10)));
    Rig third = new Rig(1);
    third.device.value = 0xF5F6_F7F8L;
    third.once(fault(21, 4, LWU_A0), h -> assertEquals(0xF5F6_F7F8L, h.x(10)));
    assertEquals(List.of("r4 4"), third.device.log);
  }

  @Test
  void storesGoToTheDevice() {
    rig.once(fault(23, 0x14, SW_A1), continuedAt(PC + 4));
    assertEquals(List.of("w4 14 55667788"), rig.device.log);
  }

  @Test
  void compressedInstructionsAreTwoBytesLong() {
    rig.once(fault(23, 4, SW_A1 & COMPRESSED), continuedAt(PC + 2));
    assertEquals(List.of("w4 4 55667788"), rig.device.log);
  }

  @Test
  void hostileAccessesToDevicesAreAccessFaults() {
    record Case(String adversary, int cause, long offset, long inst, int expected) {}
    List<Case> cases =
        List.of(
            new Case("misaligned", 21, 2, LD_A0, 5),
            new Case("misaligned store", 23, 1, SW_A1, 7),
            new Case(
                "second half of an access that crosses into the page", 21, 0, LD_A0 | 4 << 15, 5),
            new Case("behind the device", 21, 0x1000, LD_A0, 5),
            new Case("over the end of the device", 21, 0xFFF, LWU_A0, 5),
            new Case("floating point", 21, 8, FLD, 5),
            new Case("atomic", 23, 8, AMOADD, 7),
            new Case("execution", 20, 0, 0, 1),
            new Case("stage-1 table in a device, read", 21, 0, 0x3000, 5),
            new Case("stage-1 table in a device, A and D bits", 23, 0, 0x3020, 7),
            new Case("stage-1 table in a device, while fetching", 20, 0, 0x3000, 1),
            new Case("a store that says it is a load", 23, 0, LD_A0, 7),
            new Case("a load that says it is a store", 21, 0, SB_A1, 5),
            new Case("no load at all", 21, 0, 0x13, 5));
    for (Case c : cases) {
      Rig r = new Rig(1);
      r.once(fault(c.cause, c.offset, c.inst), trapped(c.expected, VA + c.offset));
      assertEquals(List.of(), r.device.log, c.adversary);
      assertEquals(1, r.loops.getFirst().stats().count(ExitKind.INJECTED), c.adversary);
    }
  }

  @Test
  void instructionIsFetchedWhenTheHartDoesNotTell() {
    rig.ram.slice(PC, 8).set(ValueLayout.JAVA_INT_UNALIGNED, 0, 0x00B6_2A23); // sw a1, 20(a2)
    rig.once(
        h -> {
          h.x(12, Rig.DEVICE);
          h.x(11, 5);
          h.csr(Csr.UEPC, PC);
          h.exit(23, Rig.DEVICE + 20, Rig.DEVICE + 20 >>> 2, 0);
        },
        continuedAt(PC + 4));
    assertEquals(List.of("w4 14 5"), rig.device.log);
    Rig second = new Rig(1);
    second
        .ram
        .slice(PC, 8)
        .set(ValueLayout.JAVA_SHORT_UNALIGNED, 0, (short) 0xCA4C); // c.sw a1, 20(a2)
    second.once(
        h -> {
          h.x(12, Rig.DEVICE);
          h.x(11, 5);
          h.csr(Csr.UEPC, PC);
          h.exit(23, Rig.DEVICE + 20, Rig.DEVICE + 20 >>> 2, 0);
        },
        continuedAt(PC + 2));
    assertEquals(List.of("w4 14 5"), second.device.log);
  }

  @Test
  void crossingAccessIsRefusedWhenFetchedToo() {
    rig.ram.slice(PC, 8).set(ValueLayout.JAVA_INT_UNALIGNED, 0, 0x0006_3503); // ld a0, 0(a2)
    rig.once(
        h -> {
          h.x(12, VA - 4);
          h.csr(Csr.UEPC, PC);
          h.csr(Csr.HUVSTVEC, Rig.RAM + 0x4000);
          h.exit(21, VA, Rig.DEVICE >>> 2, 0);
        },
        trapped(5, VA));
    assertEquals(List.of(), rig.device.log);
  }

  @Test
  void guestThatTakesAwayItsCodeMeanwhileGetsItsOwnPageFault() {
    rig.once(
        h -> {
          h.csr(Csr.UEPC, PC);
          h.csr(Csr.HUVSTVEC, Rig.RAM + 0x4000);
          h.csr(Csr.HUVSATP, 8L << 60 | Rig.RAM + 0x10_0000 >>> 12); // a root of zeros
          h.exit(21, VA, Rig.DEVICE >>> 2, 0);
        },
        trapped(12, PC));
  }

  @Test
  void endlessFaultsOnMappedMemoryEndTheVm() {
    rig.run(h -> h.exit(21, Rig.RAM, Rig.RAM >>> 2, 0));
    assertEquals(1, rig.endings.size());
    assertTrue(
        rig.endings.getFirst().startsWith("crash vCPU 0: guest-physical address 0x80000000"));
  }

  @Test
  void guestWithoutATrapVectorEndsTheVmWithAReport() {
    rig.run(
        h -> {
          h.csr(Csr.UEPC, 0);
          h.exit(20, 0, 0, 0);
        });
    String report = rig.endings.getFirst();
    assertTrue(
        report.startsWith("crash vCPU 0: the guest's trap vector cannot be fetched"), report);
    assertTrue(report.contains("vscause   0000000000000001"), report);
    assertTrue(report.contains("ucause 0000000000000014 at pc 0000000000000000"), report);
  }

  /** A register is written last: x0 stays 0. */
  @Test
  void loadToX0OnlyReads() {
    rig.device.value = -1;
    rig.once(fault(21, 0, 0x3003), h -> assertEquals(0, h.x(0)));
    assertEquals(List.of("r8 0"), rig.device.log);
  }
}
