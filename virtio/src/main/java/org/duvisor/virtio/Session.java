package org.duvisor.virtio;

import java.util.List;

/**
 * What a device has from DRIVER_OK until reset.
 *
 * @param features the feature bits negotiated
 * @param queues all queues in order; one the driver did not enable is always empty
 * @param configChanged sends a configuration change notification (2.3.1)
 */
public record Session(long features, List<Virtqueue> queues, Runnable configChanged) {
  /** VIRTIO_F_VERSION_1: the driver is not a transitional one of before the standard (6). */
  public static final int F_VERSION_1 = 32;

  /** Copies the list. */
  public Session {
    queues = List.copyOf(queues);
  }

  /** Whether a feature, given as its bit number, was negotiated. */
  public boolean has(int feature) {
    return (features >>> feature & 1) != 0;
  }
}
