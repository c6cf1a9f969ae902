package org.duvisor.hypervisor.vcpu;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;

/**
 * Which vCPUs of a VM wait for an interrupt: a word with a bit for each, in memory that a platform
 * can read too ({@link org.duvisor.platform.FastExits#WAITING}). Any thread.
 */
public final class Waiting {
  private static final VarHandle WORD = ValueLayout.JAVA_LONG.varHandle();

  private final MemorySegment word = Arena.ofAuto().allocate(8, 8);

  /** The word. */
  public MemorySegment word() {
    return word;
  }

  void begin(int vcpu) {
    WORD.getAndBitwiseOr(word, 0L, 1L << vcpu);
  }

  void end(int vcpu) {
    WORD.getAndBitwiseAnd(word, 0L, ~(1L << vcpu));
  }

  boolean has(int vcpu) {
    return ((long) WORD.getVolatile(word, 0L) >>> vcpu & 1) != 0;
  }
}
