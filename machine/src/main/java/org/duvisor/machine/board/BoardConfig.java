package org.duvisor.machine.board;

import java.time.InstantSource;
import java.util.List;
import java.util.function.Function;
import org.duvisor.devices.Timers;
import org.duvisor.devices.chardev.CharBackend;
import org.duvisor.machine.Engine;
import org.duvisor.machine.Hart;
import org.duvisor.machine.HartConfig;
import org.duvisor.machine.interp.Interpreter;
import org.duvisor.virtio.VirtioDevice;

/**
 * What a board is made of.
 *
 * @param harts 1..64
 * @param memoryBytes RAM, a multiple of 4 KiB
 * @param hart what its harts implement
 * @param engine what executes for them
 * @param virtio its virtio devices in the order of their slots; the board owns and closes them
 * @param console the other end of its UART
 * @param clock its real-time clock
 * @param timers alarms of that clock
 * @param deterministic all harts on one thread in virtual time: the same result each time
 * @param interrupts what brings the interrupts of devices to the harts
 */
public record BoardConfig(
    int harts,
    long memoryBytes,
    HartConfig hart,
    Function<Hart, Engine> engine,
    List<VirtioDevice> virtio,
    CharBackend console,
    InstantSource clock,
    Timers timers,
    boolean deterministic,
    InterruptController interrupts) {
  /** Virtio slots, as on QEMU virt. */
  public static final int VIRTIO_SLOTS = 8;

  /**
   * Checks ranges.
   *
   * @throws BoardException with one line for the user
   */
  public BoardConfig {
    virtio = List.copyOf(virtio);
    if (harts < 1 || harts > 64) {
      throw new BoardException("a board has 1 to 64 harts, not " + harts);
    }
    if (memoryBytes < 1 << 20 || memoryBytes % 4096 != 0 || memoryBytes > 1L << 40) {
      throw new BoardException("the memory of a board is a multiple of 4 KiB, from 1 MiB to 1 TiB");
    }
    if (virtio.size() > VIRTIO_SLOTS) {
      throw new BoardException(
          "a board has " + VIRTIO_SLOTS + " virtio slots, not " + virtio.size());
    }
    if (hart.aia() != (interrupts == InterruptController.APLIC_IMSIC)) {
      throw new BoardException("harts with AIA go with an IMSIC, and others do not");
    }
  }

  /** A board whose harts say which interrupt controller it has: AIA's, or a PLIC. */
  public BoardConfig(
      int harts,
      long memoryBytes,
      HartConfig hart,
      Function<Hart, Engine> engine,
      List<VirtioDevice> virtio,
      CharBackend console,
      InstantSource clock,
      Timers timers,
      boolean deterministic) {
    this(
        harts,
        memoryBytes,
        hart,
        engine,
        virtio,
        console,
        clock,
        timers,
        deterministic,
        hart.aia() ? InterruptController.APLIC_IMSIC : InterruptController.PLIC);
  }

  /** A board with interpreting standard harts and no devices beyond its own. */
  public static BoardConfig of(int harts, long memoryBytes, CharBackend console) {
    return new BoardConfig(
        harts,
        memoryBytes,
        HartConfig.STANDARD,
        Interpreter::new,
        List.of(),
        console,
        InstantSource.system(),
        Timers.never(),
        false);
  }

  /** The same with virtio devices. */
  public BoardConfig with(List<VirtioDevice> devices) {
    return new BoardConfig(
        harts,
        memoryBytes,
        hart,
        engine,
        devices,
        console,
        clock,
        timers,
        deterministic,
        interrupts);
  }

  /** The same with another interrupt controller, and harts that go with it. */
  public BoardConfig with(InterruptController other) {
    int files =
        other == InterruptController.APLIC_IMSIC ? HartConfig.USUAL_GUEST_FILES : HartConfig.NO_AIA;
    return new BoardConfig(
        harts,
        memoryBytes,
        hart.withGuestFiles(files),
        engine,
        virtio,
        console,
        clock,
        timers,
        deterministic,
        other);
  }
}
