package org.duvisor.conformance.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.duvisor.lab.ExitBenchmark;
import org.duvisor.lab.ExitBenchmark.Load;
import org.duvisor.lab.ExitReport;
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
  private static final Path ROOT =
      Files.isDirectory(Path.of("guest")) ? Path.of("") : Path.of("..");

  /** What the JVM's compiler thread does when it looks for work, every five seconds. */
  private static final long COMPILER_LOOKS = 4;

  private static ExitBenchmark.Images images() throws IOException, InterruptedException {
    Path jars = ROOT.resolve("cli/target");
    assumeTrue(Files.exists(jars.resolve("lib")), "needs the command, packaged (mvn package)");
    Process where =
        new ProcessBuilder(
                ROOT.resolve("guest/full-stack.sh").toString(),
                "--where",
                "--jars",
                jars.toString())
            .redirectErrorStream(true)
            .start();
    String text = new String(where.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assumeTrue(where.waitFor() == 0, "needs the images of the full stack: ./duvisor host\n" + text);
    Map<String, Path> files = new HashMap<>();
    text.lines()
        .filter(line -> line.contains("="))
        .forEach(line -> files.put(line.split("=")[0], Path.of(line.split("=")[1])));
    return new ExitBenchmark.Images(
        files.get("firmware"), files.get("kernel"), files.get("initrd"), files.get("root"));
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
