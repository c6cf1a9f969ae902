package org.duvisor.hypervisor.sbi;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.duvisor.hypervisor.stage2.GuestRam;
import org.jspecify.annotations.Nullable;

/** Debug Console (SBI 2.0, chapter 12). Addresses are guest-physical; both ends of a buffer must be RAM. */
final class DebugConsole implements Extension {
  /** The most bytes of one call, so that a guest cannot keep its vCPU away from requests; calls may do less. */
  private static final long MOST = 4096;

  private final GuestRam ram;
  private final SbiConsole console;

  DebugConsole(GuestRam ram, SbiConsole console) {
    this.ram = ram;
    this.console = console;
  }

  @Override
  public long id() {
    return 0x4442434E;
  }

  @Override
  public long call(long function, SbiCall call) {
    if (function == 2) {
      console.write((byte) call.argument(0));
      return SbiError.SUCCESS;
    }
    if (function != 0 && function != 1) {
      return SbiError.NOT_SUPPORTED;
    }
    MemorySegment buffer = buffer(call.argument(0), call.argument(1), call.argument(2));
    if (buffer == null) {
      return SbiError.INVALID_PARAM;
    }
    return call.succeed(function == 0 ? write(buffer) : read(buffer));
  }

  /** What a call may touch: the first part of the buffer that lies in one piece of RAM; null when it is not all RAM. */
  private @Nullable MemorySegment buffer(long bytes, long low, long high) {
    if (bytes == 0 && high == 0) {
      return MemorySegment.NULL;
    }
    if (high != 0 || bytes < 0 || !ram.contains(low, bytes)) {
      return null;
    }
    return ram.slice(low, Math.min(bytes, MOST));
  }

  private long write(MemorySegment buffer) {
    console.write(buffer);
    return buffer.byteSize();
  }

  private long read(MemorySegment buffer) {
    long done = 0;
    while (done < buffer.byteSize()) {
      int b = console.read();
      if (b < 0) {
        break;
      }
      buffer.set(ValueLayout.JAVA_BYTE, done++, (byte) b);
    }
    return done;
  }
}
