/**
 * VM exits: the loop of a vCPU thread and one handler class for each kind of exit. No device, no
 * SBI call and no page table lives here; handlers ask the packages that own them.
 */
@NullMarked
package org.duvisor.hypervisor.exit;

import org.jspecify.annotations.NullMarked;
