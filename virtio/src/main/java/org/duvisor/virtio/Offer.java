package org.duvisor.virtio;

/**
 * What a device shows a driver before it starts (VIRTIO 1.2, 2.2, 2.5, 2.6); the same for all its
 * life, but for the bytes of the configuration.
 *
 * @param id device ID, chapter 5, for instance 2 for a block device
 * @param name for logs and thread names, for instance "virtio-blk vda"
 * @param features device-specific feature bits; the transport adds the bits of the ring and
 *     VIRTIO_F_VERSION_1
 * @param queues number of queues, 1 to 64
 * @param queueSize largest size of each queue in descriptors, a power of two up to {@link
 *     Virtqueue#MAX_SIZE}
 * @param config the device-specific configuration
 */
public record Offer(
    int id, String name, long features, int queues, int queueSize, ConfigSpace config) {}
