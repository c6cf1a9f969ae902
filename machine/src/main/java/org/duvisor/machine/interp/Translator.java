package org.duvisor.machine.interp;

/** Makes translations of hot code. Shared by harts; called on their threads. */
public interface Translator {
  /** What is done with a finished translation: one method is called once, from any thread. */
  interface Sink {
    /** Takes the translation. */
    void install(Translation translation);

    /** There will be none. */
    void refuse();
  }

  /** Interpreted executions of a block after which its region is offered. */
  int threshold();

  /**
   * Counts up whenever so much has been translated that harts should let go of all translations;
   * they look at it from time to time.
   */
  int generation();

  /** Takes a region to translate, now or later; may drop it. */
  void offer(Source source, Sink sink);
}
