package org.duvisor.nativecode;

/** A condition of jumps, sets and conditional moves; its place in this list is its number. */
enum Condition {
  OVERFLOW,
  NO_OVERFLOW,
  BELOW,
  ABOVE_EQUAL,
  EQUAL,
  NOT_EQUAL,
  BELOW_EQUAL,
  ABOVE,
  NEGATIVE,
  NOT_NEGATIVE,
  PARITY,
  NO_PARITY,
  LESS,
  GREATER_EQUAL,
  LESS_EQUAL,
  GREATER;

  int number() {
    return ordinal();
  }
}
