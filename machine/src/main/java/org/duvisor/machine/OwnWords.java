package org.duvisor.machine;

/**
 * Words of a hart behind its {@link HartState}, in the same block, so that code which is not Java
 * reaches them: they are this process's own, and not saved with the state. Constants are
 * displacements from the block's start.
 */
public final class OwnWords {
  /** Not 0 when somebody asks the hart to look up; any thread writes it. */
  public static final int ATTENTION = HartState.BYTES;

  /** LR reservation: host address, with bit 0 set for a doubleword; 0 when there is none. */
  public static final int RESERVED_HOST = ATTENTION + 8;

  /** Value seen by the LR; an SC succeeds when memory still holds it. */
  public static final int RESERVED_VALUE = RESERVED_HOST + 8;

  /** Interrupts that were pending when the hart looked at them last. */
  public static final int LAST_PENDING = RESERVED_VALUE + 8;

  /** Bytes of all. */
  static final int BYTES = LAST_PENDING + 8 - HartState.BYTES;

  private OwnWords() {}
}
