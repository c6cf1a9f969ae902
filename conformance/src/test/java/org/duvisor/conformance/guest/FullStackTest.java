package org.duvisor.conformance.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.duvisor.devices.Timers;
import org.duvisor.devices.images.ElfImage;
import org.duvisor.devices.images.Initrd;
import org.duvisor.devices.images.KernelImage;
import org.duvisor.machine.HartConfig;
import org.duvisor.machine.board.Board;
import org.duvisor.machine.board.BoardBoot;
import org.duvisor.machine.board.BoardConfig;
import org.duvisor.machine.board.BoardOutcome;
import org.duvisor.machine.interp.Interpreter;
import org.duvisor.virtio.QueueWorker.Serving;
import org.duvisor.virtio.VirtioDevice;
import org.duvisor.virtio.blk.Blk;
import org.duvisor.virtio.blk.RawFile;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * DuVisor on a riscv64 JVM under Linux on the machine. Needs the images of guest/full-stack.sh, and
 * minutes. Boards are deterministic: a computer that is busy is slow, and nothing else.
 */
@Tag("slow")
final class FullStackTest {
  private static final long MEMORY = 1L << 30;
  private static final Duration PATIENCE = Duration.ofMinutes(60);
  private static final Path ROOT =
      Files.isDirectory(Path.of("guest")) ? Path.of("") : Path.of("..");

  private static final Map<String, Path> IMAGES = new HashMap<>();

  @TempDir private Path scratch;

  @BeforeAll
  static void images() throws IOException, InterruptedException {
    Path jars = ROOT.resolve("cli/target");
    assumeTrue(Files.exists(jars.resolve("lib")), "needs the command, packaged (mvn package)");
    Process where = start(ROOT.resolve("guest/full-stack.sh"), "--where", "--jars", jars);
    String text = new String(where.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assumeTrue(where.waitFor() == 0, "needs the images of the full stack: ./duvisor host\n" + text);
    text.lines()
        .filter(line -> line.contains("="))
        .forEach(line -> IMAGES.put(line.split("=")[0], Path.of(line.split("=")[1])));
  }

  private static Process start(Object... command) throws IOException {
    List<String> words = new ArrayList<>();
    for (Object word : command) {
      words.add(word.toString());
    }
    return new ProcessBuilder(words).redirectErrorStream(true).start();
  }

  /** A host that runs, and its console. */
  private record Host(Board board, GuestShell shell, CompletableFuture<BoardOutcome> outcome)
      implements AutoCloseable {
    static Host boot(int harts, String append, Path... disks) throws IOException {
      var boot =
          new BoardBoot(
              Optional.of(ElfImage.open(IMAGES.get("firmware"))),
              new byte[0],
              Optional.of(KernelImage.openAny(IMAGES.get("kernel"))),
              Optional.of(Initrd.open(IMAGES.get("initrd"))),
              ("console=ttyS0 quiet " + append).strip(),
              Optional.empty());
      var shell = new GuestShell(PATIENCE);
      List<VirtioDevice> devices = new ArrayList<>();
      for (Path disk : disks) {
        String name = "vd" + (char) ('a' + devices.size());
        devices.add(new Blk(name, RawFile.open(disk, true), Serving.INLINE));
      }
      var board =
          new Board(
              new BoardConfig(
                  harts,
                  MEMORY,
                  HartConfig.STANDARD,
                  Interpreter::new,
                  devices,
                  shell,
                  InstantSource.fixed(Instant.EPOCH),
                  Timers.never(),
                  true));
      var outcome = new CompletableFuture<BoardOutcome>();
      Thread.ofPlatform()
          .daemon()
          .start(
              () -> {
                try {
                  outcome.complete(board.run(boot));
                } catch (RuntimeException e) {
                  outcome.completeExceptionally(e);
                }
                shell.end();
              });
      return new Host(board, shell, outcome);
    }

    @Override
    public void close() {
      board.stop();
      outcome.join();
      board.close();
    }
  }

  @Test
  void oneCommandEndsInTheShellOfAGuest() throws Exception {
    try (Host host = Host.boot(1, "duvisor.run=--append,quiet,--memory,128M", IMAGES.get("root"))) {
      host.shell.expect("DuVisor host ready");
      host.shell.prompt();
      assertEquals("1", host.shell.run("grep -c ^processor /proc/cpuinfo"));
      host.shell.type("poweroff -f");
      assertEquals(new BoardOutcome.Finished(0), host.outcome.get());
      assertTrue(host.board.instructions() < 2_500_000_000L, host.board.instructions() + "");
    }
  }

  /** The classes of the contract, and what they need of JUnit, as a disk. */
  private Path contractDisk() throws IOException, InterruptedException {
    Path tree = Files.createDirectories(scratch.resolve("tree/classes/org/duvisor"));
    Path classes = codeOf(FullStackTest.class).resolve("org/duvisor/conformance");
    copy(classes.resolve("platform"), tree.resolve("conformance/platform"));
    Path lib = Files.createDirectories(scratch.resolve("tree/lib"));
    for (Class<?> needed :
        List.of(
            Test.class,
            org.opentest4j.AssertionFailedError.class,
            org.junit.platform.commons.JUnitException.class)) {
      Path jar = codeOf(needed);
      Files.copy(jar, lib.resolve(jar.getFileName()));
    }
    Path disk = scratch.resolve("contract.img");
    Process mke2fs =
        start("mke2fs", "-q", "-t", "ext4", "-d", scratch.resolve("tree"), disk, "16m");
    String said = new String(mke2fs.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, mke2fs.waitFor(), said);
    return disk;
  }

  private static Path codeOf(Class<?> c) {
    return Path.of(c.getProtectionDomain().getCodeSource().getLocation().getPath());
  }

  private static void copy(Path from, Path to) throws IOException {
    Files.createDirectories(to);
    try (var files = Files.newDirectoryStream(from)) {
      for (Path file : files) {
        Files.copy(file, to.resolve(file.getFileName()));
      }
    }
  }

  @Test
  void theContractHoldsOnLinux() throws Exception {
    try (Host host = Host.boot(1, "", IMAGES.get("root"), contractDisk())) {
      host.shell.expect("host:~ # ");
      host.shell.type(
          "mount -o ro /dev/vdb /mnt; java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xmx128m"
              + " --enable-native-access=ALL-UNNAMED -cp"
              + " '/mnt/classes:/usr/share/duvisor/duvisor.jar:/mnt/lib/*'"
              + " org.duvisor.conformance.platform.ContractMain; poweroff -f");
      String report = host.shell.expect(" failed\r\n");
      assertTrue(report.contains("contract: "), report);
      assertTrue(report.endsWith(" 0 failed\r\n"), report);
      assertFalse(report.contains("contract: 0 passed"), report);
      assertEquals(new BoardOutcome.Finished(0), host.outcome.get());
    }
  }
}
