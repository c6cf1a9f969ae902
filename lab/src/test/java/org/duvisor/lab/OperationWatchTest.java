package org.duvisor.lab;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import org.duvisor.devices.MmioBus;
import org.duvisor.devices.images.ElfImage;
import org.duvisor.isa.Cause;
import org.duvisor.lab.OperationWatch.Sample;
import org.duvisor.machine.Hart;
import org.duvisor.machine.HartConfig;
import org.duvisor.machine.Mode;
import org.duvisor.machine.dv.Posts;
import org.duvisor.machine.interp.Interpreter;
import org.duvisor.machine.mem.PhysicalMemory;
import org.junit.jupiter.api.Test;

/** What counts as an operation, and as its end. */
final class OperationWatchTest {
  private static final Path GUEST = Path.of("../guest/images/micro.elf");
  private static final long INTERRUPT = Cause.INTERRUPT;

  private final ElfImage guest = ElfImage.open(GUEST);
  private final List<Hart> harts = List.of(hart(0), hart(1));
  private final OperationWatch watch = new OperationWatch(guest, h -> h.retired, _ -> this.shared);
  private long shared;

  private static Hart hart(int id) {
    return new Hart(
        id,
        HartConfig.STANDARD,
        new PhysicalMemory(0x8000_0000L, 1 << 20),
        new MmioBus(),
        () -> 0,
        new Posts(),
        Interpreter::new);
  }

  private long at(String symbol) {
    return guest.symbol(symbol).orElseThrow();
  }

  private void trap(int hart, long retired, Mode from, Mode to, long cause, long epc) {
    harts.get(hart).retired = retired;
    watch.trapped(harts.get(hart), from, to, cause, epc);
  }

  private void go(int hart, long retired, Mode to, long pc) {
    harts.get(hart).retired = retired;
    watch.returned(harts.get(hart), to, pc);
  }

  private Map<Operation, List<Sample>> seen() {
    Map<Operation, List<Sample>> seen = watch.take();
    seen.values().removeIf(List::isEmpty);
    return seen;
  }

  @Test
  void anExitIsSharedOutByMode() {
    trap(0, 100, Mode.VS, Mode.HS, Cause.ECALL_VS, at("op_null"));
    go(0, 109, Mode.U, 0x1000); // ten in the kernel, its return among them
    trap(0, 130, Mode.U, Mode.HS, Cause.ECALL_U, 0x1004);
    trap(0, 132, Mode.HS, Mode.M, Cause.ECALL_S, 0x2000);
    go(0, 136, Mode.HS, 0x2004);
    go(0, 139, Mode.VS, at("end_null"));
    Map<Operation, List<Sample>> seen = seen();
    assertEquals(EnumSet.of(Operation.NULL_CALL), seen.keySet());
    Sample sample = seen.get(Operation.NULL_CALL).getFirst();
    assertEquals(40, sample.total());
    long[] expected = new long[Mode.values().length];
    expected[Mode.HS.ordinal()] = 10 + 2 + 3;
    expected[Mode.U.ordinal()] = 20;
    expected[Mode.M.ordinal()] = 5;
    assertArrayEquals(expected, sample.by());
    assertTrue(seen().isEmpty(), "taken once");
  }

  @Test
  void interruptsOfTheHostBeginAndEndNothing() {
    trap(0, 100, Mode.VS, Mode.HS, INTERRUPT | Cause.SUPERVISOR_TIMER, at("op_null"));
    go(0, 150, Mode.VS, at("op_null"));
    go(0, 200, Mode.VS, at("end_null"));
    assertTrue(seen().isEmpty());
    trap(0, 300, Mode.VS, Mode.HU, Cause.ECALL_VS, at("op_null"));
    trap(0, 310, Mode.HU, Mode.HS, INTERRUPT | Cause.SUPERVISOR_TIMER, at("end_null"));
    go(0, 320, Mode.HU, at("end_null")); // an address of the host's
    go(0, 330, Mode.VS, at("end_null"));
    assertEquals(31, seen().get(Operation.NULL_CALL).getFirst().total());
  }

  @Test
  void whatDoesNotTrapBeginsAfterTheGuestsOwn() {
    trap(0, 10, Mode.VS, Mode.VS, Cause.BREAKPOINT, at("begin_stimecmp") - 4);
    go(0, 15, Mode.VS, at("begin_stimecmp"));
    trap(0, 17, Mode.VS, Mode.VS, Cause.BREAKPOINT, at("end_stimecmp"));
    assertEquals(1, seen().get(Operation.STIMECMP).getFirst().total());
  }

  @Test
  void anotherHartsAnswerIsMeasuredInTheTimeThatBothShare() {
    shared = 1000;
    trap(0, 10, Mode.VS, Mode.HU, Cause.ECALL_VS, at("op_ipi_peer"));
    shared = 1250;
    trap(1, 77, Mode.VS, Mode.VS, INTERRUPT | Cause.SUPERVISOR_SOFTWARE, 0x8020_0000L);
    go(0, 399, Mode.VS, at("end_ipi_peer"));
    Map<Operation, List<Sample>> seen = seen();
    assertEquals(EnumSet.of(Operation.IPI_SEND, Operation.IPI_PEER), seen.keySet());
    assertEquals(390, seen.get(Operation.IPI_SEND).getFirst().total());
    assertEquals(250, seen.get(Operation.IPI_PEER).getFirst().total());
    assertEquals(0, seen.get(Operation.IPI_PEER).getFirst().by().length);
    shared = 2000;
    go(0, 500, Mode.VS, at("begin_aia_peer"));
    shared = 1990; // the other hart's turn has begun at the same time
    trap(1, 88, Mode.VS, Mode.VS, INTERRUPT | Cause.SUPERVISOR_EXTERNAL, 0x8020_0000L);
    assertEquals(0, seen().get(Operation.AIA_PEER).getFirst().total());
  }

  @Test
  void aFaultEndsWhereItBegan() {
    trap(0, 10, Mode.VS, Mode.HS, Cause.STORE_GUEST_PAGE_FAULT, at("op_fault_fine"));
    go(0, 99, Mode.VS, at("op_fault_fine"));
    assertEquals(90, seen().get(Operation.FAULT_4K).getFirst().total());
  }

  @Test
  void marksAreActedOn() {
    List<String> done = new ArrayList<>();
    watch.at(guest, "peers_begin", () -> done.add("begin"));
    go(0, 1, Mode.HS, at("peers_begin"));
    assertTrue(done.isEmpty());
    go(0, 1, Mode.VS, at("peers_begin"));
    assertEquals(List.of("begin"), done);
    assertFalse(watch.filesSeen());
  }
}
