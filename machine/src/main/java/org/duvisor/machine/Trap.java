package org.duvisor.machine;

/**
 * A synchronous exception on its way from the instruction that raised it to the engine's loop. One
 * preallocated, stackless instance per hart: raising it costs about 100 ns and allocates nothing.
 */
public final class Trap extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /**
   * tinst to be computed from the trapping instruction (transformed, privileged spec 21.6.3); minus
   * the distance of the fault from the address of the access, which is not 0 when a misaligned
   * access faults in its second page.
   */
  static final long TRANSFORM = -1;

  /** No trap: raised before an instruction that has to be fetched again. */
  @SuppressWarnings("StaticAssignmentOfThrowable") // it has no stack trace
  public static final Trap AGAIN = new Trap();

  int cause;
  long tval;
  long tval2;
  long tinst;
  boolean gva;

  Trap() {
    super(null, null, false, false);
  }
}
