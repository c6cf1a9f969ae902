package org.duvisor.cli;

import java.util.Optional;
import org.duvisor.cli.command.GuestCommand;

/**
 * What the user asked of {@code duvisor run}, unjudged.
 *
 * @param guest what boards have too; its kernel is present
 * @param cpus number of vCPUs
 * @param aia whether the guest has AIA
 * @param console what the guest's console is
 * @param harts what the VM runs on
 * @param largestLeaf bytes of the largest leaf of the guest's stage 2
 * @param timed whether the time that exits take is measured, for the statistics
 * @param command what the guest runs instead of a shell
 */
public record VmOptions(
    GuestOptions guest,
    int cpus,
    boolean aia,
    Console console,
    Harts.Choice harts,
    long largestLeaf,
    boolean timed,
    Optional<GuestCommand> command) {
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
