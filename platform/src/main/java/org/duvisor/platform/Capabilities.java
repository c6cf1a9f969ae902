package org.duvisor.platform;

/**
 * What the harts under the driver offer to a VM.
 *
 * @param isaBase the guest's {@code riscv,isa-base}, for instance "rv64i"
 * @param isaExtensions the guest's {@code riscv,isa-extensions}, space separated, without h and dv
 * @param mmuType the largest stage-1 mode, as in the device tree: "riscv,sv39", "riscv,sv48" or
 *     "riscv,sv57"
 * @param timebaseHertz ticks of time per second
 * @param cacheBlockBytes block size of cbo.zero and its kin
 * @param stage2Modes bit m = hugatp.MODE m is implemented
 * @param windows how many grants a VM can hold
 * @param grantGranule alignment and unit of grants in bytes, a power of two
 * @param interruptIdentities the highest interrupt identity of guest interrupt files, a multiple of
 *     64 minus 1; 0 when the harts have no such files
 */
public record Capabilities(
    String isaBase,
    String isaExtensions,
    String mmuType,
    long timebaseHertz,
    int cacheBlockBytes,
    int stage2Modes,
    int windows,
    long grantGranule,
    int interruptIdentities) {}
