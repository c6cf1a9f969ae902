package org.duvisor.machine.adversary;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import org.duvisor.isa.Cause;
import org.duvisor.isa.Csr;
import org.duvisor.machine.CounterEvent;
import org.duvisor.machine.adversary.Rig.Landing;
import org.duvisor.machine.adversary.Rig.Mode;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * A guest, or a process, that wants to see or to bend what the host counts (privileged spec 3.1.11,
 * 21.2.4; Sscofpmf).
 */
final class HostileCountersTest {
  private static final long OF = 1L << 63;
  private static final long GUEST = 3L << 58; // VSINH and VUINH
  private static final long LCOFI = 1L << 13;

  private final Rig rig = new Rig();

  private long[] configuration() {
    int[] csrs = {Csr.MCOUNTINHIBIT, Csr.MCYCLECFG, Csr.MINSTRETCFG, Csr.MIE, Csr.MIP};
    return Arrays.stream(csrs).mapToLong(rig::csr).toArray();
  }

  private void count(CounterEvent event, long bits) {
    rig.csr(Csr.MHPMEVENT3, event.number() | bits);
    rig.csr(Csr.MHPMCOUNTER3, 1000);
  }

  @ParameterizedTest
  @EnumSource(names = {"U", "VS", "VU"})
  void nobodyBelowSetsUpACounter(Mode mode) {
    count(CounterEvent.GUEST_EXIT, 0);
    rig.csr(Csr.MHPMEVENT3, CounterEvent.GUEST_EXIT.number() | OF | GUEST);
    long event = rig.csr(Csr.MHPMEVENT3);
    long[] before = configuration();
    for (int csr = 0; csr < 4096; csr++) {
      boolean counter = csr >= 0xb00 && csr < 0xb20 || csr >= 0x320 && csr < 0x340;
      if (counter || csr >= 0xc00 && csr < 0xc20 || csr == Csr.SCOUNTOVF) {
        rig.guestState();
        rig.hart.x(11, -1);
        Landing l = rig.run(mode, Rig.write(csr));
        assertNotEquals("none", l.level(), Csr.name(csr));
      }
    }
    assertEquals(event, rig.csr(Csr.MHPMEVENT3));
    assertEquals(1000, rig.csr(Csr.MHPMCOUNTER3), "exits of a guest that is not counted");
    assertEquals(Arrays.toString(before), Arrays.toString(configuration()));
  }

  @Test
  void aGuestReadsTheCountersThatItIsGivenAndSeesTheirOverflows() {
    rig.csr(Csr.MHPMEVENT3, OF);
    rig.csr(Csr.MHPMEVENT3 + 1, OF);
    rig.csr(Csr.HUCOUNTEREN, 1 << 4);
    String first = ".word " + Rig.read(0xc03);
    String second = ".word " + Rig.read(0xc04);
    String overflows = ".word " + Rig.read(Csr.SCOUNTOVF);
    assertTrue(rig.run(Mode.VS, first).is("HU", Cause.VIRTUAL_INSTRUCTION));
    rig.csr(Csr.HUSTATUS, 0x180);
    assertEquals("none", rig.run(Mode.VS, second).level());
    assertTrue(rig.run(Mode.VS, overflows + "\necall").is("HU", Cause.ECALL_VS));
    assertEquals(1 << 4, rig.hart.x(10), "not the overflow of a counter that it may not read");
    assertEquals("HU", rig.run(Mode.VU, overflows).level());
    rig.csr(Csr.SCOUNTEREN, 1 << 3); // the kernel withholds what the hypervisor gives
    assertTrue(rig.run(Mode.VS, overflows + "\necall").is("HU", Cause.ECALL_VS));
    assertEquals(0, rig.hart.x(10));
  }

  @Test
  void whatAGuestDoesIsNotCountedWhereTheHostDoesNotWantIt() {
    count(CounterEvent.INSTRUCTION, GUEST);
    long before = rig.csr(Csr.MHPMCOUNTER3);
    for (Mode mode : new Mode[] {Mode.VS, Mode.VU}) {
      assertEquals("none", rig.run(mode, "1: addi a0, a0, 1\n j 1b").level());
    }
    assertEquals(before, rig.csr(Csr.MHPMCOUNTER3));
    assertEquals("none", rig.run(Mode.U, "1: addi a0, a0, 1\n j 1b").level());
    long counted = rig.csr(Csr.MHPMCOUNTER3) - before;
    assertTrue(counted >= 200 && counted <= 200 + 64, counted + " of 200");
  }

  @Test
  void aGuestNeitherHasNorHidesTheInterruptOfTheHost() {
    rig.csr(Csr.HIDELEG, -1);
    rig.csr(Csr.SIE, LCOFI);
    count(CounterEvent.INSTRUCTION, 0);
    rig.csr(Csr.MHPMCOUNTER3, -50);
    Landing l =
        rig.run(Mode.VS, "csrw sie, x0\ncsrw sip, x0\n2: csrr a0, sip\nor a1, a1, a0\n j 2b");
    assertTrue(l.is("HS", Cause.INTERRUPT | Cause.COUNTER_OVERFLOW), l + "");
    assertEquals(0, rig.hart.x(11) & LCOFI, "and nothing of it in sip");
    assertEquals(LCOFI, rig.csr(Csr.SIE) & LCOFI);
    assertEquals(LCOFI, rig.csr(Csr.SIP) & LCOFI);
  }
}
