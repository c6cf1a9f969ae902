package org.duvisor.conformance.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HexFormat;
import java.util.List;
import java.util.SplittableRandom;
import org.duvisor.hypervisor.vm.VmConfig;
import org.duvisor.hypervisor.vm.VmOutcome;
import org.duvisor.machine.Clock;
import org.duvisor.platform.sim.SimHost;
import org.duvisor.virtio.QueueWorker.Serving;
import org.duvisor.virtio.blk.Blk;
import org.duvisor.virtio.blk.RawFile;
import org.duvisor.virtio.console.Console;
import org.duvisor.virtio.rng.Rng;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Linux guests under DuVisor on the simulated platform. */
final class VmBootTest {
  private static final long MIB = 1 << 20;

  private static SimHost host(int guests) {
    return new SimHost(guests * 160L * MIB);
  }

  @ParameterizedTest
  @CsvSource({
    "1, interpreter",
    "4, interpreter",
    "1, jit",
    "4, jit",
    "2, jitSoon",
    "1, nativeCode",
    "4, nativeCode",
    "2, nativeAtOnce"
  })
  void bootsToAShellAndPowersOff(int cpus, TestEngine engine) throws Exception {
    var host = new SimHost(160 * MIB, Clock.realTime(), engine.factory());
    try (Guest guest = Guest.boot(host, cpus, "")) {
      guest.shell().prompt();
      assertEquals(Integer.toString(cpus), guest.shell().run("grep -c ^processor /proc/cpuinfo"));
      assertTrue(guest.shell().run("uname -a").contains("riscv64"));
      guest.shell().type("poweroff -f");
      assertEquals(new VmOutcome.Poweroff(), guest.outcome().get());
    }
  }

  /** Adversary: input that is there before the guest has opened its console. */
  @Test
  void inputTypedBeforeTheGuestListensIsNotLost() throws Exception {
    try (Guest guest = Guest.boot(host(1), 1, "")) {
      guest.shell().type("echo first-$((1 + 1)); poweroff -f");
      guest.shell().expect("first-2");
      assertEquals(new VmOutcome.Poweroff(), guest.outcome().get());
    }
  }

  /** Adversary: two VMs whose kernels use the same guest-physical addresses and the same ASIDs. */
  @Test
  void twoVmsOnOneHostDoNotMeet() throws Exception {
    SimHost host = host(2);
    try (Guest a = Guest.boot(host, 1, "");
        Guest b = Guest.boot(host, 2, "")) {
      a.shell().prompt();
      b.shell().prompt();
      a.shell().run("echo a >/tmp/mine");
      b.shell().run("echo b >/tmp/mine");
      assertEquals("a", a.shell().run("cat /tmp/mine"));
      assertEquals("b", b.shell().run("cat /tmp/mine"));
      assertNotEquals(
          a.shell().run("cat /proc/sys/kernel/random/boot_id"),
          b.shell().run("cat /proc/sys/kernel/random/boot_id"));
      a.shell().type("poweroff -f");
      assertEquals(new VmOutcome.Poweroff(), a.outcome().get());
      assertEquals("b", b.shell().run("cat /tmp/mine"));
      b.shell().type("poweroff -f");
      assertEquals(new VmOutcome.Poweroff(), b.outcome().get());
    }
  }

  /** The same on virtio-console, whose driver throws away what comes before its port is open. */
  @Test
  void inputTypedBeforeTheVirtioConsoleIsOpenIsNotLost() throws Exception {
    var early = new GuestShell();
    early.type("echo first-$((1 + 1)); stty size; poweroff -f");
    VmConfig.Builder builder =
        Guest.config("console=hvc0")
            .debugConsole(false)
            .virtio(List.of(new Console(93, 31, early, Serving.THREAD)));
    try (Guest guest = Guest.boot(host(1), builder)) {
      early.expect("first-2");
      early.expect("31 93");
      assertEquals(new VmOutcome.Poweroff(), guest.outcome().get());
    }
  }

  @Test
  void aRebootBootsAgain() throws Exception {
    try (Guest guest = Guest.boot(host(1), 2, "")) {
      guest.shell().prompt();
      guest.shell().type("reboot -f");
      guest.shell().prompt();
      guest.shell().type("poweroff -f");
      assertEquals(new VmOutcome.Poweroff(), guest.outcome().get());
    }
  }

  @Test
  void aPanicEndsTheVmInsteadOfStartingItAgain() throws Exception {
    try (Guest guest = Guest.boot(host(1), 1, "rdinit=/nonexistent")) {
      assertInstanceOf(VmOutcome.Reboot.class, guest.outcome().get());
      assertEquals(new VmOutcome.Reboot(true), guest.outcome().get());
      assertTrue(guest.shell().everything().contains("Kernel panic"));
    }
  }

  /** Adversary: a cache between guest and file that is not written back. */
  @Test
  void aDiskKeepsWhatIsWritten(@TempDir Path folder) throws Exception {
    Path file = folder.resolve("disk");
    byte[] half = new byte[(int) (32 * MIB)];
    new SplittableRandom(42).nextBytes(half);
    Files.write(file, half);
    Files.write(file, new byte[(int) (32 * MIB)], StandardOpenOption.APPEND);
    try (Guest guest =
        Guest.boot(
            host(1),
            1,
            "",
            new Rng(new SplittableRandom(1)),
            new Blk("vda", RawFile.open(file, false), Serving.THREAD))) {
      GuestShell shell = guest.shell();
      shell.prompt();
      String copy = "dd if=/dev/vda of=/dev/vda bs=1M count=32 seek=32 conv=notrunc 2>/dev/null";
      shell.run(copy + "; sync; echo 3 >/proc/sys/vm/drop_caches");
      String sum = shell.run("dd if=/dev/vda bs=1M skip=32 2>/dev/null | md5sum");
      assertEquals(md5(half), sum.split(" ")[0]);
      shell.type("poweroff -f");
      assertEquals(new VmOutcome.Poweroff(), guest.outcome().get());
    }
    byte[] all = Files.readAllBytes(file);
    assertEquals(md5(half), md5(java.util.Arrays.copyOfRange(all, half.length, all.length)));
  }

  private static String md5(byte[] bytes) throws IOException {
    try {
      return HexFormat.of().formatHex(java.security.MessageDigest.getInstance("MD5").digest(bytes));
    } catch (java.security.NoSuchAlgorithmException e) {
      throw new IOException(e);
    }
  }
}
