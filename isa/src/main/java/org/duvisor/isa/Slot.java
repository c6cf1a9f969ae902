package org.duvisor.isa;

/**
 * The operand slots of a decoded instruction. A CSR number and the aq and rl bits share the
 * immediate's slot, a zimm that of rs1; no instruction has both.
 */
enum Slot {
  RD(0),
  RS1(1),
  RS2(2),
  RS3(3),
  IMM(4),
  RM(5);

  static final int COUNT = 6;
  private final int index;

  Slot(int index) {
    this.index = index;
  }

  /** Its place in arrays of operands. */
  int index() {
    return index;
  }
}
