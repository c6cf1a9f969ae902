package org.duvisor.conformance.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.duvisor.lab.HostStack;
import org.duvisor.lab.MicroBenchmark;
import org.duvisor.lab.MicroReport;
import org.duvisor.machine.board.InterruptController;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * One bare guest under KVM and under DuVisor: each operation is seen under both, and DuVisor's need
 * no kernel. On a deterministic board. Needs the images of guest/full-stack.sh, and minutes.
 */
@Tag("slow")
final class MicroTest {
  private static MicroReport measure(InterruptController interrupts, int harts) throws Exception {
    StackImages images = StackImages.find();
    MicroReport report =
        MicroBenchmark.run(
            new HostStack.Images(
                images.firmware(), images.kernel(), images.initrd(), images.root()),
            Path.of("../guest/images/micro.elf"),
            new MicroBenchmark.Options(interrupts, harts, 10, false),
            TestEngine.jitInTurns.factory(),
            Map.of(),
            System.out);
    System.out.print(report.text());
    return report;
  }

  private static void kernelIsOutOfTheWay(MicroReport report) {
    for (MicroReport.Row row : report.rows()) {
      MicroReport.Cell ours = row.cells().getLast();
      assertNotNull(ours, row.operation());
      if (ours.kernel() != null) {
        assertEquals(0, ours.kernel(), row.operation());
        assertEquals(0, ours.firmware(), row.operation());
      }
    }
  }

  @Test
  void everyOperationOfOneHart() throws Exception {
    MicroReport report = measure(InterruptController.PLIC, 1);
    assertEquals(List.of("KVM", "DuVisor"), report.systems());
    assertEquals(13, report.rows().size());
    kernelIsOutOfTheWay(report);
    for (MicroReport.Row row : report.rows()) {
      MicroReport.Cell theirs = row.cells().getFirst();
      assertTrue(theirs != null || row.operation().contains("2 MiB"), row.operation());
    }
  }

  @Test
  void everyOperationOfTwoHartsWithAia() throws Exception {
    MicroReport report = measure(InterruptController.APLIC_IMSIC, 2);
    assertEquals(List.of("KVM", "KVM, files", "DuVisor"), report.systems());
    assertEquals(17, report.rows().size());
  }
}
