package org.duvisor.machine.semantics;

/**
 * Pure 64-bit integer operations of RV64I, M, Zba, Zbb, Zbs and Zicond (unprivileged
 * specification). Operands and results are register values; operations with W use the low 32 bits
 * and sign-extend the result. Shift and bit numbers use the low 6 (W: 5) bits. Nothing traps:
 * division by zero and overflow have the results of the M extension.
 */
public final class Alu {
  private Alu() {}

  /** lui: the immediate, already shifted. */
  public static long lui(long imm) {
    return imm;
  }

  /** add, addi, auipc. */
  public static long add(long a, long b) {
    return a + b;
  }

  /** sub. */
  public static long sub(long a, long b) {
    return a - b;
  }

  /** slt, slti: 1 when a is less, signed. */
  public static long slt(long a, long b) {
    return a < b ? 1 : 0;
  }

  /** sltu, sltiu: 1 when a is less, unsigned. */
  public static long sltu(long a, long b) {
    return ltu(a, b) ? 1 : 0;
  }

  /** xor, xori. */
  public static long xor(long a, long b) {
    return a ^ b;
  }

  /** or, ori. */
  public static long or(long a, long b) {
    return a | b;
  }

  /** and, andi. */
  public static long and(long a, long b) {
    return a & b;
  }

  /** sll, slli. */
  public static long sll(long a, long b) {
    return a << b;
  }

  /** srl, srli. */
  public static long srl(long a, long b) {
    return a >>> b;
  }

  /** sra, srai. */
  public static long sra(long a, long b) {
    return a >> b;
  }

  /** addw, addiw. */
  public static long addw(long a, long b) {
    return (int) (a + b);
  }

  /** subw. */
  public static long subw(long a, long b) {
    return (int) (a - b);
  }

  /** sllw, slliw. */
  public static long sllw(long a, long b) {
    int word = (int) a << (int) b;
    return word;
  }

  /** srlw, srliw. */
  public static long srlw(long a, long b) {
    int word = (int) a >>> (int) b;
    return word;
  }

  /** sraw, sraiw. */
  public static long sraw(long a, long b) {
    return (int) a >> (int) b;
  }

  /** beq. */
  public static boolean eq(long a, long b) {
    return a == b;
  }

  /** bne. */
  public static boolean ne(long a, long b) {
    return a != b;
  }

  /** blt. */
  public static boolean lt(long a, long b) {
    return a < b;
  }

  /** bge. */
  public static boolean ge(long a, long b) {
    return a >= b;
  }

  /** bltu. */
  public static boolean ltu(long a, long b) {
    return Long.compareUnsigned(a, b) < 0;
  }

  /** bgeu. */
  public static boolean geu(long a, long b) {
    return Long.compareUnsigned(a, b) >= 0;
  }

  /** mul: low 64 bits of the product. */
  public static long mul(long a, long b) {
    return a * b;
  }

  /** mulh: high 64 bits of the signed product. */
  public static long mulh(long a, long b) {
    return Math.multiplyHigh(a, b);
  }

  /** mulhsu: high 64 bits of signed a times unsigned b. */
  public static long mulhsu(long a, long b) {
    return Math.multiplyHigh(a, b) + (a & b >> 63);
  }

  /** mulhu: high 64 bits of the unsigned product. */
  public static long mulhu(long a, long b) {
    return Math.unsignedMultiplyHigh(a, b);
  }

  /** div: toward zero; all ones for a zero divisor, the dividend on overflow (as in Java). */
  public static long div(long a, long b) {
    return b == 0 ? -1 : a / b;
  }

  /** divu: all ones for a zero divisor. */
  public static long divu(long a, long b) {
    return b == 0 ? -1 : Long.divideUnsigned(a, b);
  }

  /** rem: sign of the dividend; the dividend for a zero divisor, 0 on overflow (as in Java). */
  public static long rem(long a, long b) {
    return b == 0 ? a : a % b;
  }

  /** remu: the dividend for a zero divisor. */
  public static long remu(long a, long b) {
    return b == 0 ? a : Long.remainderUnsigned(a, b);
  }

  /** mulw. */
  public static long mulw(long a, long b) {
    return (int) (a * b);
  }

  /** divw. */
  public static long divw(long a, long b) {
    return (int) b == 0 ? -1 : (int) a / (int) b;
  }

  /** divuw. */
  public static long divuw(long a, long b) {
    return (int) b == 0 ? -1 : Integer.divideUnsigned((int) a, (int) b);
  }

  /** remw. */
  public static long remw(long a, long b) {
    return (int) b == 0 ? (int) a : (int) a % (int) b;
  }

  /** remuw. */
  public static long remuw(long a, long b) {
    return (int) b == 0 ? (int) a : Integer.remainderUnsigned((int) a, (int) b);
  }

  /** add.uw: zero-extended low word of a, plus b. */
  public static long adduw(long a, long b) {
    return (a & 0xffff_ffffL) + b;
  }

  /** sh1add: 2a + b. */
  public static long sh1add(long a, long b) {
    return (a << 1) + b;
  }

  /** sh2add: 4a + b. */
  public static long sh2add(long a, long b) {
    return (a << 2) + b;
  }

  /** sh3add: 8a + b. */
  public static long sh3add(long a, long b) {
    return (a << 3) + b;
  }

  /** sh1add.uw: twice the zero-extended low word of a, plus b. */
  public static long sh1adduw(long a, long b) {
    return ((a & 0xffff_ffffL) << 1) + b;
  }

  /** sh2add.uw: four times the zero-extended low word of a, plus b. */
  public static long sh2adduw(long a, long b) {
    return ((a & 0xffff_ffffL) << 2) + b;
  }

  /** sh3add.uw: eight times the zero-extended low word of a, plus b. */
  public static long sh3adduw(long a, long b) {
    return ((a & 0xffff_ffffL) << 3) + b;
  }

  /** slli.uw: the zero-extended low word of a, shifted left. */
  public static long slliuw(long a, long b) {
    return (a & 0xffff_ffffL) << b;
  }

  /** andn: and with the complement of b. */
  public static long andn(long a, long b) {
    return a & ~b;
  }

  /** orn: or with the complement of b. */
  public static long orn(long a, long b) {
    return a | ~b;
  }

  /** xnor. */
  public static long xnor(long a, long b) {
    return ~(a ^ b);
  }

  /** min, signed. */
  public static long min(long a, long b) {
    return Math.min(a, b);
  }

  /** minu, unsigned. */
  public static long minu(long a, long b) {
    return ltu(a, b) ? a : b;
  }

  /** max, signed. */
  public static long max(long a, long b) {
    return Math.max(a, b);
  }

  /** maxu, unsigned. */
  public static long maxu(long a, long b) {
    return ltu(a, b) ? b : a;
  }

  /** rol: rotate left. */
  public static long rol(long a, long b) {
    return Long.rotateLeft(a, (int) b);
  }

  /** ror, rori: rotate right. */
  public static long ror(long a, long b) {
    return Long.rotateRight(a, (int) b);
  }

  /** rolw. */
  public static long rolw(long a, long b) {
    return Integer.rotateLeft((int) a, (int) b);
  }

  /** rorw, roriw. */
  public static long rorw(long a, long b) {
    return Integer.rotateRight((int) a, (int) b);
  }

  /** clz: leading zeros, 64 for 0. */
  public static long clz(long a) {
    return Long.numberOfLeadingZeros(a);
  }

  /** ctz: trailing zeros, 64 for 0. */
  public static long ctz(long a) {
    return Long.numberOfTrailingZeros(a);
  }

  /** cpop: set bits. */
  public static long cpop(long a) {
    return Long.bitCount(a);
  }

  /** clzw: leading zeros of the low word, 32 for 0. */
  public static long clzw(long a) {
    return Integer.numberOfLeadingZeros((int) a);
  }

  /** ctzw: trailing zeros of the low word, 32 for 0. */
  public static long ctzw(long a) {
    return Integer.numberOfTrailingZeros((int) a);
  }

  /** cpopw: set bits of the low word. */
  public static long cpopw(long a) {
    return Integer.bitCount((int) a);
  }

  /** sext.b. */
  public static long sextb(long a) {
    return (byte) a;
  }

  /** sext.h. */
  public static long sexth(long a) {
    return (short) a;
  }

  /** zext.h. */
  public static long zexth(long a) {
    return a & 0xffff;
  }

  /** mop.r, mop.rr: an operation that may get a meaning; its result is 0. */
  public static long mop(long a) {
    return 0;
  }

  /** orc.b: each byte becomes 0xff unless it is 0. */
  public static long orcb(long a) {
    long low7 = 0x7f7f_7f7f_7f7f_7f7fL;
    long nonZero = ((a & low7) + low7 | a) & ~low7; // bit 7 of every byte that is not 0
    return (nonZero >>> 7) * 0xff;
  }

  /** rev8: byte reversal. */
  public static long rev8(long a) {
    return Long.reverseBytes(a);
  }

  /** bclr, bclri: bit b cleared. */
  public static long bclr(long a, long b) {
    return a & ~(1L << b);
  }

  /** bext, bexti: bit b. */
  public static long bext(long a, long b) {
    return a >>> b & 1;
  }

  /** binv, binvi: bit b inverted. */
  public static long binv(long a, long b) {
    return a ^ 1L << b;
  }

  /** bset, bseti: bit b set. */
  public static long bset(long a, long b) {
    return a | 1L << b;
  }

  /** czero.eqz: 0 when b is zero, else a. */
  public static long czeroEqz(long a, long b) {
    return b == 0 ? 0 : a;
  }

  /** czero.nez: 0 when b is not zero, else a. */
  public static long czeroNez(long a, long b) {
    return b == 0 ? a : 0;
  }
}
