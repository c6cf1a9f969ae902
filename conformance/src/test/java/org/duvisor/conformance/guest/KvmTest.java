package org.duvisor.conformance.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.SplittableRandom;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.duvisor.devices.Timers;
import org.duvisor.machine.HartConfig;
import org.duvisor.machine.board.Board;
import org.duvisor.machine.board.BoardConfig;
import org.duvisor.machine.board.BoardOutcome;
import org.duvisor.machine.board.InterruptController;
import org.duvisor.virtio.QueueWorker.Serving;
import org.duvisor.virtio.blk.Blk;
import org.duvisor.virtio.blk.RawFile;
import org.duvisor.virtio.rng.Rng;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * KVM on the machine: a stock QEMU on a host Linux runs a guest with virtio disk and network. Needs
 * the images of guest/full-stack.sh, and minutes. Boards are deterministic: a computer that is busy
 * is slow, and nothing else.
 */
@Tag("slow")
final class KvmTest {
  private static final long MEMORY = 1L << 30;
  private static final Duration PATIENCE = Duration.ofMinutes(60);
  private static final String HOST_PROMPT = "host:~ # ";

  /** Kernels that hosts run. */
  enum Kernel {
    /** The one of guest/host.sh. */
    own,
    /** Debian's, as it is. */
    stock
  }

  private static BoardConfig config(
      int harts, InterruptController interrupts, Path root, GuestShell shell) throws IOException {
    return new BoardConfig(
            harts,
            MEMORY,
            HartConfig.STANDARD,
            TestEngine.jitInTurns.factory(),
            List.of(
                new Rng(new SplittableRandom(1)),
                new Blk("vda", RawFile.open(root, true), Serving.INLINE)),
            shell,
            InstantSource.fixed(Instant.EPOCH),
            Timers.never(),
            true)
        .with(interrupts);
  }

  @ParameterizedTest
  @CsvSource({
    "own, 1, PLIC",
    "own, 1, APLIC_IMSIC",
    "own, 4, PLIC",
    "own, 4, APLIC_IMSIC",
    "stock, 1, PLIC",
    "stock, 4, APLIC_IMSIC",
  })
  void aGuestWithDiskAndNetworkRuns(Kernel kernel, int harts, InterruptController interrupts)
      throws Exception {
    StackImages own = StackImages.find();
    StackImages images = kernel == Kernel.stock ? own.withStockKernel() : own;
    var shell = new GuestShell(PATIENCE);
    var machine = new Board(config(harts, interrupts, images.root(), shell));
    try (var board = new BoardThread(machine, images.boot(""), shell)) {
      runGuest(shell, harts, interrupts == InterruptController.APLIC_IMSIC);
      shell.type("poweroff -f");
      assertEquals(new BoardOutcome.Finished(0), board.outcome());
    }
  }

  private static void runGuest(GuestShell shell, int vcpus, boolean aia)
      throws InterruptedException {
    shell.expect(HOST_PROMPT);
    shell.type(
        "dd if=/dev/urandom of=/tmp/disk bs=1M count=8 2>/dev/null; nc -l -p 7777 -e cat /tmp/disk"
            + " &");
    shell.expect(HOST_PROMPT);
    String served = checksum(shell);
    // KVM of Linux 6.12 loses wake-ups of vCPUs that move between harts with AIA (docs/kvm.md).
    String where = aia && vcpus > 1 ? "taskset 4 " : "";
    shell.type(
        where
            + "qemu-system-riscv64 -accel kvm -cpu host -m 128M -nographic -M virt"
            + (aia ? ",aia=aplic-imsic" : "")
            + (" -smp " + vcpus)
            + " -kernel /usr/share/duvisor/Image -initrd /usr/share/duvisor/initramfs.cpio.gz"
            + " -append 'console=ttyS0 quiet'"
            + " -drive file=/tmp/disk,format=raw,if=none,id=d -device virtio-blk-device,drive=d"
            + " -netdev user,id=n -device virtio-net-device,netdev=n");
    shell.prompt();
    assertEquals(Integer.toString(vcpus), shell.run("grep -c ^processor /proc/cpuinfo"));
    String controller = aia ? "APLIC-MSI" : "PLIC";
    assertTrue(shell.run("grep virtio /proc/interrupts").contains(controller));
    network(shell, served);
    String written = disk(shell, vcpus);
    shell.type("poweroff -f");
    shell.expect(HOST_PROMPT);
    assertEquals(written, checksum(shell), "the disk holds what the guest wrote");
    shell.type("dmesg | grep -c -E 'WARNING|BUG|Oops|kvm.*error'; echo out-$((40 + 2))");
    assertTrue(shell.expect("out-42").contains("\n0\r\n"), shell.everything());
    shell.expect(HOST_PROMPT);
  }

  /** Of the disk, as the host sees it. */
  private static String checksum(GuestShell shell) throws InterruptedException {
    shell.type("sha256sum </tmp/disk; echo out-$((40 + 2))");
    Matcher sum = Pattern.compile("[0-9a-f]{64}").matcher(shell.expect("out-42"));
    assertTrue(sum.find());
    shell.expect(HOST_PROMPT);
    return sum.group();
  }

  /** Writes the disk, reads it back from every vCPU at once, past the cache; its checksum. */
  private static String disk(GuestShell shell, int vcpus) throws InterruptedException {
    String sum =
        shell.run("dd if=/dev/urandom of=/tmp/r bs=1M count=8 2>/dev/null; sha256sum /tmp/r");
    String expected = sum.split(" ")[0];
    assertEquals(64, expected.length(), sum);
    shell.run("dd if=/tmp/r of=/dev/vda bs=64k conv=fsync 2>/dev/null");
    String read =
        shell.run(
            "echo 3 >/proc/sys/vm/drop_caches; i=0; while [ $i -lt "
                + vcpus
                + " ]; do taskset $(printf %x $((1 << i))) sha256sum /dev/vda & i=$((i + 1)); done;"
                + " wait");
    assertEquals(vcpus, read.split(expected, -1).length - 1, read);
    return expected;
  }

  /** What the host serves, through QEMU's user-mode network. */
  private static void network(GuestShell shell, String expected) throws InterruptedException {
    shell.run("ip addr add 10.0.2.15/24 dev eth0 2>/dev/null; ip link set eth0 up");
    String fetched = shell.run("nc 10.0.2.2 7777 </dev/null | sha256sum");
    assertTrue(fetched.contains(expected), fetched);
  }
}
