package org.duvisor.cli;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * What the user asked of {@code duvisor run}, unjudged.
 *
 * @param kernel a Linux Image, or an ELF file; both may be compressed
 * @param initrd its initial RAM disk
 * @param append the kernel's command line
 * @param cpus number of vCPUs
 * @param memory of the guest
 * @param disks in the order given: vda, vdb, ...
 * @param net the network card's other end
 * @param console what the guest's console is
 * @param harts what the VM runs on
 * @param engine what executes guest code on simulated harts
 * @param timed whether the time that exits take is measured, for the statistics
 * @param reboot whether a reboot starts the guest again; otherwise it ends the VM
 */
public record VmOptions(
    Path kernel,
    Optional<Path> initrd,
    String append,
    int cpus,
    Size memory,
    List<Disk> disks,
    Net net,
    Console console,
    Harts.Choice harts,
    Engine engine,
    boolean timed,
    boolean reboot) {
  /** The device that carries the guest's console. */
  public enum Console {
    /** A 16550 UART, {@code ttyS0}: there from the first instruction on. */
    uart,
    /** virtio-console, {@code hvc0}: far fewer exits a byte. */
    virtio,
    /** No console: output is dropped. */
    none
  }
}
