/**
 * The delegated-virtualization contract: what a user-level hypervisor may ask of the control plane
 * ({@link org.duvisor.platform.DvDriver}) and of the hart that its thread runs on ({@link
 * org.duvisor.platform.HuHart}).
 *
 * <p>Two peers implement it and pass one contract suite: simulated harts in this process, and
 * {@code /dev/duvisor} on riscv64 Linux. Nothing here knows which. No VM event passes through the
 * driver: it grants, delegates, registers, kicks and revokes, and that is all.
 */
@NullMarked
package org.duvisor.platform;

import org.jspecify.annotations.NullMarked;
