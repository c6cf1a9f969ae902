package org.duvisor.virtio.host;

import java.lang.foreign.AddressLayout;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;
import java.util.NoSuchElementException;

/**
 * Functions of the host's libc. A result below zero is an error, and becomes an {@link Errno}. One
 * thread at a time uses an object: it holds the last error.
 */
public class Native {
  /** C's int. */
  protected static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;

  /** C's long. */
  protected static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG;

  /** Any pointer. */
  protected static final AddressLayout POINTER = ValueLayout.ADDRESS;

  private static final boolean ARM = System.getProperty("os.arch").equals("aarch64");

  /** Flags of open(2). */
  public static final int O_RDONLY = 0;

  public static final int O_CREAT = 0100;
  public static final int O_EXCL = 0200;
  public static final int O_NOCTTY = 0400;
  public static final int O_TRUNC = 01000;
  public static final int O_NONBLOCK = 04000;
  public static final int O_CLOEXEC = 02000000;
  public static final int O_PATH = 010000000;
  public static final int O_NOFOLLOW = ARM ? 0100000 : 0400000;
  public static final int O_DIRECTORY = ARM ? 040000 : 0200000;

  private static final Linker LINKER = Linker.nativeLinker();
  private static final SymbolLookup SYMBOLS = LINKER.defaultLookup();
  private static final StructLayout STATE = Linker.Option.captureStateLayout();
  private static final VarHandle ERRNO =
      STATE.varHandle(MemoryLayout.PathElement.groupElement("errno"));

  /** First argument of every function that was found. */
  protected final MemorySegment captured = Arena.ofAuto().allocate(STATE);

  /** A call of a function that was found. */
  @FunctionalInterface
  protected interface Call {
    /** Calls it. */
    long run() throws Throwable;
  }

  /**
   * The calls.
   *
   * @throws UnsupportedOperationException where the host is not Linux
   */
  protected Native() {
    if (!isLinux()) {
      throw new UnsupportedOperationException("not Linux");
    }
  }

  /** Whether the host is Linux. */
  public static boolean isLinux() {
    return System.getProperty("os.name").equals("Linux");
  }

  /**
   * A function that takes {@link #captured} and then its arguments.
   *
   * @throws UnsupportedOperationException where libc lacks it
   */
  protected static MethodHandle find(String name, MemoryLayout result, MemoryLayout... arguments) {
    return link(name, FunctionDescriptor.of(result, arguments));
  }

  /** One with optional arguments, of which the first has this index. */
  protected static MethodHandle findVariadic(
      int optional, String name, MemoryLayout result, MemoryLayout... arguments) {
    return link(
        name, FunctionDescriptor.of(result, arguments), Linker.Option.firstVariadicArg(optional));
  }

  /** Whether libc has a function. */
  protected static boolean has(String name) {
    return SYMBOLS.find(name).isPresent();
  }

  @SuppressWarnings("restricted") // the signatures are those of libc
  private static MethodHandle link(String name, FunctionDescriptor type, Linker.Option... options) {
    Linker.Option[] all = java.util.Arrays.copyOf(options, options.length + 1);
    all[options.length] = Linker.Option.captureCallState("errno");
    try {
      return LINKER.downcallHandle(SYMBOLS.findOrThrow(name), type, all);
    } catch (NoSuchElementException e) {
      throw new UnsupportedOperationException("no " + name, e);
    }
  }

  /** Calls; a result below zero is an error. */
  protected final long check(Call call) throws Errno {
    long result = plain(call);
    if (result < 0) {
      throw new Errno((int) ERRNO.get(captured, 0L));
    }
    return result;
  }

  /** Calls; a result that is not 0 is itself the error, as POSIX's younger functions have it. */
  protected final void checkNumber(Call call) throws Errno {
    long result = plain(call);
    if (result != 0) {
      throw new Errno((int) result);
    }
  }

  private static long plain(Call call) {
    try {
      return call.run();
    } catch (Throwable e) {
      throw new IllegalStateException(e); // the calls throw nothing themselves
    }
  }
}
