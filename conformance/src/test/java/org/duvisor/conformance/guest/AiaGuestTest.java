package org.duvisor.conformance.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import org.duvisor.hypervisor.exit.ExitKind;
import org.duvisor.hypervisor.vm.VmConfig;
import org.duvisor.hypervisor.vm.VmOutcome;
import org.duvisor.machine.Clock;
import org.duvisor.machine.HartConfig;
import org.duvisor.platform.sim.SimHost;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Linux guests with AIA: their IMSICs are guest interrupt files of the simulated harts. */
final class AiaGuestTest {
  private static final long MEMORY = 160 << 20;

  private static SimHost host(TestEngine engine) {
    return new SimHost(
        MEMORY, Clock.realTime(), engine.factory(), HartConfig.STANDARD.withGuestFiles(1));
  }

  private static VmConfig.Builder config(int cpus) {
    return Guest.config("").cpus(cpus).aia(true);
  }

  private static long count(Guest guest, ExitKind kind) {
    return guest.vm().stats().count(kind);
  }

  private static long sum(String numbers) {
    return Arrays.stream(numbers.split("\\s+"))
        .filter(w -> w.matches("[0-9]+"))
        .mapToLong(Long::parseLong)
        .sum();
  }

  @ParameterizedTest
  @CsvSource({"1, interpreter", "4, interpreter", "1, jit", "4, jit"})
  void interruptsOfDevicesAndOtherCpusComeWithoutAnExit(int cpus, TestEngine engine)
      throws Exception {
    SimHost host = host(engine);
    try (Guest guest = Guest.boot(host, config(cpus))) {
      GuestShell shell = guest.shell();
      shell.prompt();
      assertEquals(Integer.toString(cpus), shell.run("grep -c ^processor /proc/cpuinfo"));
      String uart = shell.run("grep ttyS0 /proc/interrupts");
      assertTrue(uart.contains("APLIC-MSI"), uart);
      shell.run("for i in 1 2 3 4 5 6 7 8; do (echo $i | cat | cat >/dev/null) & done; wait");
      long ipis = sum(shell.run("grep '^IPI[01]' /proc/interrupts"));
      assertTrue(cpus == 1 || ipis > 50, "the guest has sent " + ipis);
      assertEquals(0, count(guest, ExitKind.IPI));
      assertEquals(0, count(guest, ExitKind.HOST_EVENT));
      assertEquals(0, count(guest, ExitKind.INJECTED));
      shell.type("poweroff -f");
      assertEquals(new VmOutcome.Poweroff(), guest.outcome().get());
    }
    assertTrue(host.isIdle());
  }

  /** The files go back and come anew; nobody's guest finds one missing meanwhile. */
  @Test
  void aRebootBootsAgain() throws Exception {
    try (Guest guest = Guest.boot(host(TestEngine.jit), config(4))) {
      guest.shell().prompt();
      guest.shell().type("reboot -f");
      guest.shell().prompt();
      assertEquals("4", guest.shell().run("grep -c ^processor /proc/cpuinfo"));
      guest.shell().type("poweroff -f");
      assertEquals(new VmOutcome.Poweroff(), guest.outcome().get());
    }
  }

  /** A stopped hart forgets what came; started again it has interrupts as before. */
  @Test
  void aCpuThatIsUnpluggedComesBack() throws Exception {
    try (Guest guest = Guest.boot(host(TestEngine.jit), config(2))) {
      GuestShell shell = guest.shell();
      shell.prompt();
      String online = "/sys/devices/system/cpu/cpu1/online";
      for (int i = 0; i < 3; i++) {
        assertEquals("0", shell.run("echo 0 >" + online + "; cat " + online));
        assertEquals("1", shell.run("echo 1 >" + online + "; cat " + online));
        assertEquals("on 1", shell.run("taskset 2 sh -c 'echo on 1'"));
      }
      shell.type("poweroff -f");
      assertEquals(new VmOutcome.Poweroff(), guest.outcome().get());
    }
  }

  /** Two VMs whose kernels have their IMSICs at the same guest-physical address. */
  @Test
  void twoVmsOnOneHostDoNotMeet() throws Exception {
    var host =
        new SimHost(
            2 * MEMORY,
            Clock.realTime(),
            TestEngine.jit.factory(),
            HartConfig.STANDARD.withGuestFiles(1));
    try (Guest a = Guest.boot(host, config(2));
        Guest b = Guest.boot(host, config(2))) {
      a.shell().prompt();
      b.shell().prompt();
      a.shell().type("poweroff -f");
      assertEquals(new VmOutcome.Poweroff(), a.outcome().get());
      assertEquals("2", b.shell().run("grep -c ^processor /proc/cpuinfo"));
      b.shell().type("poweroff -f");
      assertEquals(new VmOutcome.Poweroff(), b.outcome().get());
    }
  }
}
