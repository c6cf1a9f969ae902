package org.duvisor.virtio.testing;

import org.duvisor.devices.IrqLine;

/** A line that counts its rising edges. Thread-safe. */
public final class TestIrq implements IrqLine {
  private boolean level;
  private int edges;

  /** A low line. */
  public TestIrq() {}

  @Override
  public synchronized void set(boolean newLevel) {
    if (newLevel && !level) {
      edges++;
    }
    level = newLevel;
  }

  /** Whether the line is high. */
  public synchronized boolean level() {
    return level;
  }

  /** Rising edges so far. */
  public synchronized int edges() {
    return edges;
  }
}
