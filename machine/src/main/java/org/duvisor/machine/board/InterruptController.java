package org.duvisor.machine.board;

/** What brings the interrupts of a board's devices to its harts. */
public enum InterruptController {
  /** A PLIC. */
  PLIC,
  /** APLICs, by wire; the harts need not know of AIA. */
  APLIC,
  /** APLICs that send messages to the IMSIC of each hart; needs harts with AIA. */
  APLIC_IMSIC
}
