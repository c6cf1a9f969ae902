package org.duvisor.isa;

/**
 * Where one operand sits in an instruction word: segments of bits, a sign, and a bias (8 for the
 * 3-bit register fields of compressed instructions). A field without segments is a constant.
 * Immutable.
 */
final class Field {
  /** The constant 0, also the field of an absent operand. */
  static final Field ZERO = constant(0);

  private final int[] from;
  private final int[] to;
  private final int[] mask;
  private final int signShift;
  private final long bias;

  private Field(int[] from, int[] to, int[] mask, int signShift, long bias) {
    this.from = from;
    this.to = to;
    this.mask = mask;
    this.signShift = signShift;
    this.bias = bias;
  }

  /** A field that always has this value. */
  static Field constant(long value) {
    return new Field(new int[0], new int[0], new int[0], 0, value);
  }

  /** A field of one segment, unsigned. */
  static Field plain(int from, int width, int bias) {
    return ZERO.with(from, 0, width, false).withBias(bias);
  }

  /**
   * This field with one more segment: {@code width} word bits from {@code at} are value bits from
   * {@code bit}.
   */
  Field with(int at, int bit, int width, boolean signed) {
    int n = from.length;
    int[] f = java.util.Arrays.copyOf(from, n + 1);
    int[] t = java.util.Arrays.copyOf(to, n + 1);
    int[] m = java.util.Arrays.copyOf(mask, n + 1);
    f[n] = at;
    t[n] = bit;
    m[n] = (1 << width) - 1;
    int shift = signed ? 64 - (bit + width) : 0;
    return new Field(f, t, m, signed && n > 0 ? Math.min(signShift, shift) : shift, bias);
  }

  private Field withBias(long value) {
    return new Field(from, to, mask, signShift, value);
  }

  boolean isConstant() {
    return from.length == 0;
  }

  /** The operand in an instruction word. */
  long extract(int bits) {
    long value = bias;
    for (int i = 0; i < from.length; i++) {
      value += (long) ((bits >>> from[i]) & mask[i]) << to[i];
    }
    return value << signShift >> signShift;
  }

  /** The word bits that encode the operand; bits that do not fit are lost, see {@link #fits}. */
  int insert(long value) {
    int bits = 0;
    for (int i = 0; i < from.length; i++) {
      bits |= ((int) ((value - bias) >>> to[i]) & mask[i]) << from[i];
    }
    return bits;
  }

  /** Whether the field can hold the value: range, alignment and, for a constant, equality. */
  boolean fits(long value) {
    return extract(insert(value)) == value;
  }

  /** The word bits this field occupies. */
  int occupied() {
    int bits = 0;
    for (int i = 0; i < from.length; i++) {
      bits |= mask[i] << from[i];
    }
    return bits;
  }

  /** Whether two segments claim the same bit of the value. */
  boolean repeatsValueBits() {
    long seen = 0;
    for (int i = 0; i < from.length; i++) {
      long claimed = (long) mask[i] << to[i];
      if ((seen & claimed) != 0) {
        return true;
      }
      seen |= claimed;
    }
    return false;
  }
}
