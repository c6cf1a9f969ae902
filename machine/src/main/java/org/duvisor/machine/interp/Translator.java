package org.duvisor.machine.interp;

import java.util.List;
import org.duvisor.isa.Decoded;

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

  /**
   * Regions that were translated, for this hart or another one, and whose hot block starts at an
   * offset of its page with an instruction; the caller may find the same code before it.
   */
  List<Source> known(int offset, Decoded first);

  /** Takes a region to translate, now or later; may drop it. */
  void offer(Source source, Sink sink);
}
