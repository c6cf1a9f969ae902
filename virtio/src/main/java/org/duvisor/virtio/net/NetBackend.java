package org.duvisor.virtio.net;

import java.nio.ByteBuffer;

/**
 * The network a device's cable leads to. Frames are Ethernet frames from the destination address
 * on, without preamble and check sequence. Sending never reports an error: what cannot be delivered
 * is lost, as on a wire.
 */
public interface NetBackend extends AutoCloseable {
  /** Shortest frame carried: two addresses and a type, in bytes. */
  int MIN_FRAME = 14;

  /** Longest frame carried, in bytes. */
  int MAX_FRAME = 65_536;

  /** The device's side of the cable. May be called from any thread. */
  interface Port {
    /**
     * Offers a frame of {@link #MIN_FRAME} to {@link #MAX_FRAME} bytes; the buffer is the caller's
     * again afterwards.
     *
     * @return false when the guest has no room now: keep the frame until {@link NetBackend#room} or
     *     lose it; true when it was taken, or lost because no driver runs
     */
    boolean receive(ByteBuffer frame);

    /** The link went up or down. */
    void link(boolean up);
  }

  /** Plugs the cable in; called once, before anything else. */
  void plug(Port port);

  /** Whether the other end is there at the start. */
  default boolean up() {
    return true;
  }

  /**
   * Sends the remaining bytes of {@code frame}, {@link #MIN_FRAME} to {@link #MAX_FRAME}. Called by
   * one thread at a time, holding no lock that {@link Port#receive} needs. May wait for a peer.
   */
  void send(ByteBuffer frame);

  /**
   * The guest may have room again after {@link Port#receive} said no: for those that keep frames.
   * May be called at any time; must not wait.
   */
  default void room() {}

  /** Unplugs; frees a thread that waits in {@link #send}. Idempotent. */
  @Override
  void close();
}
