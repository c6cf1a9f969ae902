package org.duvisor.cli;

import java.util.Locale;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/**
 * An amount of memory as users write it: 512M, 2G, 1024K, or plain bytes. Suffixes are powers of
 * 1024.
 *
 * @param bytes at least 1
 */
public record Size(long bytes) {
  /** Reads a size from the command line. */
  public static final class Converter implements ITypeConverter<Size> {
    @Override
    public Size convert(String text) {
      return parse(text);
    }
  }

  /**
   * Reads a size.
   *
   * @throws TypeConversionException when it is none, is 0, or does not fit 63 bits
   */
  public static Size parse(String text) {
    String digits = text.toUpperCase(Locale.ROOT);
    int shift = 0;
    if (!digits.isEmpty()) {
      int unit = "KMGT".indexOf(digits.charAt(digits.length() - 1));
      if (unit >= 0) {
        shift = 10 * (unit + 1);
        digits = digits.substring(0, digits.length() - 1);
      }
    }
    if (digits.matches("[0-9]{1,18}")) {
      long count = Long.parseLong(digits);
      if (count > 0 && count <= Long.MAX_VALUE >> shift) {
        return new Size(count << shift);
      }
    }
    throw new TypeConversionException("'" + text + "' is no size (examples: 512M, 2G, 1048576)");
  }

  /** The size in the largest unit that is exact. */
  @Override
  public String toString() {
    int unit = Math.min(Long.numberOfTrailingZeros(bytes) / 10, 4);
    return (bytes >> (10 * unit)) + (unit == 0 ? "" : "KMGT".substring(unit - 1, unit));
  }
}
