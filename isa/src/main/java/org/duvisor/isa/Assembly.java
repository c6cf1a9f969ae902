package org.duvisor.isa;

import java.util.Map;

/**
 * Assembled code and data.
 *
 * @param base the address of the first byte
 * @param bytes the contents, little-endian
 * @param labels the address of every label, and the value of every symbol set by .equ
 */
public record Assembly(long base, byte[] bytes, Map<String, Long> labels) {
  /**
   * The address of a label or the value of a symbol.
   *
   * @throws IllegalArgumentException when the text does not define it
   */
  public long label(String name) {
    Long value = labels.get(name);
    if (value == null) {
      throw new IllegalArgumentException("no label " + name);
    }
    return value;
  }
}
