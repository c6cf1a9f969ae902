package org.duvisor.cli;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * What the user asked for and VMs and boards have alike, unjudged.
 *
 * @param kernel a Linux Image, or an ELF file; both may be compressed
 * @param initrd its initial RAM disk
 * @param append the kernel's command line
 * @param memory of the guest
 * @param disks in the order given: vda, vdb, ...
 * @param shares host folders in the order given
 * @param net the network card's other end
 * @param engine what executes guest code
 * @param dump where to write what the engine translates
 * @param reboot whether a reboot starts the guest again; otherwise it is its end
 */
public record GuestOptions(
    Optional<Path> kernel,
    Optional<Path> initrd,
    String append,
    Size memory,
    List<Disk> disks,
    List<Share> shares,
    Net net,
    Engine engine,
    Optional<Path> dump,
    boolean reboot) {
  /** The same with other images. */
  GuestOptions with(Path otherKernel, Optional<Path> otherInitrd) {
    return new GuestOptions(
        Optional.of(otherKernel),
        otherInitrd,
        append,
        memory,
        disks,
        shares,
        net,
        engine,
        dump,
        reboot);
  }
}
