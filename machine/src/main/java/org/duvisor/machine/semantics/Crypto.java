package org.duvisor.machine.semantics;

import org.duvisor.machine.Hart;

/**
 * Carry-less multiplication and scalar cryptography (RISC-V Cryptography Extensions, volume I): AES
 * and SHA-2 (Zkn), SM3 and SM4 (Zks), and the bit manipulation that goes with them. One method for
 * each instruction; registers in, register out.
 */
public final class Crypto {
  private static final int AES_POLYNOMIAL = 0x11b;
  private static final int SM4_POLYNOMIAL = 0x1f5;

  private static final byte[] AES = new byte[256];
  private static final byte[] AES_INVERSE = new byte[256];
  private static final byte[] SM4 = new byte[256];

  /** FIPS 197, section 5.2; entry 10 is for the last step of AES-256, which has none. */
  private static final int[] ROUND_CONSTANTS = {
    0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0x1b, 0x36, 0
  };

  private static final int LAST_ROUND = 10;

  static {
    for (int i = 0; i < 256; i++) {
      int x = inverse(i, AES_POLYNOMIAL);
      AES[i] = (byte) (x ^ rotate(x, 1) ^ rotate(x, 2) ^ rotate(x, 3) ^ rotate(x, 4) ^ 0x63);
      AES_INVERSE[AES[i] & 0xff] = (byte) i;
      SM4[i] = (byte) sm4Affine(inverse(sm4Affine(i), SM4_POLYNOMIAL));
    }
  }

  private Crypto() {}

  // ---- GF(2^8)

  private static int multiply(int a, int b, int polynomial) {
    int product = 0;
    for (int bit = b; bit != 0; bit >>>= 1) {
      product ^= (bit & 1) != 0 ? a : 0;
      a <<= 1;
      a ^= (a & 0x100) != 0 ? polynomial : 0;
    }
    return product;
  }

  /** a^254, which is 1/a, and 0 for 0. */
  private static int inverse(int a, int polynomial) {
    int power = 1;
    for (int i = 0; i < 254; i++) {
      power = multiply(power, a, polynomial);
    }
    return power;
  }

  private static int rotate(int a, int left) {
    return (a << left | a >>> 8 - left) & 0xff;
  }

  /** The affine map of SM4's S-box: a circulant matrix with first row 0xa7, and 0xd3. */
  private static int sm4Affine(int a) {
    int mapped = 0;
    for (int i = 0; i < 8; i++) {
      mapped |= (Integer.bitCount(rotate(0xa7, i) & a) & 1) << i;
    }
    return mapped ^ 0xd3;
  }

  // ---- Zbc

  /** clmul: the low half of the carry-less product. */
  public static long clmul(long a, long b) {
    long product = 0;
    for (int i = 0; i < 64; i++) {
      product ^= (b >>> i & 1) != 0 ? a << i : 0;
    }
    return product;
  }

  /** clmulh: the high half. */
  public static long clmulh(long a, long b) {
    return clmulr(a, b) >>> 1;
  }

  /** clmulr: bits 126 to 63, the low half of the reversed product. */
  public static long clmulr(long a, long b) {
    return Long.reverse(clmul(Long.reverse(a), Long.reverse(b)));
  }

  // ---- Zbkb, Zbkx

  /** pack: the low words of both. */
  public static long pack(long a, long b) {
    return a & 0xffff_ffffL | b << 32;
  }

  /** packh: the low bytes of both, zero-extended. */
  public static long packh(long a, long b) {
    return a & 0xff | (b & 0xff) << 8;
  }

  /** packw: the low halves of both, a word, sign-extended. */
  public static long packw(long a, long b) {
    return (int) (a & 0xffff | b << 16);
  }

  /** brev8: the bits of each byte reversed. */
  public static long brev8(long a) {
    return Long.reverseBytes(Long.reverse(a));
  }

  /** xperm4: each nibble of b selects one of a, or 0. */
  public static long xperm4(long a, long b) {
    long result = 0;
    for (int i = 0; i < 64; i += 4) {
      result |= (a >>> 4 * (b >>> i & 15) & 15) << i;
    }
    return result;
  }

  /** xperm8: each byte of b selects one of a; beyond the last: 0. */
  public static long xperm8(long a, long b) {
    long result = 0;
    for (int i = 0; i < 64; i += 8) {
      long from = b >>> i & 0xff;
      result |= from < 8 ? (a >>> 8 * from & 0xff) << i : 0;
    }
    return result;
  }

  // ---- AES: a state of 16 bytes is low (0 to 7) and high; results are its lower half

  private static long of(long low, long high, int i) {
    return (i < 8 ? low >>> 8 * i : high >>> 8 * (i - 8)) & 0xff;
  }

  /** Rows of the state shifted, by {@code step} columns a row, and substituted. */
  private static long shiftAndSubstitute(long low, long high, int step, byte[] box) {
    long result = 0;
    for (int i = 0; i < 8; i++) {
      int row = i & 3;
      int column = (i >>> 2) + step * row & 3;
      result |= (box[(int) of(low, high, 4 * column + row)] & 0xffL) << 8 * i;
    }
    return result;
  }

  /** Each column times a polynomial, its coefficients from the lowest byte on. */
  private static long mixColumns(long state, int polynomial) {
    long result = 0;
    for (int i = 0; i < 8; i++) {
      int sum = 0;
      for (int j = 0; j < 4; j++) {
        int factor = polynomial >>> 8 * ((i - j) & 3) & 0xff;
        sum ^= multiply((int) (state >>> 8 * ((i & 4) + j) & 0xff), factor, AES_POLYNOMIAL);
      }
      result |= (long) sum << 8 * i;
    }
    return result;
  }

  private static final int MIX = 0x03_01_01_02;
  private static final int UNMIX = 0x0b_0d_09_0e;

  /** aes64es: the last round of encryption. */
  public static long aes64es(long a, long b) {
    return shiftAndSubstitute(a, b, 1, AES);
  }

  /** aes64esm: a middle round of encryption. */
  public static long aes64esm(long a, long b) {
    return mixColumns(aes64es(a, b), MIX);
  }

  /** aes64ds: the last round of decryption. */
  public static long aes64ds(long a, long b) {
    return shiftAndSubstitute(a, b, 3, AES_INVERSE);
  }

  /** aes64dsm: a middle round of decryption. */
  public static long aes64dsm(long a, long b) {
    return aes64im(aes64ds(a, b));
  }

  /** aes64im: InvMixColumns, for the keys of decryption. */
  public static long aes64im(long a) {
    return mixColumns(a, UNMIX);
  }

  /** aes64ks1i: the key schedule's step with a round constant; rounds above 10 are reserved. */
  public static long aes64ks1i(Hart h, long a, long round) {
    if (round > LAST_ROUND) {
      throw h.illegal();
    }
    int word = (int) (a >>> 32);
    word = round == LAST_ROUND ? word : Integer.rotateRight(word, 8);
    int substituted = 0;
    for (int i = 0; i < 32; i += 8) {
      substituted |= (AES[word >>> i & 0xff] & 0xff) << i;
    }
    substituted ^= ROUND_CONSTANTS[(int) round];
    return pack(substituted, substituted);
  }

  /** aes64ks2: the key schedule's step without one. */
  public static long aes64ks2(long a, long b) {
    long low = a >>> 32 ^ b & 0xffff_ffffL;
    return pack(low, low ^ b >>> 32);
  }

  // ---- SHA-2 (FIPS 180-4, section 4.1)

  private static long sha256(long a, int first, int second, int third, boolean shifted) {
    int x = (int) a;
    int last = shifted ? x >>> third : Integer.rotateRight(x, third);
    return Integer.rotateRight(x, first) ^ Integer.rotateRight(x, second) ^ last;
  }

  private static long sha512(long a, int first, int second, int third, boolean shifted) {
    long last = shifted ? a >>> third : Long.rotateRight(a, third);
    return Long.rotateRight(a, first) ^ Long.rotateRight(a, second) ^ last;
  }

  /** sha256sum0. */
  public static long sha256sum0(long a) {
    return sha256(a, 2, 13, 22, false);
  }

  /** sha256sum1. */
  public static long sha256sum1(long a) {
    return sha256(a, 6, 11, 25, false);
  }

  /** sha256sig0. */
  public static long sha256sig0(long a) {
    return sha256(a, 7, 18, 3, true);
  }

  /** sha256sig1. */
  public static long sha256sig1(long a) {
    return sha256(a, 17, 19, 10, true);
  }

  /** sha512sum0. */
  public static long sha512sum0(long a) {
    return sha512(a, 28, 34, 39, false);
  }

  /** sha512sum1. */
  public static long sha512sum1(long a) {
    return sha512(a, 14, 18, 41, false);
  }

  /** sha512sig0. */
  public static long sha512sig0(long a) {
    return sha512(a, 1, 8, 7, true);
  }

  /** sha512sig1. */
  public static long sha512sig1(long a) {
    return sha512(a, 19, 61, 6, true);
  }

  // ---- SM3, SM4 (GB/T 32905 and 32907)

  /** sm3p0. */
  public static long sm3p0(long a) {
    int x = (int) a;
    return x ^ Integer.rotateLeft(x, 9) ^ Integer.rotateLeft(x, 17);
  }

  /** sm3p1. */
  public static long sm3p1(long a) {
    int x = (int) a;
    return x ^ Integer.rotateLeft(x, 15) ^ Integer.rotateLeft(x, 23);
  }

  private static int sm4(long b, long number) {
    return SM4[(int) (b >>> 8 * number) & 0xff] & 0xff;
  }

  /** sm4ed: a byte's part of a round; the linear map with the word's bytes in memory's order. */
  public static long sm4ed(long a, long b, long number) {
    int x = sm4(b, number);
    int mixed = x ^ x << 8 ^ x << 2 ^ x << 18 ^ (x & 0x3f) << 26 ^ (x & 0xc0) << 10;
    return Integer.rotateLeft(mixed, 8 * (int) number) ^ (int) a;
  }

  /** sm4ks: a byte's part of a step of the key schedule. */
  public static long sm4ks(long a, long b, long number) {
    int x = sm4(b, number);
    int mixed = x ^ (x & 7) << 29 ^ (x & 0xfe) << 7 ^ (x & 1) << 23 ^ (x & 0xf8) << 13;
    return Integer.rotateLeft(mixed, 8 * (int) number) ^ (int) a;
  }
}
