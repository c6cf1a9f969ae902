package org.duvisor.devices.chardev;

/**
 * The host side of a character device: two byte streams. Output is pushed by the device; input is
 * pulled by it, so that no byte is lost when the guest is slow: what the guest has not asked for
 * stays on the host. All methods may be called from any thread.
 */
public interface CharBackend {
  /** What {@link #receive} returns when the input has ended and every byte of it was taken. */
  int END = -1;

  /**
   * Takes one byte of output. Writing to the host is batched: it happens at the end of a line, when
   * the guest pauses, and on {@link #flush}. May block while the host does not take more.
   */
  void transmit(byte value);

  /** Takes {@code length} bytes of output; the same as {@link #transmit(byte)} of each. */
  default void transmit(byte[] from, int offset, int length) {
    for (int i = offset; i < offset + length; i++) {
      transmit(from[i]);
    }
  }

  /** Hands all output taken so far to the host. */
  void flush();

  /**
   * Moves input into an array without blocking.
   *
   * @param length most bytes to move, at least 1
   * @return the bytes moved, 0 when there are none now, {@link #END} when there will never be more
   */
  int receive(byte[] into, int offset, int length);

  /**
   * Names the one listener called, on a thread of the backend and without its locks held, whenever
   * input appears (or ends) after {@link #receive} found nothing. It is called once at registration
   * when there is input already.
   */
  void onInput(Runnable listener);

  /** A backend that forgets output and whose input has ended. */
  static CharBackend none() {
    return new CharBackend() {
      @Override
      public void transmit(byte value) {}

      @Override
      public void flush() {}

      @Override
      public int receive(byte[] into, int offset, int length) {
        return END;
      }

      @Override
      public void onInput(Runnable listener) {}
    };
  }
}
