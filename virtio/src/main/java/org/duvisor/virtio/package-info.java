/**
 * Virtio 1.2 devices for a board or a VM: the split {@link org.duvisor.virtio.Virtqueue}, the MMIO
 * transport {@link org.duvisor.virtio.VirtioMmio} and the contract {@link
 * org.duvisor.virtio.VirtioDevice}, which {@link org.duvisor.virtio.RequestDevice} fulfils but for
 * the protocol. Each device is one package below with the same shape: the device, its back-end
 * interface, its back ends.
 *
 * <p>Only the modern interface (version 2 of virtio-mmio) is offered; the legacy one and packed
 * rings are not. Nothing here knows a hart, a hypervisor or a command line.
 *
 * <p>Locks, in the order they nest: the transport's registers, then one {@code Virtqueue} (its
 * monitor), then the transport's interrupt state. Guest memory is touched only while holding the
 * monitor of the queue it was offered in, so a queue that the transport has disabled is never
 * written again.
 */
@NullMarked
package org.duvisor.virtio;

import org.jspecify.annotations.NullMarked;
