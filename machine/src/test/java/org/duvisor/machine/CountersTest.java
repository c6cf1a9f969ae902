package org.duvisor.machine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.duvisor.devices.chardev.CharBackend;
import org.duvisor.devices.fdt.Node;
import org.duvisor.isa.Cause;
import org.duvisor.isa.Csr;
import org.duvisor.isa.Extension;
import org.duvisor.isa.Extensions;
import org.duvisor.machine.board.Board;
import org.duvisor.machine.board.BoardConfig;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What counts when, and what comes of an overflow (privileged spec 3.1.10; Sscofpmf, Smcntrpmf).
 */
final class CountersTest {
  private static final long OF = 1L << 63;
  private static final long LCOFI = 1L << 13;

  /** M, S, U, VS, VU with the bit that keeps a counter from counting there. */
  private static final int[][] MODES = {
    {Hart.M, 0, 62}, {Hart.S, 0, 61}, {Hart.U, 0, 60}, {Hart.S, 1, 59}, {Hart.U, 1, 58}
  };

  private final HartFixture f = new HartFixture(HartFixture.WITH_H);

  private static int counter(int i) {
    return Csr.MHPMCOUNTER3 + i - 3;
  }

  private static int event(int i) {
    return Csr.MHPMEVENT3 + i - 3;
  }

  private void count(int i, CounterEvent event, long bits, long start) {
    f.csr(event(i), event.number() | bits);
    f.csr(counter(i), start);
    f.hart.retired++; // the write
  }

  private void retire(int instructions) {
    f.hart.retired += instructions;
    f.hart.counters.settle();
  }

  @ParameterizedTest
  @EnumSource
  void everyEventCanBeCounted(CounterEvent event) {
    for (int i = 3; i < 11; i++) {
      f.csr(event(i), event.number());
      assertEquals(event.number(), f.csr(event(i)));
    }
    assertTrue((event.counters() & 0x7f8) == 0x7f8);
  }

  @ParameterizedTest
  @ValueSource(longs = {3, 0x10018, 0x1001a, 0x10020, 0x100, 0x105, 0xfffff})
  void aNumberThatIsNoEventsIsNone(long number) {
    count(3, CounterEvent.TRAP, 0, 5);
    f.csr(event(3), number | OF);
    assertEquals(OF, f.csr(event(3)));
    retire(100);
    assertEquals(5, f.csr(counter(3)));
  }

  @Test
  void eachFilterIsAboutOneMode() {
    for (int[] filter : MODES) {
      long bit = 1L << filter[2];
      f.mode(Hart.M, false);
      count(3, CounterEvent.INSTRUCTION, bit, 0);
      count(4, CounterEvent.CYCLE, 0x1fL << 58 & ~bit, 0);
      f.csr(Csr.MCYCLECFG, bit);
      f.csr(Csr.MINSTRETCFG, 0x1fL << 58 & ~bit);
      long[] before = counts();
      for (int[] mode : MODES) {
        f.mode(mode[0], mode[1] != 0);
        retire(10);
      }
      long[] after = counts();
      assertEquals(40, after[0] - before[0], "all but one, with bit " + filter[2]);
      assertEquals(10, after[1] - before[1], "that one alone");
      assertEquals(40, after[2] - before[2], "mcycle");
      assertEquals(10, after[3] - before[3], "minstret");
    }
  }

  private long[] counts() {
    return new long[] {
      f.csr(counter(3)), f.csr(counter(4)), f.csr(Csr.MCYCLE), f.csr(Csr.MINSTRET)
    };
  }

  @Test
  void anInhibitedCounterStandsStill() {
    count(3, CounterEvent.INSTRUCTION, 0, 100);
    count(4, CounterEvent.INSTRUCTION, 0, 100);
    f.csr(Csr.MCOUNTINHIBIT, 1 << 3);
    retire(7);
    assertEquals(100, f.csr(counter(3)) - 1, "the write of counter 4");
    assertEquals(107, f.csr(counter(4)));
    f.csr(Csr.MCOUNTINHIBIT, 0);
    retire(3);
    assertEquals(104, f.csr(counter(3)));
    assertEquals(110, f.csr(counter(4)));
  }

  @Test
  void changingTheEventKeepsWhatWasCounted() {
    count(3, CounterEvent.INSTRUCTION, 0, 0);
    f.hart.retired += 9;
    f.csr(event(3), CounterEvent.TRAP.number());
    f.hart.retired += 9;
    assertEquals(9, f.csr(counter(3)));
    f.hart.traps.enter(Cause.BREAKPOINT, 0);
    assertEquals(10, f.csr(counter(3)));
  }

  @Test
  void anOverflowInterruptsOnceUntilItsBitIsCleared() {
    count(3, CounterEvent.INSTRUCTION, 0, -5);
    assertEquals(f.hart.retired + 5, f.hart.counters.deadline());
    retire(4);
    assertEquals(0, f.csr(Csr.MIP) & LCOFI);
    assertEquals(0, f.csr(Csr.SCOUNTOVF));
    retire(1);
    assertEquals(LCOFI, f.csr(Csr.MIP) & LCOFI);
    assertEquals(OF | CounterEvent.INSTRUCTION.number(), f.csr(event(3)));
    assertEquals(1 << 3, f.csr(Csr.SCOUNTOVF));
    assertEquals(0, f.csr(counter(3)), "and goes on");

    f.csr(Csr.MIP, 0);
    f.csr(counter(3), -1);
    f.hart.retired++;
    retire(5);
    assertEquals(4, f.csr(counter(3)));
    assertEquals(0, f.csr(Csr.MIP) & LCOFI, "OF is still set");
    f.csr(event(3), CounterEvent.INSTRUCTION.number());
    f.csr(counter(3), -1);
    f.hart.retired++;
    retire(1);
    assertEquals(LCOFI, f.csr(Csr.MIP) & LCOFI);
  }

  @Test
  void otherEventsOverflowWhenTheyHappen() {
    count(5, CounterEvent.DTLB_READ_MISS, 0, -2);
    count(6, CounterEvent.DTLB_WRITE_MISS, 0, -1);
    f.loadCause(HartFixture.RAM);
    f.hart.counters.settle();
    assertEquals(0, f.csr(Csr.SCOUNTOVF));
    f.loadCause(HartFixture.RAM + 0x1000);
    f.hart.counters.settle();
    assertEquals(1 << 5, f.csr(Csr.SCOUNTOVF));
    f.storeCause(HartFixture.RAM);
    f.hart.counters.settle();
    assertEquals(3 << 5, f.csr(Csr.SCOUNTOVF));
    assertEquals(LCOFI, f.csr(Csr.MIP) & LCOFI);
  }

  @Test
  void anOverflowBySoftwareIsNone() {
    count(3, CounterEvent.INSTRUCTION, OF, 0);
    count(4, CounterEvent.INSTRUCTION, 0, 0);
    assertEquals(0, f.csr(Csr.MIP) & LCOFI);
    assertEquals(1 << 3, f.csr(Csr.SCOUNTOVF));
  }

  @Test
  void overflowsAreSeenWhereTheCountersMayBe() {
    f.csr(event(3), OF);
    f.csr(event(10), OF);
    f.csr(Csr.MCOUNTEREN, 1 << 3);
    f.csr(Csr.HCOUNTEREN, -1);
    assertEquals(1 << 3 | 1 << 10, f.csr(Csr.SCOUNTOVF), "M");
    assertEquals(1 << 3, f.mode(Hart.S, false).hart.csrs.readChecked(Csr.SCOUNTOVF), "HS");
    assertEquals(1 << 3, f.mode(Hart.S, true).hart.csrs.readChecked(Csr.SCOUNTOVF), "VS");
    f.csr(Csr.HCOUNTEREN, 1 << 10);
    assertEquals(0, f.hart.csrs.readChecked(Csr.SCOUNTOVF), "VS");
  }

  @Test
  void theInterruptGoesWhereItIsDelegated() {
    f.csr(Csr.MIP, LCOFI);
    f.csr(Csr.MIE, LCOFI);
    f.mode(Hart.S, false);
    f.csr(Csr.SIE, 0);
    assertEquals(LCOFI, f.csr(Csr.MIE), "not of S");
    f.hart.traps.takeInterrupt();
    f.assertMode(Hart.M, false);
    assertEquals(Cause.INTERRUPT | Cause.COUNTER_OVERFLOW, f.csr(Csr.MCAUSE));

    f.csr(Csr.MIDELEG, LCOFI);
    f.mode(Hart.U, false);
    assertEquals(LCOFI, f.csr(Csr.SIP));
    f.hart.traps.takeInterrupt();
    f.assertMode(Hart.S, false);
    assertEquals(Cause.INTERRUPT | Cause.COUNTER_OVERFLOW, f.csr(Csr.SCAUSE));
    f.hart.csrs.writeChecked(Csr.SIP, 0);
    assertEquals(0, f.csr(Csr.MIP));
  }

  /** AIA has an order of its own, in which it comes after software's and the timer's. */
  @Test
  void withAiaItHasItsPlaceInTheOrder() {
    HartFixture a = new HartFixture(HartFixture.WITH_H.withGuestFiles(1));
    a.csr(Csr.MIE, -1);
    a.csr(Csr.MIP, LCOFI | 2);
    assertEquals(Cause.SUPERVISOR_SOFTWARE, a.csr(Csr.MTOPI) >>> 16);
    a.csr(Csr.MIP, LCOFI);
    assertEquals(Cause.COUNTER_OVERFLOW, a.csr(Csr.MTOPI) >>> 16);
    a.csr(Csr.MIDELEG, -1);
    assertEquals(Cause.COUNTER_OVERFLOW, a.csr(Csr.STOPI) >>> 16);
  }

  @Test
  void withoutSscofpmfACounterWrapsAndThatIsAll() {
    HartFixture plain =
        new HartFixture(new HartConfig(Extensions.max().without(Extension.SSCOFPMF)));
    plain.csr(Csr.MHPMEVENT3, -1L << 20 | CounterEvent.INSTRUCTION.number());
    assertEquals(CounterEvent.INSTRUCTION.number(), plain.csr(Csr.MHPMEVENT3));
    plain.csr(Csr.MHPMCOUNTER3, -1);
    plain.hart.retired += 3;
    plain.hart.counters.settle();
    assertEquals(1, plain.csr(Csr.MHPMCOUNTER3));
    plain.csr(Csr.MIP, LCOFI);
    plain.csr(Csr.MIE, LCOFI);
    assertEquals(0, (plain.csr(Csr.MIP) | plain.csr(Csr.MIE)) & LCOFI);
  }

  @Test
  void aResetClearsThem() {
    count(3, CounterEvent.INSTRUCTION, 0, -5);
    f.hart.reset(0);
    f.hart.retired += 100;
    assertEquals(0, f.csr(counter(3)));
    assertEquals(100, f.csr(Csr.MCYCLE));
  }

  // ---- the device tree

  private static Node tree(Extensions extensions) {
    HartConfig hart = new HartConfig(extensions);
    try (Board board =
        new Board(BoardConfig.of(1, 8 << 20, CharBackend.none()).hart(hart).build())) {
      return board.deviceTree();
    }
  }

  private static List<Integer> cells(Node node, String property) {
    List<Integer> cells = new ArrayList<>();
    ByteBuffer bytes = MemorySegment.ofArray(node.property(property).orElseThrow()).asByteBuffer();
    while (bytes.hasRemaining()) {
      cells.add(bytes.getInt());
    }
    return cells;
  }

  @Test
  void theDeviceTreeSaysWhichCountersCountWhat() {
    Node pmu = tree(Extensions.max()).find("/pmu").orElseThrow();
    List<Integer> counters = cells(pmu, "riscv,event-to-mhpmcounters");
    assertEquals(List.of(1, 1, 0x7f9, 2, 2, 0x7fc), counters.subList(0, 6));
    List<Integer> selectors = cells(pmu, "riscv,event-to-mhpmevent");
    List<Integer> raw = cells(pmu, "riscv,raw-event-to-mhpmcounters");
    assertEquals(CounterEvent.values().length, counters.size() / 3 + raw.size() / 5);
    assertEquals(counters.size(), selectors.size());
    for (int i = 0; i < raw.size(); i += 5) {
      assertEquals(List.of(-1, -1, 0x7f8), raw.subList(i + 2, i + 5));
    }
    assertFalse(tree(Extensions.max().without(Extension.ZIHPM)).find("/pmu").isPresent());
  }
}
