/**
 * The platform contract on simulated harts: this process is the host kernel's driver ({@link
 * org.duvisor.platform.sim.SimDriver}, what {@code driver/} is on Linux) and the HU-mode process.
 * All that protects VMs from each other is in the harts; nothing here looks at what a guest or a
 * hypervisor does, except when the hart traps to HS.
 */
@NullMarked
package org.duvisor.platform.sim;

import org.jspecify.annotations.NullMarked;
