package org.duvisor.conformance.cve;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import org.duvisor.isa.Assembler;

/**
 * What memory errors do to a process. Java has none; these are committed below it, in machine code
 * and in memory that the JVM knows nothing of, as in a hypervisor written in C.
 */
@SuppressWarnings("restricted") // what is native is the point
final class Corruption {
  private static final long PAGE = 4096;
  private static final int READ_WRITE_EXECUTE = 7;
  private static final int PRIVATE_ANONYMOUS = 0x22;
  private static final Linker LINKER = Linker.nativeLinker();

  private Corruption() {}

  /** The stack pointer is gone, and the stack is used. */
  static void loseStack() {
    execute("li sp, 0\nsd ra, -8(sp)\nret");
  }

  /** A word that is no instruction. */
  static void executeUndefined() {
    execute(".word 0");
  }

  /** The saved return address is not what was saved. */
  static void returnNowhere() {
    execute("li ra, 0x10\nret");
  }

  /** A pointer outlives what it points at. */
  static void readFreed() {
    freed().get(ValueLayout.JAVA_LONG, 0);
  }

  /** The same, written to. */
  static void writeFreed() {
    freed().set(ValueLayout.JAVA_LONG, 0, -1);
  }

  /** Never returns, and never rests. A process of its own ends this one after a while. */
  static void loop() {
    long self = ProcessHandle.current().pid();
    try {
      new ProcessBuilder("sh", "-c", "sleep 1; kill -9 " + self).start();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    while (true) {
      Thread.onSpinWait();
    }
  }

  private static void execute(String code) {
    MemorySegment page = map();
    page.copyFrom(MemorySegment.ofArray(new Assembler(page.address()).asm(code).bytes()));
    call(LINKER.downcallHandle(page, FunctionDescriptor.ofVoid()));
  }

  private static MemorySegment freed() {
    MemorySegment page = map();
    long _ =
        (long)
            call(
                LINKER.downcallHandle(
                    symbol("munmap"),
                    FunctionDescriptor.of(
                        ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG)),
                page.address(),
                PAGE);
    return page;
  }

  private static MemorySegment map() {
    long address =
        (long)
            call(
                LINKER.downcallHandle(
                    symbol("mmap"),
                    FunctionDescriptor.of(
                        ValueLayout.JAVA_LONG,
                        ValueLayout.JAVA_LONG,
                        ValueLayout.JAVA_LONG,
                        ValueLayout.JAVA_INT,
                        ValueLayout.JAVA_INT,
                        ValueLayout.JAVA_INT,
                        ValueLayout.JAVA_LONG)),
                0L,
                PAGE,
                READ_WRITE_EXECUTE,
                PRIVATE_ANONYMOUS,
                -1,
                0L);
    return MemorySegment.ofAddress(address).reinterpret(PAGE, Arena.global(), null);
  }

  private static MemorySegment symbol(String name) {
    return LINKER.defaultLookup().findOrThrow(name);
  }

  private static Object call(MethodHandle function, Object... arguments) {
    try {
      return function.invokeWithArguments(arguments);
    } catch (Throwable e) {
      throw new LinkageError("cannot emulate", e);
    }
  }
}
