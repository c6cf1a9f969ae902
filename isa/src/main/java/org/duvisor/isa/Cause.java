package org.duvisor.isa;

/**
 * Exception and interrupt numbers, as in the low bits of mcause (privileged specification, mcause
 * and H extension), and those of DV-ext. The interrupt flag is not part of them.
 */
public final class Cause {
  /** Bit 63 of a cause register: an interrupt. */
  public static final long INTERRUPT = 1L << 63;

  /** Exception: instruction address misaligned. */
  public static final int INSTRUCTION_MISALIGNED = 0;

  /** Exception: instruction access fault. */
  public static final int INSTRUCTION_ACCESS_FAULT = 1;

  /** Exception: illegal instruction. */
  public static final int ILLEGAL_INSTRUCTION = 2;

  /** Exception: breakpoint. */
  public static final int BREAKPOINT = 3;

  /** Exception: load address misaligned. */
  public static final int LOAD_MISALIGNED = 4;

  /** Exception: load access fault. */
  public static final int LOAD_ACCESS_FAULT = 5;

  /** Exception: store or AMO address misaligned. */
  public static final int STORE_MISALIGNED = 6;

  /** Exception: store or AMO access fault. */
  public static final int STORE_ACCESS_FAULT = 7;

  /** Exception: environment call from U-mode or VU-mode. */
  public static final int ECALL_U = 8;

  /** Exception: environment call from HS-mode. */
  public static final int ECALL_S = 9;

  /** Exception: environment call from VS-mode. */
  public static final int ECALL_VS = 10;

  /** Exception: environment call from M-mode. */
  public static final int ECALL_M = 11;

  /** Exception: instruction page fault. */
  public static final int INSTRUCTION_PAGE_FAULT = 12;

  /** Exception: load page fault. */
  public static final int LOAD_PAGE_FAULT = 13;

  /** Exception: store or AMO page fault. */
  public static final int STORE_PAGE_FAULT = 15;

  /** Exception: double trap (Smdbltrp, Ssdbltrp). */
  public static final int DOUBLE_TRAP = 16;

  /** Exception: software check. */
  public static final int SOFTWARE_CHECK = 18;

  /** Exception: hardware error. */
  public static final int HARDWARE_ERROR = 19;

  /** Exception: instruction guest-page fault. */
  public static final int INSTRUCTION_GUEST_PAGE_FAULT = 20;

  /** Exception: load guest-page fault. */
  public static final int LOAD_GUEST_PAGE_FAULT = 21;

  /** Exception: virtual instruction. */
  public static final int VIRTUAL_INSTRUCTION = 22;

  /** Exception: store or AMO guest-page fault. */
  public static final int STORE_GUEST_PAGE_FAULT = 23;

  /** Exception: a physical access outside the windows (DV-ext, section 3.1). */
  public static final int WINDOW_VIOLATION = 24;

  /** Interrupt: user software (DV-ext). */
  public static final int USER_SOFTWARE = 0;

  /** Interrupt: supervisor software. */
  public static final int SUPERVISOR_SOFTWARE = 1;

  /** Interrupt: virtual supervisor software. */
  public static final int VIRTUAL_SUPERVISOR_SOFTWARE = 2;

  /** Interrupt: machine software. */
  public static final int MACHINE_SOFTWARE = 3;

  /** Interrupt: user timer (DV-ext). */
  public static final int USER_TIMER = 4;

  /** Interrupt: supervisor timer. */
  public static final int SUPERVISOR_TIMER = 5;

  /** Interrupt: virtual supervisor timer. */
  public static final int VIRTUAL_SUPERVISOR_TIMER = 6;

  /** Interrupt: machine timer. */
  public static final int MACHINE_TIMER = 7;

  /** Interrupt: user external (DV-ext). */
  public static final int USER_EXTERNAL = 8;

  /** Interrupt: supervisor external. */
  public static final int SUPERVISOR_EXTERNAL = 9;

  /** Interrupt: virtual supervisor external. */
  public static final int VIRTUAL_SUPERVISOR_EXTERNAL = 10;

  /** Interrupt: machine external. */
  public static final int MACHINE_EXTERNAL = 11;

  /** Interrupt: supervisor guest external. */
  public static final int SUPERVISOR_GUEST_EXTERNAL = 12;

  /** Interrupt: local counter overflow (Sscofpmf). */
  public static final int COUNTER_OVERFLOW = 13;

  /** Interrupt: a trap to the host was reflected (DV-ext, section 6). */
  public static final int HOST_EVENT = 63;

  private static final String[] EXCEPTIONS = {
    "instruction address misaligned", "instruction access fault", "illegal instruction",
        "breakpoint",
    "load address misaligned", "load access fault", "store address misaligned",
        "store access fault",
    "environment call from U", "environment call from S", "environment call from VS",
        "environment call from M",
    "instruction page fault", "load page fault", "", "store page fault",
    "double trap", "", "software check", "hardware error",
    "instruction guest page fault", "load guest page fault", "virtual instruction",
        "store guest page fault",
    "window violation",
  };
  private static final String[] INTERRUPTS = {
    "user software interrupt", "supervisor software interrupt",
        "virtual supervisor software interrupt",
    "machine software interrupt", "user timer interrupt", "supervisor timer interrupt",
    "virtual supervisor timer interrupt", "machine timer interrupt", "user external interrupt",
    "supervisor external interrupt", "virtual supervisor external interrupt",
        "machine external interrupt",
    "supervisor guest external interrupt", "counter overflow interrupt",
  };

  private Cause() {}

  /**
   * A description of a cause register's value, interrupt flag included; "exception 14" when the
   * number has no name.
   */
  public static String name(long cause) {
    long code = cause & ~INTERRUPT;
    boolean interrupt = cause < 0;
    if (interrupt && code == HOST_EVENT) {
      return "host event";
    }
    String[] names = interrupt ? INTERRUPTS : EXCEPTIONS;
    if (code < names.length && !names[(int) code].isEmpty()) {
      return names[(int) code];
    }
    return (interrupt ? "interrupt " : "exception ") + code;
  }
}
