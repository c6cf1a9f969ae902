package org.duvisor.machine.mem;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.HexFormat;
import org.duvisor.virtio.host.Errno;
import org.duvisor.virtio.host.Native;
import org.jspecify.annotations.Nullable;

/**
 * Compare-and-exchange of 16 bytes, which the JDK does not have: a few instructions of this
 * computer, called as a C function. Nothing less is atomic for harts that load and store one of the
 * halves meanwhile (docs/memory-model.md).
 */
public final class Quadword extends Native {
  /** exchange(address, words) on x86-64, in the calling convention of System V. */
  private static final byte[] CODE =
      HexFormat.of()
          .parseHex(
              "53" // push rbx
                  + "488b06" // mov rax, [rsi]
                  + "488b5608" // mov rdx, [rsi+8]
                  + "488b5e10" // mov rbx, [rsi+16]
                  + "488b4e18" // mov rcx, [rsi+24]
                  + "f0480fc70f" // lock cmpxchg16b [rdi]
                  + "488906" // mov [rsi], rax
                  + "48895608" // mov [rsi+8], rdx
                  + "5b" // pop rbx
                  + "c3"); // ret

  private static final long PAGE = 4096;
  private static final int READ_WRITE = 3;
  private static final int READ_EXECUTE = 5;
  private static final int PRIVATE_ANONYMOUS = 0x22;

  private static final @Nullable MethodHandle EXCHANGE = exchange();

  private Quadword() {}

  private static @Nullable MethodHandle exchange() {
    if (!isLinux() || !System.getProperty("os.arch").equals("amd64")) {
      return null;
    }
    try {
      return new Quadword().link();
    } catch (Errno e) {
      return null; // a system that does not let a process have code of its own
    }
  }

  @SuppressWarnings("restricted") // the page is ours, and the signature that of the code
  private MethodHandle link() throws Errno {
    MethodHandle mmap = find("mmap", LONG, LONG, LONG, INT, INT, INT, LONG);
    MethodHandle mprotect = find("mprotect", INT, LONG, LONG, INT);
    long address =
        check(
            () ->
                (long) mmap.invokeExact(captured, 0L, PAGE, READ_WRITE, PRIVATE_ANONYMOUS, -1, 0L));
    MemorySegment page = MemorySegment.ofAddress(address).reinterpret(PAGE);
    MemorySegment.copy(CODE, 0, page, ValueLayout.JAVA_BYTE, 0, CODE.length);
    check(() -> (int) mprotect.invokeExact(captured, address, PAGE, READ_EXECUTE));
    return Linker.nativeLinker()
        .downcallHandle(
            page, FunctionDescriptor.ofVoid(LONG, POINTER), Linker.Option.critical(true));
  }

  /** Whether this computer can. */
  public static boolean isAvailable() {
    return EXCHANGE != null;
  }

  /**
   * Atomically replaces the 16 bytes at an address, a multiple of 16, by the last two words if they
   * hold the first two; these become what the bytes held. Sequentially consistent.
   *
   * @throws UnsupportedOperationException when it is not available
   */
  public static void compareAndExchange(long address, long[] words) {
    MethodHandle exchange = EXCHANGE;
    if (exchange == null) {
      throw new UnsupportedOperationException("no atomic access of 16 bytes");
    }
    try {
      exchange.invokeExact(address, MemorySegment.ofArray(words));
    } catch (Throwable e) {
      throw new IllegalStateException(e); // the code throws nothing
    }
  }
}
