package org.duvisor.hypervisor.stage2;

/**
 * Translation modes of hugatp. The root table is four times as large as the others: its index has
 * two more bits.
 */
public enum Stage2Mode {
  /** 41-bit guest-physical addresses. */
  SV39X4(8, 3),
  /** 50-bit guest-physical addresses. */
  SV48X4(9, 4),
  /** 59-bit guest-physical addresses. */
  SV57X4(10, 5);

  private final int encoding;
  private final int levels;

  Stage2Mode(int encoding, int levels) {
    this.encoding = encoding;
    this.levels = levels;
  }

  /** hugatp.MODE. */
  public int encoding() {
    return encoding;
  }

  /** How many tables a walk to a 4 KiB page reads. */
  public int levels() {
    return levels;
  }

  /** Width of a guest-physical address in bits. */
  public int addressBits() {
    return 12 + 9 * levels + 2;
  }

  /** Where a table of a level (0 = its entries map 4 KiB) has the entry for an address. */
  long index(long gpa, int level) {
    int bits = level == levels - 1 ? 11 : 9;
    return gpa >>> 12 + 9 * level & (1L << bits) - 1;
  }

  /**
   * The smallest mode that a hart offers and that reaches an address.
   *
   * @param modes bit m = hugatp.MODE m is implemented
   * @param end first guest-physical address that need not be reached
   * @throws IllegalArgumentException with one line when there is none
   */
  public static Stage2Mode choose(int modes, long end) {
    for (Stage2Mode m : values()) {
      if ((modes >>> m.encoding & 1) != 0 && end >>> m.addressBits() == 0) {
        return m;
      }
    }
    throw new IllegalArgumentException(
        "no stage-2 mode of this hart reaches the end of the memory");
  }
}
