/** The entropy device (VIRTIO 1.2, 5.4). Its randomness is injected. */
@NullMarked
package org.duvisor.virtio.rng;

import org.jspecify.annotations.NullMarked;
