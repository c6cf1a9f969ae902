package org.duvisor.conformance.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.duvisor.conformance.guest.StackHost.Setup;
import org.duvisor.machine.board.BoardOutcome;
import org.duvisor.machine.board.InterruptController;
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
  private static final int MEGABYTES = 1024;

  /** Kernels that hosts run. */
  enum Kernel {
    /** The one of guest/host.sh. */
    own,
    /** Debian's, as it is. */
    stock
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
    Setup setup = Setup.deterministic(harts, MEGABYTES).with(interrupts);
    try (var host = StackHost.boot(images, setup, images.root())) {
      host.ready();
      runGuest(host, harts, interrupts == InterruptController.APLIC_IMSIC);
      assertEquals("", host.trouble());
      assertEquals(new BoardOutcome.Finished(0), host.powerOff());
    }
  }

  private static void runGuest(StackHost host, int vcpus, boolean aia) throws InterruptedException {
    host.run("dd if=/dev/urandom of=/tmp/disk bs=1M count=8 2>/dev/null");
    host.run("{ nc -l -p 7777 -e cat /tmp/disk & }");
    String served = checksum(host);
    // KVM of Linux 6.12 loses wake-ups of vCPUs that move between harts with AIA (docs/kvm.md).
    String where = aia && vcpus > 1 ? "taskset 4 " : "";
    host.start(
        where
            + "qemu-kvm -m 128M -nographic -M virt"
            + (aia ? ",aia=aplic-imsic" : "")
            + (" -smp " + vcpus)
            + " -kernel /usr/share/duvisor/Image -initrd /usr/share/duvisor/initramfs.cpio.gz"
            + " -append 'console=ttyS0 quiet'"
            + " -drive file=/tmp/disk,format=raw,if=none,id=d -device virtio-blk-device,drive=d"
            + " -netdev user,id=n -device virtio-net-device,netdev=n");
    GuestShell guest = host.shell();
    guest.prompt();
    assertEquals(Integer.toString(vcpus), guest.run("grep -c ^processor /proc/cpuinfo"));
    String controller = aia ? "APLIC-MSI" : "PLIC";
    assertTrue(guest.run("grep virtio /proc/interrupts").contains(controller));
    // rdtime in user mode: of the first vCPU too, and with one alone
    assertTrue(guest.run("taskset 1 ping -c 1 127.0.0.1").contains("1 packets received"));
    network(guest, served);
    String written = disk(guest, vcpus);
    guest.type("poweroff -f");
    host.finish();
    assertEquals(written, checksum(host), "the disk holds what the guest wrote");
    assertEquals("0", host.run("dmesg | grep -c 'kvm.*error'"));
  }

  /** Of the disk, as the host sees it. */
  private static String checksum(StackHost host) throws InterruptedException {
    return host.run("sha256sum </tmp/disk").split(" ")[0];
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
