/**
 * Guest-physical to host-physical: the guest's RAM made of grants, and the stage-2 page tables that
 * map it.
 */
@NullMarked
package org.duvisor.hypervisor.stage2;

import org.jspecify.annotations.NullMarked;
