package org.duvisor.devices.chardev;

/** A backend whose input waits in a queue, and which holds no output back. */
public abstract class QueuedBackend implements CharBackend {
  /** What the device has not taken yet. */
  protected final InputQueue input;

  /** A backend that has up to {@code capacity} bytes of input waiting. */
  protected QueuedBackend(int capacity) {
    input = new InputQueue(capacity);
  }

  @Override
  public void flush() {}

  @Override
  public int receive(byte[] into, int offset, int length) {
    return input.take(into, offset, length);
  }

  @Override
  public void onInput(Runnable listener) {
    input.onInput(listener);
  }
}
