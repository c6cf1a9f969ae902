package org.duvisor.hypervisor.sbi;

import java.util.function.LongPredicate;

/** Base extension (SBI 3.0, chapter 4). */
final class Base implements Extension {
  /** EID. */
  private static final int ID = 0x10;

  /** Version 3.0. */
  private static final long SPECIFICATION = 3L << 24;

  /** "DV": not in the list of known implementations. */
  private static final long IMPLEMENTATION = 0x4456;

  private static final long IMPLEMENTATION_VERSION = 1;

  private static final int PROBE = 3;

  /** By function; mvendorid, marchid, mimpid are 0: a virtual hart has no maker. */
  private static final long[] ANSWERS = {
    SPECIFICATION, IMPLEMENTATION, IMPLEMENTATION_VERSION, 0, 0, 0, 0
  };

  private final LongPredicate has;

  Base(LongPredicate has) {
    this.has = has;
  }

  @Override
  public int id() {
    return ID;
  }

  @Override
  public long call(long function, SbiCall call) {
    if (function < 0 || function > 6) {
      return SbiError.NOT_SUPPORTED;
    }
    if (function == PROBE) {
      return call.succeed(has.test(call.argument(0)) ? 1 : 0);
    }
    return call.succeed(ANSWERS[(int) function]);
  }

  /** What the functions return, but for probe_extension. */
  static long[] answers() {
    return ANSWERS.clone();
  }
}
