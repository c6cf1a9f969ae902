package org.duvisor.platform.linux;

import jdk.internal.misc.Unsafe;

/**
 * Words of memory by their address. Nothing is checked: whoever calls owns the memory. Not by
 * memory segments, whose accessors are hundreds of instructions in code of the JVM's first
 * compiler, on the way of each exit.
 */
final class Words {
  private static final Unsafe U = Unsafe.getUnsafe();

  private Words() {}

  static long get(long address) {
    return U.getLong(address);
  }

  static void set(long address, long value) {
    U.putLong(address, value);
  }
}
