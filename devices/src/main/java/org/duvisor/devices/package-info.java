/**
 * What a board and a VM have in common and must not be written twice: guest-physical memory as
 * devices see it, interrupt lines, the MMIO bus, the device tree, kernel images, and the non-virtio
 * devices (UART, PLIC, RTC, test finisher). Nothing here knows a hart or a hypervisor; clocks,
 * randomness and host streams are injected.
 */
@NullMarked
package org.duvisor.devices;

import org.jspecify.annotations.NullMarked;
