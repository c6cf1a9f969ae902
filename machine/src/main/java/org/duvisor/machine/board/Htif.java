package org.duvisor.machine.board;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.OptionalLong;
import java.util.function.IntConsumer;
import org.duvisor.devices.GuestMemory;
import org.duvisor.devices.chardev.CharBackend;
import org.duvisor.machine.mem.PhysicalMemory;

/**
 * The other side of Berkeley's host-target interface, which test programs and the proxy kernel use:
 * two doublewords in memory, where a program leaves a request of a device and finds the answer.
 * Here are the end of the program and its system calls exit and write (device 0), and the console
 * (device 1). Seen between two turns of a hart.
 */
final class Htif {
  private static final int SYSTEM = 0;
  private static final int CONSOLE = 1;
  private static final int CONSOLE_GET = 0;
  private static final int CONSOLE_PUT = 1;
  private static final long PAYLOAD = (1L << 48) - 1;

  /** Linux's numbers of system calls and errors. */
  private static final long WRITE = 64;

  private static final long EXIT = 93;
  private static final long EBADF = -9;
  private static final long EFAULT = -14;
  private static final long ENOSYS = -38;

  /**
   * Bytes of a system call in memory: its number, then its arguments; the result replaces the
   * first.
   */
  private static final long CALL_BYTES = 32;

  /** A longer write is not done as a whole, as POSIX allows: nothing waits for long. */
  private static final long WRITE_BYTES = 1 << 16;

  private static final ValueLayout.OfLong DOUBLEWORD = ValueLayout.JAVA_LONG_UNALIGNED;

  private final GuestMemory memory;
  private final MemorySegment tohost;
  private final MemorySegment fromhost;
  private final CharBackend console;
  private final IntConsumer exit;
  private boolean reads;

  /**
   * The host of a program.
   *
   * @param fromhost where answers go; without, there are no system calls and no console input
   * @param exit takes the program's exit code, 0 for success
   */
  Htif(
      PhysicalMemory memory,
      long tohost,
      OptionalLong fromhost,
      CharBackend console,
      IntConsumer exit) {
    this.memory = memory.forDevices();
    this.tohost = doubleword(tohost);
    this.fromhost = fromhost.isPresent() ? doubleword(fromhost.getAsLong()) : MemorySegment.NULL;
    this.console = console;
    this.exit = exit;
  }

  /** Empty where there is no RAM. */
  private MemorySegment doubleword(long address) {
    MemorySegment place = memory.slice(address, Long.BYTES);
    return place == null ? MemorySegment.NULL : place;
  }

  /** Serves what is there to be served; from the thread of any hart. */
  void poll() {
    if (tohost.byteSize() != 0 && tohost.get(DOUBLEWORD, 0) != 0 || reads) {
      serve();
    }
  }

  private synchronized void serve() {
    long request = tohost.get(DOUBLEWORD, 0);
    if (request != 0) {
      tohost.set(DOUBLEWORD, 0, 0);
      command((int) (request >>> 56), (int) (request >>> 48) & 0xff, request & PAYLOAD);
    }
    if (reads && fromhost.byteSize() != 0 && fromhost.get(DOUBLEWORD, 0) == 0) {
      byte[] typed = new byte[1];
      if (console.receive(typed, 0, 1) == 1) {
        reads = false;
        answer(CONSOLE, CONSOLE_GET, typed[0] & 0xff);
      }
    }
  }

  private void command(int device, int command, long payload) {
    if (device == SYSTEM && (payload & 1) != 0) {
      exit.accept((int) (payload >>> 1));
    } else if (device == SYSTEM) {
      call(payload);
    } else if (device == CONSOLE && command == CONSOLE_PUT) {
      console.transmit((byte) payload);
    } else if (device == CONSOLE && command == CONSOLE_GET) {
      reads = true;
    }
  }

  private void answer(int device, int command, long value) {
    if (fromhost.byteSize() != 0) {
      fromhost.set(DOUBLEWORD, 0, (long) device << 56 | (long) command << 48 | value);
    }
  }

  private void call(long address) {
    MemorySegment call = memory.slice(address, CALL_BYTES);
    if (call == null) {
      return; // a device that is not there does not answer
    }
    long number = call.get(DOUBLEWORD, 0);
    long first = call.get(DOUBLEWORD, 8);
    if (number == EXIT) {
      exit.accept((int) first);
      return;
    }
    long result =
        number == WRITE ? write(first, call.get(DOUBLEWORD, 16), call.get(DOUBLEWORD, 24)) : ENOSYS;
    call.set(DOUBLEWORD, 0, result);
    answer(SYSTEM, 0, 1);
  }

  private long write(long file, long address, long length) {
    if (file != 1 && file != 2) {
      return EBADF;
    }
    MemorySegment text = memory.slice(address, length);
    if (text == null) {
      return EFAULT;
    }
    long written = Math.min(length, WRITE_BYTES);
    for (long i = 0; i < written; i++) {
      console.transmit(text.get(ValueLayout.JAVA_BYTE, i));
    }
    return written;
  }
}
