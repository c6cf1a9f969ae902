package org.duvisor.isa;

/**
 * The operand slots of a decoded instruction. A CSR number and the aq and rl bits share the immediate's slot, a zimm
 * that of rs1; no instruction has both.
 */
enum Slot {
  RD,
  RS1,
  RS2,
  RS3,
  IMM,
  RM;

  static final int COUNT = 6;
}
