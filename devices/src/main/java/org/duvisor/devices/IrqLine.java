package org.duvisor.devices;

/** A level-triggered interrupt line, driven by one device. May be called from any thread. */
@FunctionalInterface
public interface IrqLine {
  /** A line that leads nowhere. */
  IrqLine NONE = level -> {};

  /**
   * Drives the line high or low. High again tells of another reason to interrupt while the line is
   * high; a controller that looks at levels alone need not care.
   */
  void set(boolean level);
}
