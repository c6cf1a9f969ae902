/**
 * A host folder for a guest: the 9P transport (VIRTIO 1.2, 5.10) with a 9P2000.L server behind it.
 * {@link org.duvisor.virtio.p9.P9} is the device, {@code Server} the protocol, {@code Export} the
 * folder with everything that keeps a guest inside it, {@code Libc} the host's system calls.
 *
 * <p>The rule that keeps the guest inside: a name of the guest is one component, resolved relative
 * to an open folder without following a symbolic link. Paths are never put together, links never
 * followed by the host, and files that are neither regular nor folders never opened.
 */
@NullMarked
package org.duvisor.virtio.p9;

import org.jspecify.annotations.NullMarked;
