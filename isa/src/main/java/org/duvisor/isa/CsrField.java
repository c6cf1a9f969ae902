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
   * @param field as in the constants of {@link Csr}: the lowest bit, and the width times 256
   */
  public static int get(long register, int field) {
    return (int) (register >>> (field & 0xff)) & ((1 << (field >> 8)) - 1);
  }

  /** A register with a field changed. */
  public static long set(long register, int field, int value) {
    return register & ~mask(field) | ((long) value << (field & 0xff)) & mask(field);
  }

  /** Ones where a field is. */
  public static long mask(int field) {
    return ((1L << (field >> 8)) - 1) << (field & 0xff);
  }
}
