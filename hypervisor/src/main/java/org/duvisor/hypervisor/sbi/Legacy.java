package org.duvisor.hypervisor.sbi;

import org.duvisor.devices.chardev.CharBackend;
import org.duvisor.hypervisor.vcpu.Power;

/**
 * Legacy extensions (SBI 3.0, chapter 5): the console and shutdown. They return one value, in a0.
 */
final class Legacy {
  /** Highest number of a legacy extension. */
  static final long LAST = 0xF;

  private static final int PUTCHAR = 1;
  private static final int GETCHAR = 2;
  private static final int SHUTDOWN = 8;

  private final CharBackend console;
  private final Power power;

  Legacy(CharBackend console, Power power) {
    this.console = console;
    this.power = power;
  }

  boolean has(long id) {
    return id == PUTCHAR || id == GETCHAR || id == SHUTDOWN;
  }

  long call(long id, SbiCall call) {
    return switch ((int) id) {
      case PUTCHAR -> {
        console.transmit((byte) call.argument(0));
        yield SbiError.SUCCESS;
      }
      case GETCHAR -> {
        byte[] one = new byte[1];
        yield console.receive(one, 0, 1) == 1 ? one[0] & 0xFF : -1;
      }
      case SHUTDOWN -> {
        power.poweroff();
        yield SbiError.NO_RETURN;
      }
      default -> SbiError.NOT_SUPPORTED;
    };
  }
}
