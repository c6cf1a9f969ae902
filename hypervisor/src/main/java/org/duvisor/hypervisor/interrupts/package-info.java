/** Interrupts to the guest: lines from devices to vCPUs, and IPIs between vCPUs. */
@NullMarked
package org.duvisor.hypervisor.interrupts;

import org.jspecify.annotations.NullMarked;
