package org.duvisor.devices;

/** A level-triggered interrupt line, driven by one device. May be called from any thread. */
@FunctionalInterface
public interface IrqLine {
  /** A line that leads nowhere. */
  IrqLine NONE = level -> {};

  /** Drives the line high or low; repeating the level changes nothing. */
  void set(boolean level);
}
