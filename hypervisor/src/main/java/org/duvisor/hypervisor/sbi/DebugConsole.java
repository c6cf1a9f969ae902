package org.duvisor.hypervisor.sbi;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.duvisor.devices.chardev.CharBackend;
import org.duvisor.hypervisor.stage2.GuestRam;

/**
 * Debug Console (SBI 3.0, chapter 12). Addresses are guest-physical, and all of a buffer must be
 * RAM.
 */
final class DebugConsole implements Extension {
  /** EID. */
  private static final int ID = 0x4442434E;

  /**
   * The most bytes of one call, so that a guest cannot keep its vCPU away from requests; calls may
   * do less.
   */
  private static final int MOST = 4096;

  private final GuestRam ram;
  private final CharBackend console;

  DebugConsole(GuestRam ram, CharBackend console) {
    this.ram = ram;
    this.console = console;
  }

  @Override
  public int id() {
    return ID;
  }

  @Override
  public long call(long function, SbiCall call) {
    if (function == 2) {
      console.transmit((byte) call.argument(0));
      return SbiError.SUCCESS;
    }
    if (function != 0 && function != 1) {
      return SbiError.NOT_SUPPORTED;
    }
    long bytes = call.argument(0);
    long address = call.argument(1);
    if (call.argument(2) != 0) {
      return SbiError.INVALID_PARAM;
    }
    if (bytes == 0) {
      return call.succeed(0);
    }
    if (!ram.contains(address, bytes)) {
      return SbiError.INVALID_PARAM;
    }
    MemorySegment buffer = ram.slice(address, Long.compareUnsigned(bytes, MOST) < 0 ? bytes : MOST);
    return call.succeed(function == 0 ? write(buffer) : read(buffer));
  }

  private long write(MemorySegment buffer) {
    byte[] bytes = buffer.toArray(ValueLayout.JAVA_BYTE);
    console.transmit(bytes, 0, bytes.length);
    return bytes.length;
  }

  private long read(MemorySegment buffer) {
    byte[] bytes = new byte[(int) buffer.byteSize()];
    int got = Math.max(0, console.receive(bytes, 0, bytes.length));
    MemorySegment.copy(bytes, 0, buffer, ValueLayout.JAVA_BYTE, 0, got);
    ram.written(buffer);
    return got;
  }
}
