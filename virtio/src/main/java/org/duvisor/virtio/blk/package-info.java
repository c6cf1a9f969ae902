/** The block device (VIRTIO 1.2, 5.2) and what it keeps its sectors in. */
@NullMarked
package org.duvisor.virtio.blk;

import org.jspecify.annotations.NullMarked;
