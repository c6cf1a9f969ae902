package org.duvisor.platform.linux;

import org.duvisor.platform.DvException;
import org.duvisor.platform.DvException.Reason;

/** errno of the driver as the contract's reasons. */
final class Errors {
  private static final int EPERM = 1;
  private static final int ENOMEM = 12;
  static final int EBUSY = 16;
  private static final int ENODEV = 19;
  private static final int ENOSPC = 28;

  private Errors() {}

  /**
   * What a failed request is to the caller.
   *
   * @param answer negative errno
   * @param what what was asked, for a person
   */
  static DvException of(long answer, String what) {
    int errno = (int) -answer;
    return switch (errno) {
      case EPERM -> new DvException(Reason.PERMISSION, what + ": not permitted");
      case ENOMEM -> new DvException(Reason.NO_MEMORY, what + ": the host has no memory for it");
      case EBUSY -> new DvException(Reason.BUSY, what + ": in use");
      case ENODEV -> new DvException(Reason.GONE, what + ": the VM is gone");
      case ENOSPC ->
          new DvException(
              Reason.LIMIT,
              what + ": a limit is reached (of memory: ulimit -l, or the module's quota)");
      default -> new DvException(Reason.INVALID, what + ": refused with error " + errno);
    };
  }
}
