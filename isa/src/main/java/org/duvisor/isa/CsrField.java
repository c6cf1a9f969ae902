package org.duvisor.isa;

import java.util.List;

/**
 * A field of a CSR, as its table names it.
 *
 * @param name lower case, such as "vgein"
 * @param high its highest bit
 * @param low its lowest bit
 * @param readOnly whether writes leave it alone
 * @param not values that a write may not bring: the field keeps what it has (WARL)
 * @param extension without it the field is read-only zero; empty for a field that is always there
 */
public record CsrField(
    String name,
    int high,
    int low,
    boolean readOnly,
    List<Integer> not,
    List<Extension> extension) {
  /** Ones where the field is. */
  public long mask() {
    return (-1L >>> 63 - (high - low)) << low;
  }

  /**
   * Reads a field.
   *
   * @param field ones where it is, as in the constants of {@link Csr}
   */
  public static int get(long register, long field) {
    return (int) ((register & field) >>> Long.numberOfTrailingZeros(field));
  }

  /** A register with a field changed. */
  public static long set(long register, long field, long value) {
    return register & ~field | value << Long.numberOfTrailingZeros(field) & field;
  }
}
