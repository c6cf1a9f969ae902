package org.duvisor.machine;

/**
 * Sees a hart change its mode, on the hart's thread: for experiments that observe software without
 * changing it. While it is called, {@link Hart#retired} counts all instructions before the one that
 * traps or returns.
 */
public interface ModeListener {
  /**
   * A trap is about to be taken.
   *
   * @param cause as in a cause register, interrupt flag included
   * @param epc the instruction that trapped; with an interrupt, the one that would have been next
   */
  void trapped(Hart hart, Mode from, Mode to, long cause, long epc);

  /**
   * MRET, SRET or HURET has been executed.
   *
   * @param to the mode the hart is in now; may be the one it was in
   * @param pc where it goes on
   */
  void returned(Hart hart, Mode to, long pc);
}
