package org.duvisor.isa;

import java.util.Map;

/** Assembled code and data. */
public final class Assembly {
  private final long base;
  private final byte[] bytes;
  private final Map<String, Long> labels;

  Assembly(long base, byte[] bytes, Map<String, Long> labels) {
    this.base = base;
    this.bytes = bytes;
    this.labels = labels;
  }

  /** The address of the first byte. */
  public long base() {
    return base;
  }

  /** The contents, little-endian; the caller's copy. */
  public byte[] bytes() {
    return bytes.clone();
  }

  /** The address of every label, and the value of every symbol set by .equ. */
  public Map<String, Long> labels() {
    return labels;
  }

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
