package org.duvisor.nativecode;

import org.duvisor.machine.Hart;
import org.duvisor.machine.HartState;
import org.duvisor.machine.OwnWords;
import org.jspecify.annotations.Nullable;

/**
 * Where things are while code runs. The registers that compilers use most have one of this
 * computer; the others are in the hart's block. What else a visit needs is on its stack.
 */
final class Guest {
  /** Points into the hart's block, so that all x registers are within a byte's displacement. */
  static final Reg BLOCK = Reg.RBX;

  /** From x0 to where {@link #BLOCK} points. */
  static final int BIAS = 128;

  /** Instructions that may still be executed; 32 bits. */
  static final Reg FUEL = Reg.R15;

  /** Host addresses that correspond to base registers of accesses. */
  static final Reg[] PLACES = {Reg.RSI, Reg.RDI};

  /** a0 to a5, sp, s0. */
  private static final @Nullable Reg[] HOMES = new Reg[32];

  static {
    HOMES[10] = Reg.R8;
    HOMES[11] = Reg.R9;
    HOMES[12] = Reg.R10;
    HOMES[13] = Reg.R11;
    HOMES[14] = Reg.R12;
    HOMES[15] = Reg.R13;
    HOMES[2] = Reg.R14;
    HOMES[8] = Reg.RBP;
  }

  // The stack of a visit, from RSP on.

  /** The frame that Java and the code share. */
  static final Mem FRAME = Mem.at(Reg.RSP, 0);

  /** Virtual address of the page that is executed. */
  static final Mem PAGE = Mem.at(Reg.RSP, 8);

  static final Mem READ_TLB = Mem.at(Reg.RSP, 16);
  static final Mem WRITE_TLB = Mem.at(Reg.RSP, 24);

  /** What tags of data accesses hold besides the page. */
  static final Mem CONTEXT = Mem.at(Reg.RSP, 32);

  /** What links hold besides the address. */
  static final Mem TAG = Mem.at(Reg.RSP, 40);

  /** Address of the links. */
  static final Mem LINKS = Mem.at(Reg.RSP, 48);

  /** Address of sscratch, sepc, scause and stval, or 0: {@link Hart#supervisorWords}. */
  static final Mem SUPERVISOR_WORDS = Mem.at(Reg.RSP, 56);

  /** {@link Hart#floatState}. */
  static final Mem FLOAT_STATE = Mem.at(Reg.RSP, 64);

  // Words of the hart's block.

  static final Mem ATTENTION = word(OwnWords.ATTENTION);
  static final Mem RESERVED_HOST = word(OwnWords.RESERVED_HOST);
  static final Mem RESERVED_VALUE = word(OwnWords.RESERVED_VALUE);

  private Guest() {}

  /** A word of the hart's block. */
  static Mem word(int offset) {
    return Mem.at(BLOCK, offset - HartState.X - BIAS);
  }

  /** The register of this computer that holds a guest's register, null if none does. */
  static @Nullable Reg home(int register) {
    return HOMES[register];
  }

  /** Where a guest's register is. */
  static Operand x(int register) {
    Reg home = HOMES[register];
    return home != null ? home : inBlock(register);
  }

  /** Where a floating-point register is. */
  static Mem f(int register) {
    return word(HartState.F + 8 * register);
  }

  /** Its place in the hart's block. */
  static Mem inBlock(int register) {
    return Mem.at(BLOCK, 8 * register - BIAS);
  }
}
