package org.duvisor.platform.linux;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** What all VMs of this process share: the way into the kernel, and the handler of SIGILL. */
record Process(Kernel kernel) {
  /** Made when it is first needed. */
  private static final class Holder {
    static final Process PROCESS = make();

    /** The handler of SIGILL is installed once, before the JVM's. */
    private static Process make() {
      Kernel kernel = new Kernel();
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment action = arena.allocate(Signals.ACTION_BYTES, 8);
        kernel.signalAction(Signals.SIGILL, 0, action.address());
        Words.set(Native.at("previous"), Signals.handler(action));
        Signals.action(action, Native.at("handler"));
        kernel.signalAction(Signals.SIGILL, action.address(), 0);
      }
      return new Process(kernel);
    }
  }

  static Process instance() {
    return Holder.PROCESS;
  }
}
