package org.duvisor.machine.fp;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.reflect.AccessFlag;
import java.lang.reflect.Method;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

/**
 * The first path of every instruction either says that it is unsure, or what {@link Fp} says
 * without raising a flag besides NX.
 */
class FastFloatTest {
  private static final int CASES = 20_000;
  private static final long[] SPECIAL = {
    0,
    1,
    -1,
    1L << 63,
    0x7ff0_0000_0000_0000L,
    0xfff0_0000_0000_0000L,
    0x7ff8_0000_0000_0000L,
    0x7ff0_0000_0000_0001L,
    0x0010_0000_0000_0000L,
    0x000f_ffff_ffff_ffffL,
    0x7fef_ffff_ffff_ffffL,
    0x3ff0_0000_0000_0000L,
    0x43e0_0000_0000_0000L,
    0xc3e0_0000_0000_0000L,
    0x41df_ffff_ffc0_0000L,
    0x7ff8_0000_0000_0001L,
    0xffff_ffff_7f80_0000L,
    0xffff_ffff_7fc0_0000L,
    0xffff_ffff_7f80_0001L,
    0xffff_ffff_0080_0000L,
    0xffff_ffff_3f80_0000L,
    0xffff_ffff_4f00_0000L,
    0xffff_ffff_0000_0001L
  };

  @Test
  void sureMeansRight() throws ReflectiveOperationException {
    Random random = new Random(7);
    for (Method fast : FastFloat.class.getDeclaredMethods()) {
      if (!fast.accessFlags().contains(AccessFlag.PUBLIC)) {
        continue;
      }
      Method full =
          Arrays.stream(Fp.class.getMethods())
              .filter(m -> m.getName().equals(fast.getName()))
              .findFirst()
              .orElseThrow();
      int sure = 0;
      for (int i = 0; i < CASES; i++) {
        sure += agree(fast, full, random) ? 1 : 0;
      }
      assertTrue(sure > CASES / 20, fast + " is hardly ever sure: " + sure);
    }
  }

  private static boolean agree(Method fast, Method full, Random random)
      throws ReflectiveOperationException {
    boolean modes = fast.getParameterTypes()[fast.getParameterCount() - 1] == int.class;
    Object[] operands = new Object[fast.getParameterCount()];
    int mode = modes ? random.nextInt(5) : 0;
    for (int i = 0; i < operands.length; i++) {
      operands[i] =
          modes && i == operands.length - 1 ? (Object) mode : (Object) operand(random, fast);
    }
    long value = (long) fast.invoke(null, operands);
    if (value == FastFloat.UNSURE) {
      return false;
    }
    Fcsr c = new Fcsr();
    c.flags = Fcsr.NX;
    Object[] all = new Object[full.getParameterCount()];
    all[0] = c;
    System.arraycopy(operands, 0, all, 1, operands.length);
    if (all.length > operands.length + 1) {
      all[all.length - 1] = mode;
    }
    assertEquals((long) full.invoke(null, all), value, fast + " " + Arrays.toString(operands));
    assertEquals(Fcsr.NX, c.flags, fast + " " + Arrays.toString(operands));
    return true;
  }

  private static long operand(Random random, Method method) {
    boolean single = method.getName().endsWith("_s");
    long bits =
        switch (random.nextInt(4)) {
          case 0 -> SPECIAL[random.nextInt(SPECIAL.length)];
          case 1 -> random.nextLong();
          case 2 ->
              single ? Float.floatToRawIntBits((float) random.nextGaussian()) : random.nextInt();
          default -> Double.doubleToRawLongBits(random.nextGaussian() * (1L << random.nextInt(40)));
        };
    return single && random.nextInt(8) != 0 ? bits | 0xffff_ffffL << 32 : bits;
  }
}
