/**
 * A virtual machine as a whole: its configuration, its assembly from grants, devices and vCPUs, its
 * life cycle and how it ended. The only package that sees all the others; no exit is handled here.
 */
@NullMarked
package org.duvisor.hypervisor.vm;

import org.jspecify.annotations.NullMarked;
