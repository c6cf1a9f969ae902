package org.duvisor.conformance.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import org.duvisor.lab.ExitBenchmark;
import org.duvisor.lab.ExitBenchmark.Load;
import org.duvisor.lab.ExitReport;
import org.duvisor.lab.HostStack;
import org.duvisor.machine.Mode;
import org.duvisor.machine.board.InterruptController;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * The kernel is out of the way while a guest of DuVisor computes, and is not under KVM. What the
 * harts have counted, on a deterministic board. Needs the images of guest/full-stack.sh, and
 * minutes.
 */
@Tag("slow")
final class ExitCountsTest {
  /** What the JVM's compiler thread does when it looks for work, every five seconds. */
  private static final long COMPILER_LOOKS = 4;

  private static HostStack.Images images() throws IOException, InterruptedException {
    StackImages images = StackImages.find();
    return new HostStack.Images(images.firmware(), images.kernel(), images.initrd(), images.root());
  }

  /** Entries into the kernel, but for its own interrupts, out of these modes. */
  private static long entries(ExitReport.Cell cell, Mode... from) {
    return cell.traps().stream()
        .filter(t -> t.to() == Mode.HS && List.of(from).contains(t.from()))
        .filter(t -> !t.cause().endsWith("interrupt"))
        .mapToLong(ExitReport.Trap::count)
        .sum();
  }

  @Test
  void theKernelIsOutOfTheWayOfAGuestThatComputes() throws Exception {
    ExitReport report =
        ExitBenchmark.run(
            images(),
            new ExitBenchmark.Options(InterruptController.PLIC, List.of(Load.cpu, Load.registers)),
            TestEngine.jitInTurns.factory(),
            Map.of(),
            System.out);
    System.out.print(report.text());
    ExitReport.Cell cpu = report.rows().get(0).duvisor();
    assertEquals(0, entries(cpu, Mode.VS, Mode.VU, Mode.HU), report.text());
    assertTrue(entries(cpu, Mode.U) <= COMPILER_LOOKS, report.text());
    assertTrue(cpu.counts().timer() >= 250, "the host's timer goes on: " + report.text());

    ExitReport.Cell ours = report.rows().get(1).duvisor();
    ExitReport.Cell theirs = report.rows().get(1).kvm();
    assertTrue(ours.counts().exits() > 5_000, report.text());
    assertEquals(0, entries(ours, Mode.VS, Mode.VU), report.text());
    assertTrue(ours.counts().entries() * 100 < ours.counts().exits(), report.text());
    assertTrue(theirs.counts().exits() > 5_000, report.text());
    assertTrue(theirs.counts().entries() >= theirs.counts().exits(), report.text());
  }
}
