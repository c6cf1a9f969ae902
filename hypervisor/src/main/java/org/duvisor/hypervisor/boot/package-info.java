/** From images to a guest ready to start: placement in memory and the device tree. */
@NullMarked
package org.duvisor.hypervisor.boot;

import org.jspecify.annotations.NullMarked;
