package org.duvisor.conformance.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.duvisor.devices.images.Initrd;
import org.duvisor.devices.images.KernelImage;
import org.duvisor.machine.board.Board;
import org.duvisor.machine.board.BoardBoot;
import org.duvisor.machine.board.BoardConfig;
import org.duvisor.machine.board.BoardOutcome;
import org.duvisor.machine.board.InterruptController;
import org.duvisor.virtio.QueueWorker.Serving;
import org.duvisor.virtio.blk.Blk;
import org.duvisor.virtio.blk.DiskImage;
import org.duvisor.virtio.blk.Overlay;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestReporter;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Debian as it comes - stock kernel, its initrd, systemd - on the board with 4 GiB, as somebody at
 * the serial console has it. Needs the image of guest/debian-root.sh, which is not written to, and
 * minutes.
 *
 * <p>In virtual time a computer that is busy is slow, and nothing else. In real time the board is
 * slow in systemd's eyes too; its limits for starting are raised on the kernel's command line.
 */
@Tag("slow")
final class DebianUserlandTest {
  private static final long MEMORY = 4L << 30;

  /** Only ends a test that would fail. */
  private static final Duration PATIENCE = Duration.ofMinutes(60);

  private static final String APPEND =
      "root=/dev/vda rw console=ttyS0 loglevel=4 systemd.default_timeout_start_sec=3600"
          + " systemd.default_device_timeout_sec=3600";

  private static final String LOGIN = "debian login: ";
  private static final String PROMPT = "root@debian:~#";

  private static Path image = Path.of("");

  @BeforeAll
  static void findImage() throws IOException {
    String cache = System.getenv("XDG_CACHE_HOME");
    Path home = Path.of(System.getProperty("user.home"));
    Path built = (cache == null ? home.resolve(".cache") : Path.of(cache)).resolve("duvisor/guest");
    Optional<Path> newest = newest(built.resolve("debian-root"));
    assumeTrue(newest.isPresent(), "needs a Debian root file system: guest/debian-root.sh");
    image = newest.orElseThrow();
  }

  /** The last image that was built to its end. */
  private static Optional<Path> newest(Path folder) throws IOException {
    if (!Files.isDirectory(folder)) {
      return Optional.empty();
    }
    try (Stream<Path> recipes = Files.list(folder)) {
      return recipes
          .filter(recipe -> Files.exists(recipe.resolve(".done")))
          .max(Comparator.comparingLong(recipe -> recipe.resolve(".done").toFile().lastModified()));
    }
  }

  /** A Debian that runs, and its console. */
  private record Debian(BoardThread board, GuestShell shell) implements AutoCloseable {
    static Debian boot(int harts, InterruptController interrupts, boolean inVirtualTime)
        throws IOException {
      var boot =
          new BoardBoot(
              Optional.of(Images.firmware()),
              new byte[0],
              Optional.of(KernelImage.openAny(image.resolve("vmlinux"))),
              Optional.of(Initrd.open(image.resolve("initrd.img"))),
              APPEND,
              Optional.empty());
      var shell = new GuestShell(PATIENCE);
      var disk =
          Overlay.over(
              DiskImage.open(
                  image.resolve("root.img"), Optional.of(DiskImage.Format.raw), true, false));
      var machine =
          new Board(
              BoardConfig.of(harts, MEMORY, shell)
                  .engine(TestEngine.jit.factory())
                  .virtio(
                      List.of(
                          new Blk("vda", disk, inVirtualTime ? Serving.INLINE : Serving.THREAD)))
                  .deterministic(inVirtualTime)
                  .clock(InstantSource.system()) // packages' signatures have dates
                  .interrupts(interrupts)
                  .build());
      return new Debian(new BoardThread(machine, boot, shell), shell);
    }

    /** From firmware to a shell with the prompt that {@link GuestShell} knows, without editing. */
    void login() throws InterruptedException {
      shell.expect(LOGIN);
      do {
        shell.type("root");
      } while (shell.expectFirst(PROMPT, LOGIN).endsWith(LOGIN)); // it has a limit of its own
      shell.type("exec env PS1='/ ''# ' ENV= TERM=dumb PAGER=cat sh");
      shell.expect("/ # ");
    }

    /** Runs a command that has to succeed. */
    String run(String command) throws InterruptedException {
      String printed = shell.run(command + " && echo and all is well");
      assertTrue(printed.endsWith("and all is well"), command + " printed:\n" + printed);
      return printed;
    }

    /** For docs/debian.md. */
    void report(TestReporter reporter, String stage) {
      reporter.publishEntry(stage, board.instructions() / 1_000_000 + " million instructions");
    }

    void powersOff() throws Exception {
      shell.type("systemctl poweroff");
      assertEquals(new BoardOutcome.Finished(0), board.outcome());
    }

    @Override
    public void close() {
      board.close();
    }
  }

  /** Every unit has started, and none has failed. */
  private static void assertRunning(Debian debian) throws InterruptedException {
    String state = debian.shell.run("systemctl is-system-running --wait");
    String failed = debian.shell.run("systemctl --failed --no-pager --plain --no-legend");
    assertEquals("", failed, state);
    assertTrue(state.endsWith("running"), state);
  }

  @ParameterizedTest
  @CsvSource({"1, true", "4, true", "4, false"})
  void isASystemToWorkIn(int harts, boolean inVirtualTime, TestReporter reporter) throws Exception {
    try (Debian debian = Debian.boot(harts, InterruptController.PLIC, inVirtualTime)) {
      debian.login();
      debian.report(reporter, "login");
      assertRunning(debian);
      debian.report(reporter, "all units running");
      assertTrue(debian.run("echo harts: $(nproc)").contains("harts: " + harts));
      assertTrue(debian.run("grep MemTotal /proc/meminfo").matches("(?s).* [34][0-9]{6} kB.*"));

      assertTrue(debian.run("apt-get --version").contains("apt "));
      assertTrue(debian.run("apt list --installed").contains("openjdk-25-jre-headless"));
      debian.run("apt-get check");
      debian.run("mkdir -p p/DEBIAN p/opt && echo contents >p/opt/sample");
      debian.run(
          "printf '%s\\n' 'Package: sample' 'Version: 1' 'Architecture: all'"
              + " 'Maintainer: root <root@debian>' 'Description: a package' >p/DEBIAN/control");
      debian.run("dpkg-deb --build p sample.deb && apt-get -q -y install ./sample.deb");
      assertTrue(debian.run("cat /opt/sample; dpkg -s sample").contains("install ok installed"));
      debian.report(reporter, "apt");

      debian.run(
          "printf '%s\\n' '#include <stdio.h>' 'int main(void) {'"
              + " 'printf(\"%d is what it prints\\n\", 6 * 7); return 0; }' >a.c");
      assertTrue(debian.run("gcc -O2 -o a a.c && ./a").contains("42 is what it prints"));
      debian.report(reporter, "gcc");

      assertTrue(debian.run("java -version").contains("openjdk version \"25"));
      debian.report(reporter, "java -version");
      debian.run(
          "printf '%s\\n' 'void main() {' 'var all = java.util.stream.IntStream.range(0, 1000);'"
              + " 'IO.println(\"sum \" + all.parallel().sum()); }' >Hello.java");
      assertTrue(debian.run("java Hello.java").contains("sum 499500"));
      debian.report(reporter, "java Hello.java");
      debian.powersOff();
      debian.report(reporter, "power off");
    }
  }

  @Test
  void startsAgainAfterAReboot() throws Exception {
    try (Debian debian = Debian.boot(1, InterruptController.PLIC, true)) {
      debian.login();
      debian.run("echo still here >/root/before");
      debian.shell.type("systemctl reboot");
      debian.login();
      assertTrue(debian.run("cat /root/before").contains("still here"));
      assertRunning(debian);
      debian.powersOff();
    }
  }

  @Test
  void interruptsMayComeByMessage() throws Exception {
    try (Debian debian = Debian.boot(2, InterruptController.APLIC_IMSIC, true)) {
      debian.login();
      assertRunning(debian);
      assertTrue(debian.run("grep ttyS0 /proc/interrupts").contains("APLIC-MSI"));
      debian.powersOff();
    }
  }
}
