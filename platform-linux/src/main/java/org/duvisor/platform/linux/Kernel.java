package org.duvisor.platform.linux;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** System calls. */
final class Kernel {
  static final int EINTR = 4;

  private static final int IOCTL = 29;
  private static final int OPENAT = 56;
  private static final int CLOSE = 57;
  private static final int SCHED_SETAFFINITY = 122;
  private static final int SCHED_GETAFFINITY = 123;
  private static final int SIGALTSTACK = 132;
  private static final int RT_SIGACTION = 134;
  private static final int RT_SIGPROCMASK = 135;
  private static final int PRCTL = 167;
  private static final int MUNMAP = 215;
  private static final int MMAP = 222;

  private static final long PR_SET_TIMERSLACK = 29;
  private static final long AT_FDCWD = -100;
  private static final long O_RDWR_CLOEXEC = 0x80002;
  private static final long SIGSET_BYTES = 8;
  private static final long MAP_SHARED = 1;
  private static final long READ = 1;
  private static final long WRITE = 2;

  private static final long WORD = ValueLayout.JAVA_LONG.byteSize();

  /** File descriptor, or negative errno. */
  int open(String path) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment name = arena.allocateFrom(path);
      return (int) Native.system(OPENAT, AT_FDCWD, name.address(), O_RDWR_CLOEXEC, 0, 0, 0);
    }
  }

  void close(int file) {
    Native.system(CLOSE, file, 0, 0, 0, 0, 0);
  }

  /** The driver's answer, or negative errno. Never EINTR: vCPU threads and helpers just repeat. */
  long ioctl(int file, int request, long argument) {
    long answer;
    do {
      answer = Native.system(IOCTL, file, request, argument, 0, 0, 0);
    } while (answer == -EINTR);
    return answer;
  }

  /** Maps a file shared, readable and writable: the address, or negative errno. */
  long map(int file, long offset, long bytes) {
    return Native.system(MMAP, 0, bytes, READ | WRITE, MAP_SHARED, file, offset);
  }

  void unmap(long address, long bytes) {
    Native.system(MUNMAP, address, bytes, 0, 0, 0, 0);
  }

  /** Reads the CPUs that the calling thread may run on, a bit each; negative errno on failure. */
  long affinity(MemorySegment mask) {
    return Native.system(SCHED_GETAFFINITY, 0, mask.byteSize(), mask.address(), 0, 0, 0);
  }

  /** Lets the calling thread run on these CPUs only; it does when this returns 0. */
  long setAffinity(MemorySegment mask) {
    return Native.system(SCHED_SETAFFINITY, 0, mask.byteSize(), mask.address(), 0, 0, 0);
  }

  /** Wakes the calling thread when its time has come, not up to 50 us later as others. */
  void wakePunctually() {
    Native.system(PRCTL, PR_SET_TIMERSLACK, 1, 0, 0, 0, 0);
  }

  /**
   * Sets the calling thread's mask of blocked signals.
   *
   * @param mask bit n - 1: signal n
   * @param memory 16 bytes to work in
   * @return the mask that was set before
   */
  long block(long mask, MemorySegment memory) {
    memory.set(ValueLayout.JAVA_LONG, 0, mask);
    long setMask = 2;
    Native.system(
        RT_SIGPROCMASK, setMask, memory.address(), memory.address() + WORD, SIGSET_BYTES, 0, 0);
    return memory.get(ValueLayout.JAVA_LONG, WORD);
  }

  /**
   * rt_sigaction with the kernel's own structures: handler, flags, mask.
   *
   * @param action address of the new one, or 0
   * @param old address for the old one, or 0
   */
  long signalAction(int signal, long action, long old) {
    return Native.system(RT_SIGACTION, signal, action, old, SIGSET_BYTES, 0, 0);
  }

  /** The stack for the calling thread's handlers that ask for one; address of a stack_t. */
  long signalStack(long stack) {
    return Native.system(SIGALTSTACK, stack, 0, 0, 0, 0, 0);
  }
}
