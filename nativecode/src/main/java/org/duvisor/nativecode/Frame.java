package org.duvisor.nativecode;

import java.lang.foreign.MemorySegment;
import org.duvisor.machine.mem.Raw;

/**
 * What Java and the code tell each other at the start and the end of a visit: words of host memory.
 * Constants are displacements.
 */
final class Frame {
  /** Where {@link Guest#BLOCK} shall point. */
  static final int BLOCK = 0;

  /** First of the words that go to the stack, in its order. */
  static final int PAGE = 8;

  static final int READ_TLB = 16;
  static final int WRITE_TLB = 24;
  static final int CONTEXT = 32;
  static final int TAG = 40;

  static final int LINKS = 48;

  static final int SUPERVISOR_WORDS = 56;

  /** Last of the words that go to the stack. */
  static final int FLOAT_STATE = 64;

  /** Bytes of the stack. */
  static final int STACK = FLOAT_STATE + 8;

  /** The pc at the end. */
  static final int PC = 72;

  /** Fuel that is left at the end. */
  static final int FUEL = 80;

  /** MXCSR for the visit: no exception seen, all masked, rounding to nearest, as Java has it. */
  static final int MXCSR = 88;

  /** MXCSR at the end. */
  static final int MXCSR_AFTER = 96;

  private static final int BYTES = 104;

  @SuppressWarnings("UnusedVariable") // it owns the memory
  private final MemorySegment memory = Raw.allocate(BYTES);

  /** Host address. */
  final long address = memory.address();

  void set(int word, long value) {
    Raw.word(address + word, value);
  }

  long get(int word) {
    return Raw.word(address + word);
  }
}
