package org.duvisor.conformance;

import java.util.Random;

/** Register values at the edges of integer and floating-point formats, among ordinary ones. */
final class Specials {
  private static final long[] INTEGERS = {
    0,
    1,
    -1,
    2,
    Long.MIN_VALUE,
    Long.MAX_VALUE,
    Integer.MIN_VALUE,
    Integer.MAX_VALUE,
    0xffff_ffffL,
    0x8000_0000L,
    0x1_0000_0000L,
    -128,
    255,
    0xffff,
    -32768,
    63,
    64,
  };
  private static final double[] DOUBLES = {
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    1.5,
    -2.5,
    3.0,
    Double.MIN_VALUE,
    -Double.MIN_NORMAL,
    Double.MAX_VALUE,
    Double.POSITIVE_INFINITY,
    Double.NEGATIVE_INFINITY,
    0x1p31,
    -0x1p63,
    0x1p64,
    0x1.fffffep127,
    0x1.ffffffp127,
    0x1p-126,
    0x1p-150,
    0x1.ffffffcp-127,
    Math.PI,
  };
  private static final float[] FLOATS = {
    0f,
    -0f,
    1f,
    -1f,
    0.5f,
    1.5f,
    -2.5f,
    3f,
    Float.MIN_VALUE,
    -Float.MIN_NORMAL,
    Float.MAX_VALUE,
    Float.POSITIVE_INFINITY,
    Float.NEGATIVE_INFINITY,
    0x1p31f,
    -0x1p63f,
    0x1p64f,
    (float) Math.PI,
  };

  /** Zeros, one, the smallest and largest numbers of either kind, infinity, NaNs. */
  private static final int[] HALVES = {
    0, 0x8000, 0x3c00, 0xbc00, 1, 0x8001, 0x03ff, 0x0400, 0x7bff, 0x7c00, 0xfc00, 0x7e00, 0x7c01,
  };

  private static final long[] NANS = {
    0x7ff8_0000_0000_0000L,
    0x7ff0_0000_0000_0001L,
    0xfff8_0000_0000_1234L,
    0xffff_ffff_7fc0_0000L,
    0xffff_ffff_7f80_0001L,
    0xffff_ffff_ffc0_4321L,
    0x7fc0_0000L,
  };
  private static final long BOXED = 0xffff_ffff_0000_0000L;
  private static final long BOXED_HALF = -1L << 16;

  private Specials() {}

  static long any(Random random) {
    return switch (random.nextInt(15)) {
      case 0, 1 -> INTEGERS[random.nextInt(INTEGERS.length)];
      case 2 -> Double.doubleToRawLongBits(DOUBLES[random.nextInt(DOUBLES.length)]);
      case 3 ->
          BOXED | Float.floatToRawIntBits(FLOATS[random.nextInt(FLOATS.length)]) & 0xffff_ffffL;
      case 4 -> NANS[random.nextInt(NANS.length)];
      case 5 -> Double.doubleToRawLongBits(random.nextGaussian());
      case 6 ->
          Double.doubleToRawLongBits(Math.scalb(random.nextGaussian(), random.nextInt(-80, 80)));
      case 7 -> BOXED | Float.floatToRawIntBits((float) random.nextGaussian()) & 0xffff_ffffL;
      case 8 -> BOXED | random.nextInt() & 0xffff_ffffL;
      case 9 -> random.nextInt();
      case 10 -> BOXED_HALF | HALVES[random.nextInt(HALVES.length)];
      case 11 -> BOXED_HALF | random.nextInt();
      case 12 -> BOXED_HALF | Float.floatToFloat16((float) random.nextGaussian());
      default -> random.nextLong() >>> (random.nextBoolean() ? 0 : random.nextInt(64));
    };
  }
}
