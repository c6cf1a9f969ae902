package org.duvisor.conformance.platform;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import org.duvisor.isa.Assembler;

/**
 * Sends signals to this process and to single threads of it, on Linux for riscv64. The handler is
 * machine code that counts, on whatever thread and stack the kernel gives it.
 */
@SuppressWarnings("restricted") // system calls, and memory that is executed
final class SignalFlood {
  private static final int KILL = 129;
  private static final int TGKILL = 131;
  private static final int RT_SIGACTION = 134;
  private static final int GETPID = 172;
  private static final int GETTID = 178;
  private static final int MMAP = 222;
  private static final int FLUSH_ICACHE = 259;

  private static final long READ_WRITE_EXECUTE = 7;
  private static final long MAP_PRIVATE_ANONYMOUS = 0x22;
  private static final long SA_RESTART = 0x1000_0000;
  private static final long PAGE = 4096;
  private static final int ACTION_BYTES = 24;
  private static final long SIGSET_BYTES = 8;

  /** SIGALRM, SIGURG, SIGVTALRM, SIGPROF, SIGWINCH, SIGIO and two real-time ones. */
  private static final int[] SIGNALS = {14, 23, 26, 27, 28, 29, 40, 50};

  private static final String HANDLER =
      """
      la t0, count
      li t1, 1
      amoadd.d x0, t1, (t0)
      ret
      .balign 8
      count: .dword 0
      """;

  private final MethodHandle syscall;
  private final MemorySegment code;
  private final long count;
  private final long process;

  /** Installs the handler. */
  SignalFlood() {
    ValueLayout.OfLong w = ValueLayout.JAVA_LONG;
    Linker linker = Linker.nativeLinker();
    syscall =
        linker.downcallHandle(
            linker.defaultLookup().findOrThrow("syscall"),
            FunctionDescriptor.of(w, w, w, w, w, w, w, w));
    process = call(GETPID, 0, 0, 0, 0);
    byte[] handler = new Assembler(0).asm(HANDLER).bytes();
    long at = call(MMAP, 0, PAGE, READ_WRITE_EXECUTE, MAP_PRIVATE_ANONYMOUS);
    code = MemorySegment.ofAddress(at).reinterpret(PAGE);
    MemorySegment.copy(handler, 0, code, ValueLayout.JAVA_BYTE, 0, handler.length);
    count = handler.length - ValueLayout.JAVA_LONG.byteSize();
    call(FLUSH_ICACHE, at, at + PAGE, 0, 0);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment action = arena.allocate(ACTION_BYTES, 8);
      action.set(w, 0, at);
      action.set(w, 8, SA_RESTART);
      for (int signal : SIGNALS) {
        call(RT_SIGACTION, signal, action.address(), 0, SIGSET_BYTES);
      }
    }
  }

  private long call(long number, long a, long b, long c, long d) {
    try {
      return (long) syscall.invokeExact(number, a, b, c, d, -1L, 0L);
    } catch (Throwable t) {
      throw new LinkageError("system call " + number, t);
    }
  }

  /** The kernel's number of the calling thread. */
  long thread() {
    return call(GETTID, 0, 0, 0, 0);
  }

  /** Signals of all kinds, each to the process and to one of its threads. */
  void send(long thread, int rounds) {
    for (int i = 0; i < rounds; i++) {
      for (int signal : SIGNALS) {
        call(KILL, process, signal, 0, 0);
        call(TGKILL, process, thread, signal, 0);
      }
    }
  }

  /** How many have been handled. */
  long handled() {
    return code.get(ValueLayout.JAVA_LONG, count);
  }
}
