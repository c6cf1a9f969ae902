package org.duvisor.hypervisor.sbi;

/** Standard error codes of the SBI (SBI 3.0, chapter 3). */
public final class SbiError {
  public static final long SUCCESS = 0;
  public static final long FAILED = -1;
  public static final long NOT_SUPPORTED = -2;
  public static final long INVALID_PARAM = -3;
  public static final long DENIED = -4;
  public static final long INVALID_ADDRESS = -5;
  public static final long ALREADY_AVAILABLE = -6;
  public static final long ALREADY_STARTED = -7;
  public static final long ALREADY_STOPPED = -8;
  public static final long NO_SHMEM = -9;
  public static final long DENIED_LOCKED = -14;

  /** Not a code of the SBI: the call does not return, or has set the registers itself. */
  static final long NO_RETURN = Long.MIN_VALUE;

  private SbiError() {}
}
