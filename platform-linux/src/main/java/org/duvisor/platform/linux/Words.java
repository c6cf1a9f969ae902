package org.duvisor.platform.linux;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Words of memory by their address. Nothing is checked: whoever calls owns the memory. One segment
 * that never changes holds all of it, so that an access is one instruction.
 */
@SuppressWarnings("restricted") // this is the class that reads and writes anywhere
final class Words {
  private static final MemorySegment ALL = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);

  private Words() {}

  static long get(long address) {
    return ALL.get(ValueLayout.JAVA_LONG_UNALIGNED, address);
  }

  static void set(long address, long value) {
    ALL.set(ValueLayout.JAVA_LONG_UNALIGNED, address, value);
  }
}
