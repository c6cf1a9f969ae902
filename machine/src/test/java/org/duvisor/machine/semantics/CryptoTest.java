package org.duvisor.machine.semantics;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.security.GeneralSecurityException;
import java.util.HexFormat;
import java.util.SplittableRandom;
import javax.crypto.Cipher;
import javax.crypto.spec.SecretKeySpec;
import org.duvisor.devices.MmioBus;
import org.duvisor.machine.Hart;
import org.duvisor.machine.HartConfig;
import org.duvisor.machine.Trap;
import org.duvisor.machine.dv.Posts;
import org.duvisor.machine.interp.Interpreter;
import org.duvisor.machine.mem.PhysicalMemory;
import org.junit.jupiter.api.Test;

/**
 * Ciphers made of the instructions, against the JDK's and the standards' examples. Single
 * instructions are compared with QEMU ({@code QemuDifferentialTest}).
 */
final class CryptoTest {
  private final SplittableRandom random = new SplittableRandom(1);
  private final Hart hart =
      new Hart(
          0,
          HartConfig.STANDARD,
          new PhysicalMemory(0x8000_0000L, 1 << 20),
          new MmioBus(),
          () -> 0,
          new Posts(),
          Interpreter::new);

  private static long[] words(byte[] bytes) {
    long[] words = new long[bytes.length / 8];
    ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asLongBuffer().get(words);
    return words;
  }

  private static byte[] bytes(long... words) {
    ByteBuffer b = ByteBuffer.allocate(8 * words.length).order(ByteOrder.LITTLE_ENDIAN);
    b.asLongBuffer().put(words);
    return b.array();
  }

  /** AES-128's key schedule: 11 round keys of two registers. */
  private long[] keys(byte[] key) {
    long[] keys = new long[22];
    long[] first = words(key);
    keys[0] = first[0];
    keys[1] = first[1];
    for (int round = 0; round < 10; round++) {
      long step = Crypto.aes64ks1i(hart, keys[2 * round + 1], round);
      keys[2 * round + 2] = Crypto.aes64ks2(step, keys[2 * round]);
      keys[2 * round + 3] = Crypto.aes64ks2(keys[2 * round + 2], keys[2 * round + 1]);
    }
    return keys;
  }

  private static byte[] encrypt(long[] keys, byte[] block) {
    long[] state = words(block);
    long a = state[0] ^ keys[0];
    long b = state[1] ^ keys[1];
    for (int round = 1; round <= 10; round++) {
      long low = round < 10 ? Crypto.aes64esm(a, b) : Crypto.aes64es(a, b);
      long high = round < 10 ? Crypto.aes64esm(b, a) : Crypto.aes64es(b, a);
      a = low ^ keys[2 * round];
      b = high ^ keys[2 * round + 1];
    }
    return bytes(a, b);
  }

  private static byte[] decrypt(long[] keys, byte[] block) {
    long[] state = words(block);
    long a = state[0] ^ keys[20];
    long b = state[1] ^ keys[21];
    for (int round = 9; round >= 0; round--) {
      long low = round > 0 ? Crypto.aes64dsm(a, b) : Crypto.aes64ds(a, b);
      long high = round > 0 ? Crypto.aes64dsm(b, a) : Crypto.aes64ds(b, a);
      a = low ^ (round > 0 ? Crypto.aes64im(keys[2 * round]) : keys[0]);
      b = high ^ (round > 0 ? Crypto.aes64im(keys[2 * round + 1]) : keys[1]);
    }
    return bytes(a, b);
  }

  @Test
  void aesIsThatOfTheJdk() throws GeneralSecurityException {
    for (int i = 0; i < 200; i++) {
      byte[] key = new byte[16];
      byte[] block = new byte[16];
      random.nextBytes(key);
      random.nextBytes(block);
      Cipher cipher = Cipher.getInstance("AES/ECB/NoPadding");
      cipher.init(Cipher.ENCRYPT_MODE, new SecretKeySpec(key, "AES"));
      long[] keys = keys(key);
      assertArrayEquals(cipher.doFinal(block), encrypt(keys, block));
      assertArrayEquals(block, decrypt(keys, encrypt(keys, block)));
    }
  }

  @Test
  void roundsBeyondTheLastAreReserved() {
    for (int round = 0; round < 16; round++) {
      int r = round;
      if (round <= 10) {
        Crypto.aes64ks1i(hart, 5, r);
      } else {
        assertThrows(Trap.class, () -> Crypto.aes64ks1i(hart, 5, r));
      }
    }
  }

  private static int round(int a, int b, boolean key) {
    long word = a;
    for (int i = 0; i < 4; i++) {
      word = key ? Crypto.sm4ks(word, b, i) : Crypto.sm4ed(word, b, i);
      assertEquals((int) word, word, "sign-extended");
    }
    return (int) word;
  }

  /** The example of GB/T 32907-2016, appendix A.1. */
  @Test
  void sm4IsThatOfTheStandard() {
    byte[] example = HexFormat.of().parseHex("0123456789abcdeffedcba9876543210");
    int[] family = {0xa3b1bac6, 0x56aa3350, 0x677d9197, 0xb27022dc};
    int[] key = new int[4];
    int[] x = new int[4];
    ByteBuffer.wrap(example).order(ByteOrder.LITTLE_ENDIAN).asIntBuffer().get(key).rewind().get(x);
    for (int i = 0; i < 4; i++) {
      key[i] ^= Integer.reverseBytes(family[i]);
    }
    for (int i = 0; i < 32; i++) {
      int constant = 0;
      for (int j = 0; j < 4; j++) {
        constant |= ((4 * i + j) * 7 & 0xff) << 8 * j;
      }
      key[i & 3] =
          round(key[i & 3], key[i + 1 & 3] ^ key[i + 2 & 3] ^ key[i + 3 & 3] ^ constant, true);
      x[i & 3] = round(x[i & 3], x[i + 1 & 3] ^ x[i + 2 & 3] ^ x[i + 3 & 3] ^ key[i & 3], false);
    }
    ByteBuffer out = ByteBuffer.allocate(16).order(ByteOrder.LITTLE_ENDIAN);
    out.putInt(x[3]).putInt(x[2]).putInt(x[1]).putInt(x[0]);
    assertEquals("681edf34d206965e86b3e94f536e4246", HexFormat.of().formatHex(out.array()));
  }

  @Test
  void carryLessProductsAreWhole() {
    for (int i = 0; i < 1000; i++) {
      long a = random.nextLong();
      long b = random.nextLong() >>> random.nextInt(64);
      BigInteger product = BigInteger.ZERO;
      BigInteger wide = new BigInteger(Long.toUnsignedString(a));
      for (int bit = 0; bit < 64; bit++) {
        product = (b >>> bit & 1) != 0 ? product.xor(wide.shiftLeft(bit)) : product;
      }
      assertEquals(product.longValue(), Crypto.clmul(a, b));
      assertEquals(product.shiftRight(64).longValue(), Crypto.clmulh(a, b));
      assertEquals(product.shiftRight(63).longValue(), Crypto.clmulr(a, b));
    }
  }
}
