package org.duvisor.conformance.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.duvisor.conformance.cve.Vulnerability;
import org.duvisor.devices.Timers;
import org.duvisor.machine.HartConfig;
import org.duvisor.machine.board.Board;
import org.duvisor.machine.board.BoardConfig;
import org.duvisor.machine.board.BoardOutcome;
import org.duvisor.virtio.QueueWorker.Serving;
import org.duvisor.virtio.blk.Blk;
import org.duvisor.virtio.blk.RawFile;
import org.duvisor.virtio.rng.Rng;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The adversary is a guest that uses a vulnerability of its hypervisor. Under DuVisor the six
 * vulnerabilities of the published evaluation end the process of that VM; the kernel and another VM
 * go on, and everything that the VM had is given back. Needs the images of guest/full-stack.sh, and
 * minutes.
 */
@Tag("slow")
final class CveContainmentTest {
  private static final long MEMORY = 1L << 30;
  private static final Duration PATIENCE = Duration.ofMinutes(60);
  private static final int SIGKILL = 9;
  private static final String HOST_PROMPT = "host:~ # ";
  private static final String STATISTICS =
      "cd /sys/class/misc/duvisor/stats; cat vms vcpus grants granted_bytes; cd";

  /** What the guest does to give the cue. */
  private static final Map<Vulnerability, String> CUES =
      Map.of(
          Vulnerability.STAGE2_STACK_OVERRUN, "dd if=/dev/zero of=/tmp/fresh bs=1M count=60",
          Vulnerability.INTERRUPT_USE_AFTER_FREE, "yes",
          Vulnerability.UNDEFINED_INSTRUCTION, "while :; do usleep 1000; done",
          Vulnerability.EXIT_STACK_CORRUPTION, "yes",
          Vulnerability.ENDLESS_CALL,
              "while :; do /bin/true; done & while :; do /bin/true; done & while :; do usleep 1;"
                  + " done",
          Vulnerability.DEVICE_USE_AFTER_FREE, "yes");

  @TempDir private Path scratch;

  /** The vulnerable platform, as a disk with a folder of classes. */
  private Path classes() throws IOException, InterruptedException {
    String name = "org/duvisor/conformance/cve";
    Path tree = scratch.resolve("tree");
    StackImages.copy(StackImages.codeOf(Vulnerability.class).resolve(name), tree.resolve(name));
    Path services = Files.createDirectories(tree.resolve("META-INF/services"));
    Files.writeString(
        services.resolve("org.duvisor.platform.Platform"),
        "org.duvisor.conformance.cve.VulnerablePlatform\n");
    return StackImages.ext4(tree, scratch.resolve("classes.img"));
  }

  @Test
  void anExploitedHypervisorTakesNobodyWithIt() throws Exception {
    StackImages images = StackImages.find();
    var shell = new GuestShell(PATIENCE);
    var config =
        new BoardConfig(
            1,
            MEMORY,
            HartConfig.STANDARD,
            TestEngine.jitInTurns.factory(),
            List.of(
                new Rng(new SplittableRandom(1)),
                new Blk("vda", RawFile.open(images.root(), true), Serving.INLINE),
                new Blk("vdb", RawFile.open(classes(), true), Serving.INLINE)),
            shell,
            InstantSource.fixed(Instant.EPOCH),
            Timers.never(),
            true);
    try (var board = new BoardThread(new Board(config), images.boot(""), shell)) {
      attack(shell);
      shell.type("poweroff -f");
      assertEquals(new BoardOutcome.Finished(0), board.outcome());
    }
  }

  /** What a command of the host prints; it is told from its echo by arithmetic. */
  private static String host(GuestShell shell, String command) throws InterruptedException {
    shell.type("echo in-$((40 + 2)); " + command + "; echo out-$((40 + 2))");
    shell.expect("in-42");
    String printed = shell.expect("out-42");
    shell.expect(HOST_PROMPT);
    return printed.substring(0, printed.length() - "out-42".length()).replace("\r", "").strip();
  }

  private static void attack(GuestShell shell) throws InterruptedException {
    shell.expect(HOST_PROMPT);
    host(shell, "mount -o ro /dev/vdb /mnt");
    String tick = "n=0; while :; do n=$((n + 1)); echo tick $n; sleep 1; done";
    host(
        shell,
        "{ (echo '"
            + tick
            + "'; sleep 999999) | duvisor run --memory 64M --append quiet >/tmp/other 2>&1 & }");
    host(shell, "until grep -q '^tick 3' /tmp/other; do sleep 1; done");
    String before = host(shell, STATISTICS);
    assertTrue(before.startsWith("1\n1\n"), before);
    long ticks = ticks(shell);
    for (Vulnerability vulnerability : Vulnerability.values()) {
      exploit(shell, vulnerability);
      String after = host(shell, "sleep 3; " + STATISTICS);
      assertEquals(before, after, vulnerability.name());
      long now = ticks(shell);
      assertTrue(now > ticks, "the other guest stands still after " + vulnerability);
      ticks = now;
    }
    assertEquals("0", host(shell, "dmesg | grep -c -E 'WARNING|BUG|Oops|Call Trace'"));
  }

  private static long ticks(GuestShell shell) throws InterruptedException {
    return Long.parseLong(host(shell, "grep -c '^tick' /tmp/other"));
  }

  private static void exploit(GuestShell shell, Vulnerability vulnerability)
      throws InterruptedException {
    shell.type(
        "java @/usr/share/duvisor/jvm.options -XX:+SuppressFatalErrorMessage"
            + " --enable-native-access=ALL-UNNAMED"
            + " --add-exports=java.base/jdk.internal.misc=ALL-UNNAMED"
            + " -Dduvisor.home=/usr/share/duvisor -Dduvisor.vulnerability="
            + vulnerability
            + " -cp /mnt:/usr/share/duvisor/duvisor.jar org.duvisor.cli.Duvisor run --memory 128M"
            + " --append quiet --cpus 2; echo ended-$?-$((40 + 2))");
    shell.prompt();
    shell.type(CUES.get(vulnerability));
    shell.expect("Emulating " + vulnerability.cve());
    shell.expect("ended-");
    int status = Integer.parseInt(shell.expect("-42").replace("-42", ""));
    shell.expect(HOST_PROMPT);
    boolean killed = status == 128 + SIGKILL; // who loops has to be ended by somebody
    assertEquals(
        vulnerability == Vulnerability.ENDLESS_CALL, killed, vulnerability + ": " + status);
    assertTrue(status > 128, vulnerability + ": " + status);
  }
}
