package org.duvisor.conformance.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import org.duvisor.devices.images.Initrd;
import org.duvisor.devices.images.KernelImage;
import org.duvisor.machine.HartConfig;
import org.duvisor.machine.board.Board;
import org.duvisor.machine.board.BoardBoot;
import org.duvisor.machine.board.BoardConfig;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Linux with {@code duvisor.ko} on the board, and the programs of {@code driver/selftest} in it:
 * ordinary users who run guests, die, or attack. Needs the images of {@code guest/host.sh driver}.
 */
final class DriverSelfTest {
  private static final long MEMORY = 512 << 20;
  private static final Pattern SUITE = Pattern.compile("SELFTEST \\w+: (\\d+) passed, 0 failed");

  /** The folder with the images; ends the test as not run when they are not there. */
  private static Path images() throws Exception {
    Path script = Path.of("guest/host.sh");
    if (!Files.exists(script)) {
      script = Path.of("..").resolve(script);
    }
    Process where =
        new ProcessBuilder("bash", script.toString(), "--where", "driver")
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .start();
    String folder =
        new String(where.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
    assumeTrue(where.waitFor() == 0, "needs the host's images: guest/host.sh driver");
    return Path.of(folder);
  }

  /** Boots a host that runs the suites; what they say, line by line. */
  private static List<String> run(int harts, HartConfig hart, String tests) throws Exception {
    Path images = images();
    var boot =
        new BoardBoot(
            Optional.of(Images.firmware()),
            new byte[0],
            Optional.of(KernelImage.openAny(images.resolve("Image"))),
            Optional.of(Initrd.open(images.resolve("initramfs.cpio.gz"))),
            "console=ttyS0 quiet panic=-1 test=" + tests,
            Optional.empty());
    var console = new GuestShell();
    List<String> lines = new ArrayList<>();
    try (var board = new Board(BoardConfig.of(harts, MEMORY, console).hart(hart).build())) {
      Thread.ofPlatform()
          .daemon()
          .start(
              () -> {
                board.run(boot);
                console.end();
              });
      String line;
      do {
        line = console.expect("\n").strip();
        lines.add(line);
        assertFalse(line.contains("Kernel panic"), () -> "the host died: " + lines);
      } while (!line.equals("DuVisor host done"));
      board.stop();
    }
    return lines;
  }

  private static void check(int harts, int suites, String tests) throws Exception {
    check(harts, HartConfig.STANDARD, suites, tests);
  }

  private static void check(int harts, HartConfig hart, int suites, String tests) throws Exception {
    List<String> lines = run(harts, hart, tests);
    String all = String.join("\n", lines);
    assertTrue(lines.stream().noneMatch(l -> l.startsWith("FAIL")), all);
    var passed = lines.stream().map(SUITE::matcher).filter(m -> m.matches()).toList();
    assertEquals(suites, passed.size(), all);
    passed.forEach(m -> assertTrue(Integer.parseInt(m.group(1)) > 0, all));
    assertTrue(lines.contains("PASS rmmod") && lines.contains("PASS kernel log"), all);
  }

  @Test
  void guestsRunUnderTheDriver() throws Exception {
    check(1, 1, "smoke");
  }

  @Test
  @Tag("slow")
  void theHostSurvivesItsProcessesAndTheirAttacksOnOneHart() throws Exception {
    check(1, 4, "survive+hostile+cve+random,1,1,10000");
  }

  @Test
  @Tag("slow")
  void theHostSurvivesItsProcessesAndTheirAttacksOnTwoHarts() throws Exception {
    check(2, 7, "root+smoke+kvm+survive+hostile+cve+random,100,1,10000");
  }

  @Test
  void guestInterruptFilesAreHandedOutAndKeptApart() throws Exception {
    check(1, HartConfig.STANDARD.withGuestFiles(HartConfig.USUAL_GUEST_FILES), 1, "files");
  }

  @Test
  @Tag("slow")
  void guestInterruptFilesOnTwoHartsAndKvm() throws Exception {
    HartConfig hart = HartConfig.STANDARD.withGuestFiles(HartConfig.USUAL_GUEST_FILES);
    check(2, hart, 4, "smoke+kvm+files+root_files");
  }
}
