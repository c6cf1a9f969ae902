package org.duvisor.platform;

/**
 * What traps where while the guest runs (docs/dv-ext.md, sections 3.1 and 5). Bit masks by cause
 * number.
 *
 * @param exceptionsToHu sedeleg, subset of {10, 20, 21, 22, 23}
 * @param interruptsToHu sideleg, subset of {0, 4, 8}
 * @param exceptionsToGuest hedeleg
 * @param interruptsToGuest hideleg, subset of {2, 6, 10}
 */
public record Delegation(
    long exceptionsToHu, long interruptsToHu, long exceptionsToGuest, long interruptsToGuest) {
  /** All that may go to HU goes there; the guest gets its own exceptions and interrupts. */
  public static final Delegation RECOMMENDED = new Delegation(0xF00400, 0x111, 0xB1FF, 0x444);

  /** The legal masks. */
  public static final Delegation LEGAL = RECOMMENDED;

  /** Whether no bit lies outside the legal masks. */
  public boolean isLegal() {
    return (exceptionsToHu & ~LEGAL.exceptionsToHu) == 0
        && (interruptsToHu & ~LEGAL.interruptsToHu) == 0
        && (exceptionsToGuest & ~LEGAL.exceptionsToGuest) == 0
        && (interruptsToGuest & ~LEGAL.interruptsToGuest) == 0;
  }
}
