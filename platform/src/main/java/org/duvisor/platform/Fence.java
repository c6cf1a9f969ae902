package org.duvisor.platform;

/** The kinds of remote fence a VM needs (SBI RFENCE). */
public enum Fence {
  /** fence.i. */
  FENCE_I,
  /** hfence.vvma, all address spaces. */
  VVMA,
  /** hfence.vvma, one address space. */
  VVMA_ASID,
  /** hfence.gvma. */
  GVMA;

  /** A longer range, in pages, is fenced as a whole: page by page would cost more. */
  public static final int MOST_PAGES = 64;

  /** Says {@link #pages}: no pages one by one, but everything. */
  public static final int EVERYTHING = -1;

  private static final int PAGE_SHIFT = 12;

  /**
   * How many pages of 4 KiB a range touches, from the one with {@code start} on, or {@link
   * #EVERYTHING}: a size of 0 or all-ones, a range that goes round the end of the address space, or
   * more than {@link #MOST_PAGES}. Whoever fences counts pages: the end of a range that holds the
   * last page is no address.
   *
   * @param start first address
   * @param size bytes
   */
  public static int pages(long start, long size) {
    long last = start + size - 1;
    long pages = (last >>> PAGE_SHIFT) - (start >>> PAGE_SHIFT) + 1;
    return Long.compareUnsigned(last, start) < 0 || pages > MOST_PAGES ? EVERYTHING : (int) pages;
  }
}
