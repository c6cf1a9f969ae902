package org.duvisor.nativecode;

/** A general register of x86-64; its place in this list is its number. */
enum Reg implements Operand {
  RAX,
  RCX,
  RDX,
  RBX,
  RSP,
  RBP,
  RSI,
  RDI,
  R8,
  R9,
  R10,
  R11,
  R12,
  R13,
  R14,
  R15;

  int number() {
    return ordinal();
  }
}
