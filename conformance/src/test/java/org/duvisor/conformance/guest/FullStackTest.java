package org.duvisor.conformance.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.duvisor.conformance.guest.StackHost.Setup;
import org.duvisor.machine.board.BoardOutcome;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * DuVisor on a riscv64 JVM under Linux on the machine. Needs the images of guest/full-stack.sh, and
 * minutes.
 */
@Tag("slow")
final class FullStackTest {
  private static final List<Long> NOTHING = List.of(0L, 0L, 0L, 0L);

  private static StackImages images;
  private static Path suites;

  @BeforeAll
  static void images(@TempDir Path scratch) throws IOException, InterruptedException {
    images = StackImages.find();
    suites = StackImages.suites(scratch);
  }

  private static StackHost boot(int harts, int megabytes) throws Exception {
    var host =
        StackHost.boot(images, Setup.deterministic(harts, megabytes), images.trained(), suites);
    host.ready();
    return host;
  }

  /** Nothing is left with the driver, and the kernel has nothing to complain of. */
  private static void end(StackHost host) throws Exception {
    assertEquals("", host.trouble());
    while (!host.inUse().equals(NOTHING)) { // what was killed is cleared away after its death
      assertEquals("", host.run("ticks 1"));
    }
    assertEquals(new BoardOutcome.Finished(0), host.powerOff());
  }

  @Test
  void oneCommandEndsInTheShellOfAGuest() throws Exception {
    Setup setup = Setup.deterministic(1, 1024).with("duvisor.run=--append,quiet,--memory,128M");
    try (var host = StackHost.boot(images, setup, images.trained())) {
      host.expect("DuVisor host ready");
      host.expect("DuVisor guest ready");
      host.expect("/ # ");
      assertEquals("1", host.shell().run("grep -c ^processor /proc/cpuinfo"));
      assertEquals(new BoardOutcome.Finished(0), host.powerOff());
      assertTrue(host.instructions() < 2_500_000_000L, host.instructions() + "");
    }
  }

  /** The modules are in the initramfs, which the host has left. */
  @Test
  void modulesCanStillBeLoaded() throws Exception {
    try (var host = boot(1, 1024)) {
      host.run("for m in tun bridge vhost_net; do modprobe $m || echo no $m; done");
      assertEquals(
          "bridge tun vhost vhost_net",
          host.run("echo $(lsmod | grep -owE '^(tun|bridge|vhost|vhost_net)' | sort)"));
      assertEquals("/dev/net/tun", host.run("ls /dev/net/tun"));
      host.run("rmmod kvm; modprobe kvm");
      assertEquals("/dev/kvm", host.run("ls /dev/kvm"));
      end(host);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 4})
  void theContractHoldsOnLinux(int harts) throws Exception {
    try (var host = boot(harts, 1024)) {
      String report = host.run("sh /mnt/contract.sh");
      System.out.println(report);
      assertTrue(report.endsWith(" 0 failed"), report);
      assertFalse(report.contains("contract: 0 passed"), report);
      end(host);
    }
  }

  @Test
  void guestHasTwoProcessorsOnTwoHarts() throws Exception {
    try (var host = boot(2, 1024)) {
      host.run("guest a duvisor 2 128; await a '/ # '");
      host.run("tell a 'grep -c ^processor /proc/cpuinfo; echo count-done'; await a '^count-done'");
      host.run("work a 5; await a '^done-42'; tell a 'poweroff -f'");
      assertEquals("a ended with 0", host.run("ended a"));
      assertTrue(host.run("cat $guests/a.out").lines().anyMatch("2"::equals));
      end(host);
    }
  }

  @Test
  void twoDuVisorGuestsAndOneOfKvmRunAtTheSameTime() throws Exception {
    try (var host = boot(4, 1536)) {
      host.run("guest a duvisor 1 128; guest b duvisor 2 128; guest k kvm 1 128");
      for (String guest : List.of("a", "b", "k")) {
        host.run("await " + guest + " '/ # '; work " + guest + " 20");
      }
      assertEquals(2, host.inUse().get(0));
      for (String guest : List.of("a", "b", "k")) {
        host.run("await " + guest + " '^done-42'; tell " + guest + " 'poweroff -f'");
        assertEquals(guest + " ended with 0", host.run("ended " + guest));
      }
      end(host);
    }
  }

  @Test
  void killedHypervisorsLeaveTheOthersAlone() throws Exception {
    try (var host = boot(4, 1536)) {
      host.run("guest a duvisor 2 128; guest k kvm 1 128");
      host.run("await a '/ # '; work a 1000000; await k '/ # '; work k 1000000");
      for (String moment :
          List.of(
              "ticks 30", // the JVM starts
              "await b 'the guest starts'", // the guest boots
              "await b '/ # '", // it waits for its user
              "await b '/ # '; work b 1000; await b '^alive-2'", // it works
              "await b '/ # '; kill -STOP $pid; ticks 5")) { // its threads are stopped
        host.run("guest b duvisor 2 64; " + moment + "; kill -9 $pid; wait $pid");
        for (String guest : List.of("a", "k")) {
          assertEquals(guest + " goes on", host.run("goes_on " + guest + " 2"), moment);
        }
        while (host.inUse().get(0) != 1) {
          host.run("ticks 1");
        }
      }
      host.run("kill -9 $(cat $guests/a.pid $guests/k.pid); wait");
      end(host);
    }
  }

  /** The adversary is a user who stops the process again and again, also in its guest. */
  @Test
  void guestSurvivesThatItsProcessIsStopped() throws Exception {
    try (var host = boot(2, 1024)) {
      host.run("guest a duvisor 2 128; await a '/ # '; work a 1000000");
      host.run(
          "i=0; while [ $i -lt 300 ]; do i=$((i + 1)); kill -STOP $pid; kill -CONT $pid; done");
      assertEquals("a goes on", host.run("goes_on a 2"));
      host.run("kill -9 $pid; wait $pid");
      end(host);
    }
  }
}
