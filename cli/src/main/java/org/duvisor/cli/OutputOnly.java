package org.duvisor.cli;

import org.duvisor.devices.chardev.CharBackend;

/** The output side of a console whose input is another device's. */
record OutputOnly(CharBackend console) implements CharBackend {
  @Override
  public void transmit(byte value) {
    console.transmit(value);
  }

  @Override
  public void transmit(byte[] from, int offset, int length) {
    console.transmit(from, offset, length);
  }

  @Override
  public void flush() {
    console.flush();
  }

  @Override
  public int receive(byte[] into, int offset, int length) {
    return 0;
  }

  @Override
  public void onInput(Runnable listener) {}
}
