package org.duvisor.machine.board;

import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import org.duvisor.devices.chardev.CharBackend;
import org.duvisor.machine.Engine;
import org.duvisor.machine.Hart;
import org.duvisor.machine.HartConfig;
import org.duvisor.machine.interp.Interpreter;
import org.duvisor.virtio.VirtioDevice;
import org.jspecify.annotations.Nullable;

/**
 * What a board is made of.
 *
 * @param harts 1..64
 * @param memoryBytes RAM, a multiple of 4 KiB
 * @param hart what its harts implement
 * @param engine what executes for them
 * @param virtio its virtio devices in the order of their slots; the board owns and closes them
 * @param console the other end of its UART
 * @param clock its real-time clock, if it does not show the board's own time
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
    Optional<InstantSource> clock,
    boolean deterministic,
    InterruptController interrupts) {
  /** Virtio slots, as on QEMU virt. */
  public static final int VIRTIO_SLOTS = 8;

  /** When the real-time clock of a deterministic board starts, unless it is given another. */
  public static final Instant FIXED = Instant.parse("2026-01-01T00:00:00Z");

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

  /**
   * A board with interpreting standard harts, a PLIC and no devices beyond its own, in real time;
   * the rest is set by the builder.
   */
  public static Builder of(int harts, long memoryBytes, CharBackend console) {
    return new Builder(harts, memoryBytes, console);
  }

  /** Sets one thing at a time. */
  public static final class Builder {
    private final int harts;
    private final long memoryBytes;
    private final CharBackend console;
    private HartConfig hart = HartConfig.STANDARD;
    private Function<Hart, Engine> engine = Interpreter::new;
    private List<VirtioDevice> virtio = List.of();
    private @Nullable InstantSource clock;
    private boolean deterministic;
    private @Nullable InterruptController interrupts;

    private Builder(int harts, long memoryBytes, CharBackend console) {
      this.harts = harts;
      this.memoryBytes = memoryBytes;
      this.console = console;
    }

    /** What executes for the harts. */
    public Builder engine(Function<Hart, Engine> value) {
      engine = value;
      return this;
    }

    /** The virtio devices. */
    public Builder virtio(List<VirtioDevice> value) {
      virtio = value;
      return this;
    }

    /** Virtual time, with a real-time clock that starts at {@link #FIXED}, or real time. */
    public Builder deterministic(boolean value) {
      deterministic = value;
      return this;
    }

    /** Another real-time clock. */
    public Builder clock(InstantSource value) {
      clock = value;
      return this;
    }

    /** Other harts; the interrupt controller goes with them unless it is set, AIA's or a PLIC. */
    public Builder hart(HartConfig value) {
      hart = value;
      return this;
    }

    /** Another interrupt controller; harts have the usual AIA if it needs them to. */
    public Builder interrupts(InterruptController value) {
      interrupts = value;
      return this;
    }

    /** The configuration. */
    public BoardConfig build() {
      InterruptController controller = interrupts;
      if (controller == null) {
        controller = hart.aia() ? InterruptController.APLIC_IMSIC : InterruptController.PLIC;
      }
      boolean lacking = controller == InterruptController.APLIC_IMSIC && !hart.aia();
      InstantSource time = clock == null && !deterministic ? InstantSource.system() : clock;
      return new BoardConfig(
          harts,
          memoryBytes,
          lacking ? hart.withGuestFiles(hart.usualGuestFiles()) : hart,
          engine,
          virtio,
          console,
          Optional.ofNullable(time),
          deterministic,
          controller);
    }
  }
}
