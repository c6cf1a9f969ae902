package org.duvisor.machine;

/** Executes instructions of one hart. An engine belongs to one hart and keeps its code caches. */
public interface Engine {
  /**
   * Executes until {@code hart.retired} reaches {@code limit} or the hart wants attention,
   * whichever is first; the limit may be passed by at most {@link #MAX_BLOCK} instructions.
   */
  void run(long limit);

  /**
   * Executes the instruction at {@code hart.pc}, or takes the trap that it causes, and looks at
   * nothing else.
   */
  void step();

  /**
   * The raw bits of the instruction at {@code pc} as the engine fetched it last, for stval and
   * tinst.
   */
  int fetchedBits(long pc);

  /**
   * A page that the engine said it keeps code of has been stored to: what was decoded from it is
   * not executed any more, but for the instruction that is under way.
   *
   * @param page its number in the {@link org.duvisor.machine.mem.CodeDirectory}
   */
  void codeChanged(long page);

  /** Drops all code: memory has a new content. */
  void forget();

  /** Drops code if the process has no room for it. */
  void tidy();

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
