package org.duvisor.virtio;

import org.duvisor.devices.Snapshot;

/**
 * The device behind a transport (VIRTIO 1.2, chapters 2 and 5). Called by the threads of all vCPUs;
 * the transport calls {@link #start} and {@link #reset} one at a time, {@link #notify(int)} at any
 * time and from several threads.
 *
 * <p>A device serves a queue only inside {@code synchronized (queue)}, and may keep that monitor
 * for one request's host I/O but never wait there for something the guest or a network peer has to
 * do.
 */
public interface VirtioDevice extends AutoCloseable {
  /** What a driver finds. Always the same object. */
  Offer offer();

  /**
   * The driver wrote the configuration; ignored unless the device has a writable field.
   *
   * @param offset byte offset in the configuration, inside it
   * @param width 1, 2, 4 or 8 bytes
   */
  default void configWritten(int offset, int width, long value) {}

  /** The driver set DRIVER_OK: its queues may be used until {@link #reset}. */
  void start(Session session);

  /** Where {@link #notify} leaves queues for a thread; always the same object. */
  Doorbell doorbell();

  /** The driver made buffers available in a queue; to be ignored unless started. */
  void notify(int queue);

  /**
   * Saves or restores what it remembers beside its queues; after {@link #start} when it restores
   * and the driver had started it.
   *
   * @throws Snapshot.RefusedException when it cannot
   */
  void snapshot(Snapshot s);

  /**
   * Forgets the session and all volatile state. The session's queues are disabled already. Does
   * nothing when idle.
   */
  void reset();

  /**
   * Stops threads, writes back what is cached, releases host resources. Errors are logged.
   * Idempotent.
   */
  @Override
  void close();
}
