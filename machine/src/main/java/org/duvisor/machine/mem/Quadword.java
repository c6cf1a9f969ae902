package org.duvisor.machine.mem;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.HexFormat;
import org.duvisor.virtio.host.Errno;
import org.duvisor.virtio.host.Native;

/**
 * Compare-and-exchange of 16 bytes, which the JDK does not have: a few instructions of this
 * computer, called as a C function. Nothing less is atomic for harts that load and store one of the
 * halves meanwhile (docs/memory-model.md).
 */
public final class Quadword {
  private static final boolean AVAILABLE =
      System.getProperty("os.name").equals("Linux")
          && System.getProperty("os.arch").equals("amd64");

  private Quadword() {}

  /** Whether this computer can. */
  public static boolean isAvailable() {
    return AVAILABLE;
  }

  /**
   * Atomically replaces the 16 bytes at an address, a multiple of 16, by the last two words if they
   * hold the first two; these become what the bytes held. Sequentially consistent. To be called
   * only when it is available.
   */
  public static void compareAndExchange(long address, long[] words) {
    try {
      Code.EXCHANGE.invokeExact(address, MemorySegment.ofArray(words));
    } catch (Throwable e) {
      throw new IllegalStateException(e); // the code throws nothing
    }
  }

  /** Made when the first guest needs it: the linker takes its time. */
  private static final class Code extends Native {
    /** exchange(address, words) on x86-64, in the calling convention of System V. */
    private static final byte[] BYTES =
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

    static final MethodHandle EXCHANGE = new Code().link();

    @SuppressWarnings("restricted") // the page is ours, and the signature that of the code
    private MethodHandle link() {
      MethodHandle mmap = find("mmap", LONG, LONG, LONG, INT, INT, INT, LONG);
      MethodHandle mprotect = find("mprotect", INT, LONG, LONG, INT);
      try {
        long address =
            check(
                () ->
                    (long)
                        mmap.invokeExact(
                            captured, 0L, PAGE, READ_WRITE, PRIVATE_ANONYMOUS, -1, 0L));
        MemorySegment page = MemorySegment.ofAddress(address).reinterpret(PAGE);
        MemorySegment.copy(BYTES, 0, page, ValueLayout.JAVA_BYTE, 0, BYTES.length);
        check(() -> (int) mprotect.invokeExact(captured, address, PAGE, READ_EXECUTE));
        return Linker.nativeLinker()
            .downcallHandle(
                page, FunctionDescriptor.ofVoid(LONG, POINTER), Linker.Option.critical(true));
      } catch (Errno e) {
        throw new IllegalStateException("no code of this process's own, as the JVM itself has", e);
      }
    }
  }
}
