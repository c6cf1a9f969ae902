package org.duvisor.platform;

/**
 * A guest interrupt file of a hart that a vCPU has (docs/dv-ext.md, section 3.4).
 *
 * @param number what hustatus.VGEIN selects it by, 1 or more
 * @param hpa host-physical address of its page, which every vCPU of the VM may store to
 */
public record InterruptFile(int number, long hpa) {}
