package org.duvisor.hypervisor.exit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.ValueLayout;
import java.util.List;
import org.duvisor.hypervisor.fake.FakeHart;
import org.duvisor.hypervisor.fake.Rig;
import org.duvisor.isa.Csr;
import org.junit.jupiter.api.Test;

/** Cause 22: waiting, and everything else. */
class VirtualInstructionTest {
  private static final long WFI = 0x10500073;
  private static final long PC = Rig.RAM + 0x100;

  private final Rig rig = new Rig(1);

  private static void wfi(FakeHart h) {
    h.csr(Csr.UEPC, PC);
    h.exit(22, WFI, 0, 0);
  }

  @Test
  void wfiReturnsAtOnceWhenAnEnabledInterruptIsPending() {
    rig.once(
        h -> {
          h.csr(Csr.HUVSIE, 2);
          h.csr(Csr.HUVIP, 4);
          wfi(h);
        },
        h -> {
          assertEquals(PC + 4, h.csr(Csr.UEPC));
          assertEquals(List.of(), h.idles);
        });
  }

  @Test
  void wfiWaitsForTheGuestsTimer() {
    rig.driver.advance(5000);
    rig.once(
        h -> {
          rig.driver.advance(77);
          h.csr(Csr.HUVSIE, 1 << 5);
          h.csr(Csr.HUVSTIMECMP, 100);
          rig.driver.kick(0);
          wfi(h);
        },
        h -> assertEquals(List.of(6000L + 100), h.idles));
  }

  @Test
  void wfiWithAnExpiredTimerDoesNotWait() {
    rig.once(
        h -> {
          rig.driver.advance(77);
          h.csr(Csr.HUVSIE, 1 << 5);
          h.csr(Csr.HUVSTIMECMP, 77);
          wfi(h);
        },
        h -> assertEquals(List.of(), h.idles));
  }

  /** The timer goes off before the first, the second, ... of the registers that WFI looks at. */
  @Test
  void wfiSeesATimerThatGoesOffWhileItLooks() {
    int looked = 1;
    for (int moment = 0; moment < looked; moment++) {
      Rig r = new Rig(1);
      int[] left = {moment};
      int[] reads = {0};
      r.once(
          h -> {
            h.csr(Csr.HUVSIE, 1 << 5);
            h.csr(Csr.HUVSTIMECMP, 100);
            h.beforeRead =
                csr -> {
                  reads[0]++;
                  if (left[0]-- == 0) {
                    r.driver.advance(101);
                  }
                };
            r.driver.kick(0); // or it would wait for ever
            wfi(h);
          },
          h -> {
            h.beforeRead = csr -> {};
            assertTrue(
                h.idles.stream().allMatch(until -> until >= 0 && until <= 1101), h.idles + "");
          });
      looked = Math.max(looked, reads[0]);
    }
    assertTrue(looked > 4, "looks at " + looked);
  }

  @Test
  void farTimersAndDisabledTimersAreNoDeadline() {
    long[][] cases = {{-1, 1 << 5}, {-2, 1 << 5}, {100, 0}, {100, 1 << 9}};
    for (long[] c : cases) {
      Rig r = new Rig(1);
      r.once(
          h -> {
            h.csr(Csr.HUVSIE, c[1]);
            h.csr(Csr.HUVSTIMECMP, c[0]);
            r.driver.kick(0);
            wfi(h);
          },
          h -> assertEquals(List.of(-1L), h.idles));
    }
  }

  @Test
  void wfiSeesAPostAndAnExternalInterruptThatCameBefore() {
    rig.once(
        h -> {
          rig.vcpus.get(0).external(true);
          h.csr(Csr.HUVSIE, 1 << 9);
          wfi(h);
        },
        h -> assertEquals(List.of(), h.idles));
    Rig second = new Rig(1);
    second.once(
        h -> {
          h.csr(Csr.VIPI0, 1);
          h.csr(Csr.HUVSIE, 2);
          wfi(h);
        },
        h -> {
          assertEquals(List.of(), h.idles);
          assertEquals(4, h.csr(Csr.HUVIP));
          assertEquals(0, second.driver.posts());
        });
  }

  /** A spinning guest goes on, in VS and in VU, and does not sleep: nobody would wake it. */
  @Test
  void aStallGivesTheHartAwayAndGoesOn() {
    for (long mode : new long[] {0, 1 << 8}) {
      Rig r = new Rig(1);
      r.once(
          h -> {
            h.csr(Csr.UEPC, PC);
            h.csr(Csr.HUSTATUS, h.csr(Csr.HUSTATUS) & ~(1 << 8) | mode);
            h.exit(22, 0x00D00073, 0, 0);
          },
          h -> {
            assertEquals(PC + 4, h.csr(Csr.UEPC));
            assertEquals(mode, h.csr(Csr.HUSTATUS) & 1 << 8);
            assertEquals(0, h.csr(Csr.HUVSCAUSE));
            assertEquals(List.of(), h.idles);
          });
    }
  }

  @Test
  void wfiOfUserModeIsIllegal() {
    rig.once(
        h -> {
          wfi(h);
          h.csr(Csr.HUVSTVEC, Rig.RAM + 0x4001);
          h.csr(Csr.HUVSSTATUS, 2);
          h.csr(Csr.HUSTATUS, h.csr(Csr.HUSTATUS) & ~(1 << 8));
        },
        h -> {
          assertEquals(2, h.csr(Csr.HUVSCAUSE));
          assertEquals(WFI, h.csr(Csr.HUVSTVAL));
          assertEquals(1 << 5, h.csr(Csr.HUVSSTATUS), "SPIE from SIE, SPP from VU");
          assertEquals(
              Rig.RAM + 0x4000, h.csr(Csr.UEPC), "exceptions go to the base, vectored or not");
          assertEquals(1 << 8, h.csr(Csr.HUSTATUS) & 1 << 8, "to VS");
        });
  }

  @Test
  void everythingElseIsIllegal() {
    for (long instruction : new long[] {0x60002573L, 0x62000073L, 0xC8302573L, 0xFFFF_FFFFL}) {
      Rig r = new Rig(1);
      r.once(
          h -> h.exit(22, instruction, 0, 0),
          h -> {
            assertEquals(2, h.csr(Csr.HUVSCAUSE));
            assertEquals(instruction, h.csr(Csr.HUVSTVAL));
            assertEquals(Rig.RAM, h.csr(Csr.HUVSEPC));
          });
    }
  }

  /** Zicntr and Zihpm of the guest's device tree, where the host's scounteren is less. */
  @Test
  void countersOfTheHostDoNotCount() {
    long mayRead = 1 << 3;
    for (boolean user : new boolean[] {false, true}) {
      for (int csr : new int[] {0xBFF, 0xC00, 0xC01, 0xC02, 0xC03, 0xC04, 0xC1F, 0xC20}) {
        for (int operation : new int[] {0x2573, 0x3573, 0x6573, 0x7573, 0x1573, 0xA573}) {
          boolean counter = csr >= 0xC00 && csr <= 0xC1F && csr != 0xC01;
          boolean reads = operation != 0x1573 && operation != 0xA573;
          boolean gives = counter && reads && (!user || (mayRead >>> (csr & 31) & 1) != 0);
          var fresh = new Rig(1);
          fresh.once(
              h -> {
                long mode = user ? 0 : 1 << 8;
                h.csr(Csr.HUSTATUS, h.csr(Csr.HUSTATUS) & ~(1 << 8) | mode);
                h.csr(Csr.HUVSCOUNTEREN, mayRead);
                h.csr(Csr.UEPC, PC);
                h.x(10, 5);
                h.exit(22, ((long) csr << 20 | operation) & 0xFFFF_FFFFL, 0, 0);
              },
              h -> {
                assertEquals(gives ? PC + 4 : 0, h.csr(Csr.UEPC));
                assertEquals(gives ? 0 : 5, h.x(10));
              });
        }
      }
    }
  }

  @Test
  void instructionIsFetchedWhenTheHartDoesNotTell() {
    rig.ram.slice(PC, 4).set(ValueLayout.JAVA_INT_UNALIGNED, 0, (int) WFI);
    rig.once(
        h -> {
          h.csr(Csr.HUVSIE, 2);
          h.csr(Csr.HUVIP, 4);
          h.csr(Csr.UEPC, PC);
          h.exit(22, 0, 0, 0);
        },
        h -> assertEquals(PC + 4, h.csr(Csr.UEPC)));
  }

  /** With AIA, priorities of major interrupts are there and read 0; for others they are not. */
  @Test
  void prioritiesAreReadOnlyZero() {
    for (boolean aia : new boolean[] {true, false}) {
      for (int select : new int[] {0x2f, 0x30, 0x31, 0x3e, 0x3f, 0x40}) {
        boolean exists = aia && select >= 0x30 && select <= 0x3f && (select & 1) == 0;
        for (int instruction : new int[] {0x151015f3, 0x15151573, 0x1510e5f3}) {
          var fresh = new Rig(1);
          fresh.once(
              h -> {
                fresh.vcpus.get(0).interruptFile(aia ? 1 : 0);
                h.csr(Csr.HUVSISELECT, select);
                h.csr(Csr.UEPC, PC);
                h.x(10, 5);
                h.x(11, 5);
                h.exit(22, instruction & 0xFFFF_FFFFL, 0, 0);
              },
              h -> {
                assertEquals(exists ? PC + 4 : 0, h.csr(Csr.UEPC));
                assertEquals(exists ? 0 : 5, h.x(instruction >>> 7 & 31));
              });
        }
      }
    }
  }
}
