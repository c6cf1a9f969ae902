/** The network device (VIRTIO 1.2, 5.1) and what its frames travel through. */
@NullMarked
package org.duvisor.virtio.net;

import org.jspecify.annotations.NullMarked;
