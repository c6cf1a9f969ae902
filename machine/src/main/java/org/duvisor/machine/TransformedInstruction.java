package org.duvisor.machine;

import org.duvisor.isa.Decoded;
import org.duvisor.isa.Decoder;
import org.duvisor.isa.InstructionSet;

/**
 * The transformed instruction of a trapping load, store or AMO (privileged spec 21.6.3), for htinst
 * and its kin.
 */
final class TransformedInstruction {
  /** Implicit read of a 64-bit PTE by the walker. */
  static final long PTE_READ = 0x3000;

  /** Implicit write of a 64-bit PTE. */
  static final long PTE_WRITE = 0x3020;

  private static final int LOAD = 0x03;
  private static final int LOAD_FP = 0x07;
  private static final int STORE = 0x23;
  private static final int STORE_FP = 0x27;
  private static final int AMO = 0x2f;
  private static final int SYSTEM = 0x73;
  private static final int RD = 0x1f << 7;
  private static final int FUNCT3 = 7 << 12;
  private static final int RS2 = 0x1f << 20;

  private static final Decoder DECODER = InstructionSet.standard().decoder();

  private TransformedInstruction() {}

  /**
   * The transformation, or 0 when the instruction has none.
   *
   * @param offset distance of the faulting address from that of the access, 0..7
   * @param bits the instruction as fetched; a compressed one becomes its expansion with bit 1 clear
   */
  static long of(int bits, int offset) {
    Decoded d = DECODER.decode(bits);
    if (d == null) {
      return 0;
    }
    int full = d.expanded(); // its immediate is masked out below
    int transformed =
        switch (d.instruction().match() & 0x7f) {
          case LOAD, LOAD_FP -> full & (0x7f | RD | FUNCT3) | offset << 15;
          case STORE, STORE_FP -> full & (0x7f | FUNCT3 | RS2) | offset << 15;
          case AMO, SYSTEM -> bits & ~(0x1f << 15) | offset << 15;
          default -> 0;
        };
    return Integer.toUnsignedLong(d.length() == 2 ? transformed & ~2 : transformed);
  }
}
