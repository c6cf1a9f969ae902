package org.duvisor.hypervisor.sbi;

import java.util.function.LongPredicate;

/** Base extension (SBI 2.0, chapter 4). */
final class Base implements Extension {
  /** Version 2.0. */
  private static final long SPECIFICATION = 2L << 24;

  /** "DV": not in the list of known implementations. */
  private static final long IMPLEMENTATION = 0x4456;

  private static final long IMPLEMENTATION_VERSION = 1;

  private final LongPredicate has;

  Base(LongPredicate has) {
    this.has = has;
  }

  @Override
  public long id() {
    return 0x10;
  }

  @Override
  public long call(long function, SbiCall call) {
    if (function < 0 || function > 6) {
      return SbiError.NOT_SUPPORTED;
    }
    return call.succeed(
        switch ((int) function) {
          case 0 -> SPECIFICATION;
          case 1 -> IMPLEMENTATION;
          case 2 -> IMPLEMENTATION_VERSION;
          case 3 -> has.test(call.argument(0)) ? 1 : 0;
          default -> 0; // mvendorid, marchid, mimpid: a virtual hart has no maker
        });
  }
}
