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

  /** Takes a region to translate, now or later; may drop it. */
  void offer(Source source, Sink sink);
}
