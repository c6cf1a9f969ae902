package org.duvisor.devices;

/** A line that remembers its level and how often it changed. */
final class TestLine implements IrqLine {
  boolean high;
  int changes;

  @Override
  public void set(boolean level) {
    if (level != high) {
      high = level;
      changes++;
    }
  }
}
