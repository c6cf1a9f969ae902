package org.duvisor.conformance.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.duvisor.conformance.cve.Vulnerability;
import org.duvisor.conformance.guest.StackHost.Setup;
import org.duvisor.machine.board.BoardOutcome;
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
  private static final int MEGABYTES = 1024;
  private static final int SIGKILL = 9;

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
    Setup setup = Setup.deterministic(1, MEGABYTES);
    try (var host = StackHost.boot(images, setup, images.root(), classes())) {
      host.ready();
      attack(host);
      assertEquals("", host.trouble());
      assertEquals(new BoardOutcome.Finished(0), host.powerOff());
    }
  }

  private static void attack(StackHost host) throws InterruptedException {
    String tick = "n=0; while :; do n=$((n + 1)); echo tick $n; sleep 1; done";
    host.run(
        "{ (echo '"
            + tick
            + "'; sleep 999999) | duvisor run --memory 64M --append quiet >/tmp/other 2>&1 & }");
    host.run("until grep -q '^tick 3' /tmp/other; do sleep 1; done");
    List<Long> before = host.inUse();
    assertEquals(List.of(1L, 1L), before.subList(0, 2));
    long ticks = ticks(host);
    for (Vulnerability vulnerability : Vulnerability.values()) {
      exploit(host, vulnerability);
      host.run("sleep 3");
      assertEquals(before, host.inUse(), vulnerability.name());
      long now = ticks(host);
      assertTrue(now > ticks, "the other guest stands still after " + vulnerability);
      ticks = now;
    }
  }

  private static long ticks(StackHost host) throws InterruptedException {
    return Long.parseLong(host.run("grep -c '^tick' /tmp/other"));
  }

  private static void exploit(StackHost host, Vulnerability vulnerability)
      throws InterruptedException {
    host.start(
        "java @/usr/share/duvisor/jvm.options -XX:+SuppressFatalErrorMessage"
            + " --enable-native-access=ALL-UNNAMED"
            + " --add-exports=java.base/jdk.internal.misc=ALL-UNNAMED"
            + " -Dduvisor.home=/usr/share/duvisor -Dduvisor.vulnerability="
            + vulnerability
            + " -cp /mnt:/usr/share/duvisor/duvisor.jar org.duvisor.cli.Duvisor run --memory 128M"
            + " --append quiet --cpus 2; echo status-$?");
    host.shell().prompt();
    host.type(CUES.get(vulnerability));
    host.expect("Emulating " + vulnerability.cve());
    host.expect("status-");
    int status = Integer.parseInt(host.finish());
    boolean killed = status == 128 + SIGKILL; // who loops has to be ended by somebody
    assertEquals(
        vulnerability == Vulnerability.ENDLESS_CALL, killed, vulnerability + ": " + status);
    assertTrue(status > 128, vulnerability + ": " + status);
  }
}
