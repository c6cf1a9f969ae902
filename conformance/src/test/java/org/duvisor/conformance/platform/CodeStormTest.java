package org.duvisor.conformance.platform;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a guest makes the hypervisor keep fits its heap, and a full heap does not keep a VM. */
final class CodeStormTest {
  private static final long PATIENCE_SECONDS = 240;

  @TempDir Path directory;

  private List<String> run(String what) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(
        List.of(
            "-Xmx64m",
            "-XX:+UseSerialGC",
            "--add-exports=java.base/jdk.internal.misc=ALL-UNNAMED",
            "--enable-native-access=ALL-UNNAMED",
            "-cp",
            System.getProperty("java.class.path"),
            CodeStorm.class.getName(),
            what,
            directory.resolve("guest").toString()));
    Path log = directory.resolve("log");
    Process process =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile()).start();
    boolean ended = process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS);
    process.destroyForcibly();
    List<String> lines = Files.readAllLines(log);
    assertTrue(ended, () -> what + " does not end: " + lines);
    return lines;
  }

  /**
   * The adversary: a guest that jumps to every parcel of its memory, on all of its vCPUs at once.
   */
  @Test
  void codeOfManyHartsFitsOneHeap() throws IOException, InterruptedException {
    assertEquals(List.of("Poweroff[]"), run("storm"));
  }

  @Test
  void aVmEndsWhenTheHeapIsFull() throws IOException, InterruptedException {
    List<String> lines = run("full");
    assertTrue(
        lines.contains(
            "Crashed[report=the heap of this process is full: give it more (-Xmx), or the VM fewer"
                + " vCPUs"),
        lines::toString);
  }
}
