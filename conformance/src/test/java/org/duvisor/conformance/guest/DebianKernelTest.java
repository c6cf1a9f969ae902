package org.duvisor.conformance.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.duvisor.devices.images.ElfImage;
import org.duvisor.devices.images.KernelImage;
import org.duvisor.machine.board.Board;
import org.duvisor.machine.board.BoardBoot;
import org.duvisor.machine.board.BoardConfig;
import org.duvisor.machine.board.BoardOutcome;
import org.duvisor.virtio.QueueWorker.Serving;
import org.duvisor.virtio.blk.Blk;
import org.duvisor.virtio.blk.MemoryDisk;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Debian's stock kernel on Debian's firmware, which know nothing of this board. They come from
 * {@code guest/fetch-debian.sh opensbi linux-image-6.12...-riscv64}; without them the test is
 * skipped.
 */
@Tag("slow")
final class DebianKernelTest {
  private static final long MEMORY = 4L << 30;
  private static final Duration PATIENCE = Duration.ofMinutes(20);

  @ParameterizedTest
  @ValueSource(ints = {1, 4, 8})
  void bootsToAShell(int harts) throws Exception {
    var boot =
        new BoardBoot(
            Optional.of(
                ElfImage.open(
                    fetched(
                        "opensbi_", "usr/lib/riscv64-linux-gnu/opensbi/generic/fw_dynamic.elf"))),
            new byte[0],
            Optional.of(KernelImage.open(fetched("linux-image-6", "boot/vmlinux-"))),
            Optional.of(Images.initrd()),
            "console=ttyS0",
            Optional.empty());
    var shell = new GuestShell(PATIENCE);
    var disk = new Blk("vda", new MemoryDisk(1 << 20), Serving.THREAD);
    try (var board =
        new Board(BoardConfig.of(harts, MEMORY, shell).virtio(List.of(disk)).build())) {
      var outcome = new CompletableFuture<BoardOutcome>();
      Thread.ofPlatform()
          .daemon()
          .start(
              () -> {
                outcome.complete(board.run(boot));
                shell.end();
              });
      shell.prompt();
      assertEquals(Integer.toString(harts), shell.run("grep -c ^processor /proc/cpuinfo"));
      assertTrue(shell.run("uname -v").contains("Debian"));
      assertTrue(shell.run("dmesg").contains("setting system clock to 20"));
      shell.type("poweroff -f");
      assertEquals(new BoardOutcome.Finished(0), outcome.get());
    }
  }

  /** A file of a package that was fetched before. */
  private static Path fetched(String packageName, String file) throws IOException {
    String cache = System.getenv("XDG_CACHE_HOME");
    Path home = Path.of(System.getProperty("user.home"));
    Path packages =
        (cache == null ? home.resolve(".cache") : Path.of(cache)).resolve("duvisor/guest/deb");
    assumeTrue(Files.isDirectory(packages), "no package was fetched (guest/fetch-debian.sh)");
    Optional<Path> folder = first(packages, packageName);
    assumeTrue(folder.isPresent(), "guest/fetch-debian.sh has not brought " + packageName);
    Path inside = folder.orElseThrow().resolve(file);
    Path name = inside.getFileName();
    return first(inside.getParent(), name.toString()).orElseThrow();
  }

  private static Optional<Path> first(Path folder, String prefix) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.filter(f -> f.getFileName().toString().startsWith(prefix)).sorted().findFirst();
    }
  }
}
