package org.duvisor.machine.testing;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import org.duvisor.machine.mem.Raw;

/**
 * RAM between pages that nothing may touch: an access beside it ends the JVM, and so the tests. On
 * Linux; elsewhere it is ordinary memory.
 */
public final class GuardedMemory {
  private static final long GUARD = 16 << 20;
  private static final int READ_WRITE = 3;
  private static final int PRIVATE_ANONYMOUS = 0x22;

  private GuardedMemory() {}

  /** Memory, all zero; it is not given back. */
  @SuppressWarnings("restricted")
  public static MemorySegment allocate(long bytes) {
    if (!System.getProperty("os.name").equals("Linux")) {
      return Raw.allocate(bytes);
    }
    try {
      long size = bytes + 2 * GUARD;
      MemorySegment all =
          (MemorySegment)
              function("mmap", ADDRESS, ADDRESS, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG)
                  .invokeExact(MemorySegment.NULL, size, 0, PRIVATE_ANONYMOUS, -1, 0L);
      MemorySegment ram = MemorySegment.ofAddress(all.address() + GUARD).reinterpret(bytes);
      int failed =
          (int)
              function("mprotect", JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT)
                  .invokeExact(ram, bytes, READ_WRITE);
      if (all.address() == -1 || failed != 0) {
        throw new AssertionError("no memory");
      }
      return ram;
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  @SuppressWarnings("restricted")
  private static MethodHandle function(
      String name, MemoryLayout result, MemoryLayout... arguments) {
    Linker linker = Linker.nativeLinker();
    return linker.downcallHandle(
        linker.defaultLookup().findOrThrow(name), FunctionDescriptor.of(result, arguments));
  }
}
