package org.duvisor.nativecode;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import org.duvisor.virtio.host.Errno;
import org.duvisor.virtio.host.Native;
import org.jspecify.annotations.Nullable;

/**
 * Memory for code, mapped twice: written at one address, executed at another, so that nothing is
 * ever both. It is given back when this is unreachable.
 */
final class CodeMemory {
  private static final ValueLayout.OfInt WORD = ValueLayout.JAVA_INT_UNALIGNED;

  private final MemorySegment writable;
  private final MemorySegment executable;

  /** So many bytes, which cost memory when they are touched. */
  CodeMemory(long bytes) {
    Calls c = new Calls();
    Arena arena = Arena.ofAuto();
    try {
      long file = c.create();
      try {
        c.truncate((int) file, bytes);
        writable = c.map(arena, (int) file, bytes, Calls.READ | Calls.WRITE);
        executable = c.map(arena, (int) file, bytes, Calls.READ | Calls.EXECUTE);
      } finally {
        c.close((int) file);
      }
    } catch (Errno e) {
      throw new IllegalStateException("no memory for code, as the JVM itself has", e);
    }
  }

  /** Bytes. */
  long size() {
    return writable.byteSize();
  }

  /** Where code at an offset is executed. */
  long address(long offset) {
    return executable.address() + offset;
  }

  /** What is executed. */
  MemorySegment executable() {
    return executable;
  }

  /** Writes code. */
  void write(long offset, byte[] code, int length) {
    MemorySegment.copy(code, 0, writable, ValueLayout.JAVA_BYTE, offset, length);
  }

  /** Replaces four bytes, of a jump that no thread executes now. */
  void patch(long offset, int value) {
    writable.set(WORD, offset, value);
  }

  /** What it needs of libc. */
  private static final class Calls extends Native {
    static final int READ = 1;
    static final int WRITE = 2;
    static final int EXECUTE = 4;
    private static final int SHARED = 1;
    private static final int CLOSE_ON_EXEC = 1;

    private static final MethodHandle CREATE = find("memfd_create", INT, POINTER, INT);
    private static final MethodHandle TRUNCATE = find("ftruncate", INT, INT, LONG);
    private static final MethodHandle MAP = find("mmap", LONG, LONG, LONG, INT, INT, INT, LONG);
    private static final MethodHandle UNMAP = find("munmap", INT, LONG, LONG);
    private static final MethodHandle CLOSE = find("close", INT, INT);

    long create() throws Errno {
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment name = arena.allocateFrom("translated code");
        return check(() -> (int) CREATE.invokeExact(captured, name, CLOSE_ON_EXEC));
      }
    }

    void truncate(int file, long bytes) throws Errno {
      check(() -> (int) TRUNCATE.invokeExact(captured, file, bytes));
    }

    @SuppressWarnings("restricted") // the mapping is ours, and this long
    MemorySegment map(Arena arena, int file, long bytes, int protection) throws Errno {
      long address =
          check(() -> (long) MAP.invokeExact(captured, 0L, bytes, protection, SHARED, file, 0L));
      return MemorySegment.ofAddress(address)
          .reinterpret(bytes, arena, s -> new Calls().unmap(address, bytes));
    }

    void unmap(long address, long bytes) {
      quietly(() -> (int) UNMAP.invokeExact(captured, address, bytes));
    }

    void close(int file) {
      quietly(() -> (int) CLOSE.invokeExact(captured, file));
    }

    private @Nullable Errno quietly(Call call) {
      try {
        check(call);
        return null;
      } catch (Errno e) {
        return e; // what cannot be given back stays until the process ends
      }
    }
  }
}
