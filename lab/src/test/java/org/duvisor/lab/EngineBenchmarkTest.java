package org.duvisor.lab;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EngineBenchmarkTest {
  private static final Path IMAGES = Path.of("..", "guest", "images");
  private static final PrintStream QUIET =
      new PrintStream(OutputStream.nullOutputStream(), false, StandardCharsets.UTF_8);

  private static EngineBenchmark.Options options(String workload, Path initrd) {
    return new EngineBenchmark.Options(
        List.of(workload),
        Duration.ofMillis(300),
        Duration.ofSeconds(1),
        Duration.ofMinutes(1),
        1,
        List.of("interpreter"),
        "vm",
        Path.of("none"),
        Optional.empty(),
        IMAGES.resolve("Image.gz"),
        initrd,
        List.of(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "--add-exports=java.base/jdk.internal.misc=ALL-UNNAMED",
            "--enable-native-access=ALL-UNNAMED",
            "-cp",
            System.getProperty("java.class.path")),
        "test");
  }

  /**
   * One real measurement: that the guest comes to its workload and computes the right value; not
   * how fast.
   */
  @Test
  void aSecondOfOneWorkload() throws Exception {
    var options = options("getpid", IMAGES.resolve("bench.cpio.gz"));
    var vm = new Emulator.Duvisor("interpreter", "vm", Path.of("none"), options.jvm(), false);
    var seen =
        GuestProcess.run(
            vm.command(options.guest(), "getpid 1"),
            Duration.ofSeconds(1),
            Duration.ZERO,
            Duration.ofMinutes(2));
    assertEquals(InstructionCounts.read(options.counts()).work("getpid").check(), seen.check());
    assertTrue(seen.timeline().startNanos() > 0);
  }

  @Test
  void countsOfOtherImagesAreRefused(@TempDir Path folder) throws Exception {
    Path initrd = Files.writeString(folder.resolve("bench.cpio.gz"), "another");
    Files.copy(IMAGES.resolve("bench.json"), folder.resolve("bench.json"));
    String line =
        assertThrows(LabException.class, () -> EngineBenchmark.run(options("core", initrd), QUIET))
            .getMessage();
    assertTrue(line.contains("counts other images"), line);
  }

  @Test
  void anUnknownWorkloadIsRefusedBeforeAnythingRuns() {
    var options = options("nothing", IMAGES.resolve("bench.cpio.gz"));
    String line =
        assertThrows(LabException.class, () -> EngineBenchmark.run(options, QUIET)).getMessage();
    assertTrue(line.startsWith("no workload nothing; there are chase, core"), line);
    assertFalse(line.contains("\n"));
  }
}
