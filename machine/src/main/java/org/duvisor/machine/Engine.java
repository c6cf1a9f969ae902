package org.duvisor.machine;

/** Executes instructions of one hart. An engine belongs to one hart and keeps its code caches. */
public interface Engine {
  /**
   * Executes until {@code hart.retired} reaches {@code limit} or the hart wants attention,
   * whichever is first; the limit may be passed by at most {@link #MAX_BLOCK} instructions.
   */
  void run(long limit);

  /**
   * The raw bits of the instruction at {@code pc} as the engine fetched it last, for stval and
   * tinst.
   */
  int fetchedBits(long pc);

  /** fence.i: later fetches see all earlier stores. */
  void fenceI();

  /**
   * Virtual pages may be mapped to other physical ones than before, in a regime that keeps its
   * number.
   */
  void mappingChanged();

  /** The same for one page of 4 KiB. */
  void mappingChanged(long va);

  /** The translation regime changed: forget what the last fetch found. */
  void contextChanged();

  /** Longest run of instructions between two looks at interrupts. */
  int MAX_BLOCK = 64;
}
