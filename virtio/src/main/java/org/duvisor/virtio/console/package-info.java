/**
 * The console device (VIRTIO 1.2, 5.3) on the host streams of {@code org.duvisor.devices.chardev}.
 */
@NullMarked
package org.duvisor.virtio.console;

import org.jspecify.annotations.NullMarked;
