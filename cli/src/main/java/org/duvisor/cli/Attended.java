package org.duvisor.cli;

import java.io.IOException;
import java.io.PrintStream;
import java.util.EnumSet;
import java.util.Set;
import java.util.function.Supplier;
import org.duvisor.cli.terminal.UserTerminal;

/** A session with the user's terminal attached, from set-up to the command's exit code. */
final class Attended {
  /** What is said when a guest starts. */
  static final String STARTS = "duvisor: the guest starts";

  private static final String KEYS =
      """

      duvisor: Ctrl-A x       stop the guest and leave
               Ctrl-A s       show statistics
               Ctrl-A h       show this
               Ctrl-A Ctrl-A  send Ctrl-A to the guest
      """;

  private static final String DROPPING =
      "\nduvisor: the guest does not read: what is typed now is lost\n";

  private final PrintStream err;

  Attended(PrintStream err) {
    this.err = err;
  }

  /**
   * Opens a session, runs it, and gives the terminal back whatever happens.
   *
   * @param terminal takes the user's
   * @param say what to print besides what the guest does
   * @return the command's exit code
   */
  <O> int run(Session.Opener<O> opener, O options, Supplier<UserTerminal> terminal, Set<Say> say)
      throws IOException, InterruptedException {
    Ended ended = attend(opener, options, terminal, say.contains(Say.START));
    if (say.contains(Say.STATISTICS)) {
      err.print(ended.statistics());
    }
    if (!ended.outcome().reason().isEmpty()) {
      err.println("duvisor: " + ended.outcome().reason());
    }
    return ended.outcome().exitCode();
  }

  /** What the user may want to be told. */
  enum Say {
    /** That the guest starts. */
    START,
    /** Statistics at the end. */
    STATISTICS;

    static Set<Say> of(boolean start, boolean statistics) {
      var say = EnumSet.noneOf(Say.class);
      if (start) {
        say.add(START);
      }
      if (statistics) {
        say.add(STATISTICS);
      }
      return say;
    }
  }

  private record Ended(Outcome outcome, String statistics) {}

  private <O> Ended attend(
      Session.Opener<O> opener, O options, Supplier<UserTerminal> take, boolean start)
      throws IOException, InterruptedException {
    // Closed in the opposite order: the disks are written back before a signal's grace ends.
    try (UserTerminal terminal = take.get();
        SignalGuard guard = new SignalGuard(terminal);
        Session session = opener.open(options, terminal.input(), terminal.output())) {
      guard.stopping(session::stop);
      terminal.listen(
          session::stop,
          () -> err.print(KEYS),
          () -> err.print("\n" + session.statistics()),
          () -> err.print(DROPPING));
      terminal.onResize(session::resize);
      if (start) {
        err.println(STARTS);
      }
      return new Ended(session.run(), session.statistics());
    }
  }
}
