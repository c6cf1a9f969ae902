package org.duvisor.cli;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.duvisor.cli.terminal.UserTerminal;

/** What happens on SIGTERM, SIGHUP and SIGINT: the guest is stopped and the terminal given back. */
final class SignalGuard implements AutoCloseable {
  /** How long a signal waits for the guest's disks to be written back. */
  private static final long GRACE_SECONDS = 3;

  private final CountDownLatch closed = new CountDownLatch(1);
  private final UserTerminal terminal;
  private final Thread hook = new Thread(this::signalled, "signal");
  private volatile Runnable stop = closed::countDown;

  SignalGuard(UserTerminal terminal) {
    this.terminal = terminal;
    Runtime.getRuntime().addShutdownHook(hook);
  }

  /** Says what stops the guest, now that there is one. */
  void stopping(Runnable newStop) {
    stop = newStop;
  }

  /** The JVM leaves when this returns. */
  private void signalled() {
    try {
      stop.run();
      boolean _ = closed.await(GRACE_SECONDS, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      terminal.close();
    }
  }

  @Override
  public void close() {
    closed.countDown();
    try {
      boolean _ = Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException e) {
      // A signal came first: the hook is under way, and just learnt that it need not wait.
    }
  }
}
