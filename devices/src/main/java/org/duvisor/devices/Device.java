package org.duvisor.devices;

import org.duvisor.devices.fdt.Node;

/**
 * A memory-mapped device. Accesses come from the threads of all harts or vCPUs at once; a device
 * guards its own state. Nothing a guest writes is an exception: it becomes a device status, or is
 * ignored as the device's manual says.
 *
 * <p>A class and not an interface: the call of a method costs a fifth then, on the way of each
 * exit.
 */
public abstract class Device {
  /** Length of the register window in bytes, a power of two. */
  public abstract long size();

  /**
   * Reads a register.
   *
   * @param offset byte offset in the window, aligned to {@code width}
   * @param width 1, 2, 4 or 8 bytes
   * @return the value, zero-extended; 0 for a register or width that does not exist
   */
  public abstract long read(long offset, int width);

  /** Writes a register; the bits of {@code value} above {@code width} bytes are undefined. */
  public abstract void write(long offset, int width, long value);

  /** Brings the device to its power-on state and its interrupt lines low. */
  public abstract void reset();

  /** Saves or restores what the guest can see of it, and what it has to remember. */
  public abstract void snapshot(Snapshot s);

  /**
   * Adds this device's node below {@code soc}, the simple-bus node.
   *
   * @param base address of the window
   * @param irq interrupt number at the PLIC, 0 when none is wired
   * @param plic phandle of the interrupt controller
   */
  public abstract void describe(Node soc, long base, int irq, int plic);
}
