package org.duvisor.cli;

import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * What the user asked of {@code duvisor machine}, unjudged.
 *
 * @param bios firmware, or a bare program, in M-mode: an ELF file or a flat binary
 * @param guest what VMs have too; its kernel is what the firmware starts next
 * @param harts number of harts
 * @param dtb a device tree to use instead of the board's own
 * @param deterministic all harts on one thread, in virtual time: the same run each time
 * @param aia which of AIA's interrupt controllers, or none of them
 * @param guestFiles guest interrupt files of a hart; empty for the usual number
 * @param maxInstructions after how many instructions of all harts together to stop; 0 for no limit
 */
public record BoardOptions(
    Optional<Path> bios,
    GuestOptions guest,
    int harts,
    Optional<Path> dtb,
    boolean deterministic,
    Aia aia,
    OptionalInt guestFiles,
    long maxInstructions) {}
