package org.duvisor.machine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import java.util.function.Consumer;
import java.util.stream.Stream;
import org.duvisor.isa.Csr;
import org.duvisor.machine.semantics.InMemory;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * A reservation ends with the regime under which it was made. The adversary is a guest that watches
 * memory which was its own, by WRS or SC, after the memory has been given to somebody else.
 */
class ReservationTest {
  private static final long ADDRESS = HartFixture.RAM + 0x1000;

  static Stream<Arguments> events() {
    return Stream.of(
        event("an interrupt", h -> interrupt(h)),
        event("an exception", h -> h.traps.enter(8, HartFixture.RAM)),
        event("mret", h -> h.privileged().mret()),
        event("sret", h -> h.privileged().sret()),
        event("a fence of everything", h -> h.mmu.fenceHost(true, 0, -1)),
        event("a fence of one page", h -> h.mmu.fenceHost(false, ADDRESS, -1)),
        event("a fence of a page of the guest", h -> h.mmu.fenceGuest(false, ADDRESS, -1)),
        event("a fence of stage 2", h -> h.mmu.fenceStage2(-1)),
        event("a flush", h -> h.mmu.flushAll()),
        event("satp", h -> h.csrs.writeChecked(Csr.SATP, 8L << 60)),
        event("hgatp", h -> h.csrs.writeChecked(Csr.HGATP, 8L << 60)),
        event("a mode that a debugger sets", h -> h.setMode(Hart.S, true)));
  }

  private static Arguments event(String name, Consumer<Hart> what) {
    return Arguments.of(name, what);
  }

  private static void interrupt(Hart h) {
    h.csrs.writeChecked(Csr.MIE, 1 << 3);
    h.csrs.writeChecked(Csr.MSTATUS, h.csrs.readChecked(Csr.MSTATUS) | 1 << 3);
    h.wire(3, true);
    h.reservedHost(0);
    InMemory.lr_d(h, host(h));
    h.traps.takeInterrupt();
  }

  private static long host(Hart h) {
    return h.memory.host(ADDRESS, 8, true);
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("events")
  void aReservationDoesNotOutlive(String name, Consumer<Hart> event) {
    Hart h = new HartFixture(HartFixture.WITH_H).hart;
    InMemory.lr_d(h, host(h));
    assertNotEquals(0, h.reservedHost());
    event.accept(h);
    assertEquals(0, h.reservedHost());
    assertEquals(1, InMemory.sc_d(h, host(h), 5), "the SC must fail");
  }
}
