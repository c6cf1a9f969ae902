package org.duvisor.isa;

import java.util.List;

/**
 * The constants of the fli instructions (Zfa, "Load-Immediate Instructions"), by the number in the
 * field of rs1, as assemblers write them.
 */
public final class FloatConstant {
  /** The smallest positive normal number of the instruction's format. */
  public static final int MIN = 1;

  /** The canonical NaN. */
  public static final int NAN = 31;

  private static final List<String> TEXTS =
      List.of(
          "-1.0", "min", "0x1p-16", "0x1p-15", "0x1p-8", "0x1p-7", "0.0625", "0.125", "0.25",
          "0.3125", "0.375", "0.4375", "0.5", "0.625", "0.75", "0.875", "1.0", "1.25", "1.5",
          "1.75", "2.0", "2.5", "3.0", "4.0", "8.0", "16.0", "128.0", "256.0", "0x1p15", "0x1p16",
          "inf", "nan");

  private FloatConstant() {}

  /** The value of a constant besides {@link #MIN} and {@link #NAN}. */
  public static double value(int index) {
    String text = TEXTS.get(index);
    return text.equals("inf") ? Double.POSITIVE_INFINITY : Double.parseDouble(text);
  }

  /** The text of a constant. */
  static String text(int index) {
    return TEXTS.get(index);
  }

  /**
   * The number of a constant.
   *
   * @throws IllegalArgumentException when there is none of this text or value
   */
  static int index(String text) {
    int named = TEXTS.indexOf(text);
    if (named >= 0) {
      return named;
    }
    double value = Double.parseDouble(text);
    for (int i = 0; i < TEXTS.size(); i++) {
      if (i != MIN && i != NAN && value(i) == value) {
        return i;
      }
    }
    throw new IllegalArgumentException("not a constant of fli: " + text);
  }
}
