package org.duvisor.platform.linux;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Signals of vCPU threads. A signal that comes while the guest's registers are in the hart would be
 * handled on the guest's stack with the guest's thread pointer (docs/dv-ext.md, section 6): all
 * asynchronous ones are blocked, and SIGILL, by which the kernel answers a trap of the guest that
 * nobody takes, has a stack of its own.
 */
final class Signals {
  static final int SIGILL = 4;

  /** SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV: what a thread's own code raises. */
  static final long SYNCHRONOUS = 1L << 3 | 1L << 4 | 1L << 6 | 1L << 7 | 1L << 10;

  /** SA_SIGINFO, SA_ONSTACK: on the stack of {@link #STACK_BYTES}. */
  private static final long FLAGS = 4 | 0x0800_0000;

  /** Enough for the JVM's own handler, to which others' SIGILLs go. */
  static final int STACK_BYTES = 64 << 10;

  private static final int SS_DISABLE = 2;

  /** Size of the kernel's sigaction: handler, flags, mask. */
  static final int ACTION_BYTES = 24;

  private Signals() {}

  /** The handler in a sigaction. */
  static long handler(MemorySegment action) {
    return action.get(ValueLayout.JAVA_LONG, 0);
  }

  /** Fills a sigaction. */
  static void action(MemorySegment at, long handler) {
    at.set(ValueLayout.JAVA_LONG, 0, handler);
    at.set(ValueLayout.JAVA_LONG, 8, FLAGS);
    at.set(ValueLayout.JAVA_LONG, 16, 0);
  }

  /** Fills a stack_t: address, flags, size. */
  static void stack(MemorySegment at, long address, long bytes) {
    at.set(ValueLayout.JAVA_LONG, 0, address);
    at.set(ValueLayout.JAVA_LONG, 8, address == 0 ? SS_DISABLE : 0);
    at.set(ValueLayout.JAVA_LONG, 16, bytes);
  }
}
