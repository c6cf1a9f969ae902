/**
 * A guest's driver without a guest: what tests of devices, boards and VMs talk to virtio devices
 * with.
 */
@NullMarked
package org.duvisor.virtio.testing;

import org.jspecify.annotations.NullMarked;
