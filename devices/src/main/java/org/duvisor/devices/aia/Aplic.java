package org.duvisor.devices.aia;

import java.nio.ByteBuffer;
import java.util.List;
import java.util.Optional;
import org.duvisor.devices.IrqLine;
import org.duvisor.devices.Snapshot;
import org.duvisor.devices.fdt.Node;

/**
 * An advanced platform-level interrupt controller (AIA chapter 4): a root domain at machine level
 * and one child at supervisor level, to which the root delegates sources. It delivers to the
 * external-interrupt wires of harts, or as MSIs; which of the two is wired, once and for all.
 *
 * <p>One lock guards both domains. Outputs are driven and MSIs sent while it is held and must not
 * call back.
 */
public final class Aplic {
  /**
   * How a domain is wired.
   *
   * @param phandle of the domain's node
   * @param outputs the external interrupt of each hart at the domain's level; not driven with MSIs
   * @param cause the number of that interrupt, 9 or 11
   * @param imsic phandle of the IMSIC that MSIs go to, 0 without
   */
  public record Level(int phandle, List<IrqLine> outputs, int cause, int imsic) {
    /** Copies the list. */
    public Level {
      outputs = List.copyOf(outputs);
    }
  }

  private static final int MAX_SOURCES = 1023;

  /** High level, in an interrupt specifier. */
  private static final int LEVEL_HIGH = 4;

  final int sources;
  final Optional<MsiBus> msis;
  private final boolean[] high;
  private final AplicDomain machine;
  private final AplicDomain supervisor;

  /**
   * A controller.
   *
   * @param sources the highest source number, 1 to 1023
   * @param firstController phandle of the interrupt controller of hart 0; the others follow
   * @param msis where MSIs go; without it, interrupts are delivered by wire
   */
  public Aplic(
      int sources, int firstController, Level machine, Level supervisor, Optional<MsiBus> msis) {
    if (sources < 1 || sources > MAX_SOURCES) {
      throw new IllegalArgumentException("an APLIC with " + sources + " sources");
    }
    this.sources = sources;
    this.msis = msis;
    this.high = new boolean[sources + 1];
    this.machine = new AplicDomain(this, machine, firstController, null);
    this.supervisor = new AplicDomain(this, supervisor, firstController, this.machine);
  }

  /** The wires of sources; under the lock. */
  void snapshotInputs(Snapshot s) {
    s.flags(high);
  }

  /** The root domain's registers. */
  public AplicDomain machine() {
    return machine;
  }

  /** The supervisor domain's registers. */
  public AplicDomain supervisor() {
    return supervisor;
  }

  /**
   * The input wire of a source.
   *
   * @throws IllegalArgumentException when there is no such source
   */
  public IrqLine source(int source) {
    if (source < 1 || source > sources) {
      throw new IllegalArgumentException("no APLIC source " + source);
    }
    return level -> drive(source, level);
  }

  /**
   * Does what firmware does for a system that sees the supervisor domain alone: delegates all
   * sources to it, and says where its MSIs go.
   *
   * @param imsic address of hart 0's interrupt file; those of the others follow page by page
   * @param harts how many there are
   */
  public void delegateAll(long imsic, int harts) {
    machine.delegateAll(imsic >>> 12, Imsic.bitsFor(harts));
  }

  /**
   * Gives the interrupts of the devices below {@code soc}, which have one cell, the two cells that
   * this controller wants.
   */
  public static void specify(Node soc) {
    for (Node node : soc.children()) {
      Optional<byte[]> number = node.property("interrupts");
      if (number.isPresent() && number.get().length == 4) {
        node.cells("interrupts", ByteBuffer.wrap(number.get()).getInt(), LEVEL_HIGH);
      }
    }
  }

  private synchronized void drive(int source, boolean level) {
    if (high[source] != level) {
      high[source] = level;
      machine.inputChanged(source);
      supervisor.inputChanged(source);
    }
  }

  boolean high(int source) {
    return high[source];
  }
}
