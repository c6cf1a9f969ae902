package org.duvisor.platform;

import java.lang.foreign.MemorySegment;

/**
 * Physical memory granted to a VM.
 *
 * @param hpa host-physical address of the first byte, aligned to the grant granule
 * @param memory the same bytes as the hypervisor sees them
 * @param use what the VM's window allows
 */
public record Grant(long hpa, MemorySegment memory, Use use) {
  /** The permissions of a window. */
  public enum Use {
    /** Guest memory: read, write, execute, and stage-1 tables; never stage-2 tables. */
    GUEST_MEMORY,
    /** Stage-2 page tables: fetched by the page-table walker only. */
    STAGE2_TABLES
  }

  /** Length in bytes. */
  public long bytes() {
    return memory.byteSize();
  }
}
