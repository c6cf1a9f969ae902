package org.duvisor.lab;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.duvisor.machine.interp.Interpreter;
import org.junit.jupiter.api.Test;

/** The guest of guest/micro does under DuVisor what its table says, as often as it says. */
final class EmbeddedMicroTest {
  private static final Path GUEST = Path.of("../guest/images/micro.elf");

  private static Map<String, Integer> counts(int cpus, boolean aia) throws Exception {
    MicroReport report =
        EmbeddedMicro.run(GUEST, cpus, aia, Interpreter::new, Map.of("revision", "test"));
    Map<String, Integer> counts = new java.util.HashMap<>();
    report.rows().forEach(r -> counts.put(r.operation(), r.cells().getFirst().count()));
    assertEquals("nanoseconds", report.unit());
    return counts;
  }

  private static Set<String> titles(Set<Operation> operations) {
    List<String> titles = new ArrayList<>();
    operations.forEach(o -> titles.add(o.title));
    return Set.copyOf(titles);
  }

  @Test
  void oneCpuDoesAllButWhatNeedsPeersAndAia() throws Exception {
    Map<String, Integer> counts = counts(1, false);
    assertEquals(
        titles(
            EnumSet.complementOf(
                EnumSet.of(
                    Operation.AIA_SELF,
                    Operation.AIA_PEER,
                    Operation.IPI_SEND,
                    Operation.IPI_PEER))),
        counts.keySet());
    assertEquals(20_000, counts.get(Operation.NULL_CALL.title));
    assertEquals(20_000, counts.get(Operation.WFI.title));
    assertEquals(5_000, counts.get(Operation.UART_ROUND.title));
    assertEquals(80, counts.get(Operation.FAULT_2M.title));
    assertTrue(counts.get(Operation.FAULT_4K.title) > 8_000, counts.toString());
  }

  @Test
  void twoCpusWithAiaDoAll() throws Exception {
    Map<String, Integer> counts = counts(2, true);
    assertEquals(titles(EnumSet.allOf(Operation.class)), counts.keySet());
    assertEquals(2_000, counts.get(Operation.IPI_PEER.title));
    assertEquals(2_000, counts.get(Operation.AIA_PEER.title));
    assertEquals(5_000, counts.get(Operation.AIA_SELF.title));
  }
}
