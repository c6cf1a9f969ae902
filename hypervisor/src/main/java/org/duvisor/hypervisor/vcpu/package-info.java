/**
 * One virtual CPU: its hart, the requests other threads make of it, waiting, traps injected into
 * the guest, and its HSM state. Nothing here knows why the guest left.
 */
@NullMarked
package org.duvisor.hypervisor.vcpu;

import org.jspecify.annotations.NullMarked;
