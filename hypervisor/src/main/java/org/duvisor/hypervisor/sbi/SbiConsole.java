package org.duvisor.hypervisor.sbi;

import java.lang.foreign.MemorySegment;

/** What the SBI's console calls are connected to. Called by the threads of all vCPUs. */
public interface SbiConsole {
  /** Writes bytes. */
  void write(MemorySegment bytes);

  /** Writes one byte. */
  void write(byte b);

  /** The next byte that was typed, 0..255, or -1 when there is none now. */
  int read();
}
