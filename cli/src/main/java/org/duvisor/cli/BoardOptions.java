package org.duvisor.cli;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * What the user asked of {@code duvisor machine}, unjudged.
 *
 * @param bios firmware, or a bare program, in M-mode: an ELF file or a flat binary
 * @param kernel what the firmware starts next
 * @param initrd the kernel's initial RAM disk
 * @param append the kernel's command line
 * @param harts number of harts
 * @param memory of the board
 * @param disks in the order given
 * @param net the network card's other end
 * @param dtb a device tree to use instead of the board's own
 * @param engine what executes the program
 * @param deterministic all harts on one thread, in virtual time: the same run each time
 * @param aia which of AIA's interrupt controllers, or none of them
 * @param guestFiles guest interrupt files of a hart; empty for the usual number
 * @param maxInstructions after how many instructions of all harts together to stop; 0 for no limit
 */
public record BoardOptions(
    Optional<Path> bios,
    Optional<Path> kernel,
    Optional<Path> initrd,
    String append,
    int harts,
    Size memory,
    List<Disk> disks,
    Net net,
    Optional<Path> dtb,
    Engine engine,
    boolean deterministic,
    Aia aia,
    OptionalInt guestFiles,
    long maxInstructions) {}
