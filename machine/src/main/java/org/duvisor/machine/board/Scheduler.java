package org.duvisor.machine.board;

/** Runs the harts of a board until told to stop. */
sealed interface Scheduler permits ParallelScheduler, DeterministicScheduler {
  /** Runs; returns after {@link Progress#stopped} has become true. */
  void run(Progress progress);

  /** What a scheduler asks between quanta. Called by every thread that runs harts. */
  interface Progress {
    /** Whether to stop. */
    boolean stopped();
  }
}
