package org.duvisor.machine.interp;

/** Makes translations of hot code. Shared by harts; called on their threads. */
public interface Translator {
  /** What is done with a finished translation: called once, from any thread. */
  @FunctionalInterface
  interface Sink {
    /** Takes the translation. */
    void install(Translation translation);
  }

  /** Interpreted executions of a block after which its region is offered. */
  int threshold();

  /**
   * Takes a region to translate, now or later; may drop it.
   *
   * @param hot whether it is a loop that has proved worth more effort
   */
  void offer(Source source, boolean hot, Sink sink);
}
