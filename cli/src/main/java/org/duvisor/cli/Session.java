package org.duvisor.cli;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;

/** A guest set up and ready to run, as the command sees it: a VM or a board. */
public interface Session extends AutoCloseable {
  /** Runs the guest until it ends or is stopped. Called once. */
  Outcome run() throws InterruptedException;

  /**
   * Makes {@link #run} return soon. May be called from any thread, at any time, and more than once.
   */
  void stop();

  /** Says the size of the user's terminal, again when it has changed. From any thread. */
  default void resize(int columns, int rows) {}

  /**
   * What happened so far: lines of text for the user, each ended. May be called from any thread.
   */
  String statistics();

  /** Instructions that simulated harts have executed so far. May be called from any thread. */
  long instructions();

  /** Writes back and releases what the guest had open. */
  @Override
  void close();

  /** Sets up a session for options of a kind. */
  @FunctionalInterface
  interface Opener<O> {
    /**
     * Puts a guest together.
     *
     * @param input what the user types, or the piped input; its end is not the guest's end
     * @param output where the guest's console goes
     * @throws UserError when the options cannot be satisfied
     * @throws IOException when a file cannot be used
     */
    Session open(O options, InputStream input, OutputStream output) throws IOException;
  }
}
