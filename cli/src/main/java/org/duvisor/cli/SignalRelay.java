package org.duvisor.cli;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.IntPredicate;
import sun.misc.Signal;
import sun.misc.SignalHandler;

/**
 * Hands the first SIGINT, SIGTERM or SIGHUP to a command in the guest, which may end by it in its
 * own way; the second one, or one that the guest does not take, ends the guest.
 */
final class SignalRelay implements AutoCloseable {
  private static final int SIGNALLED = 128;

  private final Map<String, SignalHandler> before = new TreeMap<>();
  private final AtomicBoolean relayed = new AtomicBoolean();

  /**
   * Relays signals until closed.
   *
   * @param command sends one by its number; false when that is not possible
   */
  SignalRelay(IntPredicate command) {
    for (String name : List.of("INT", "TERM", "HUP")) {
      before.put(name, Signal.handle(new Signal(name), signal -> relay(command, signal)));
    }
  }

  private void relay(IntPredicate command, Signal signal) {
    if (!relayed.compareAndSet(false, true) || !command.test(signal.getNumber())) {
      System.exit(SIGNALLED + signal.getNumber());
    }
  }

  @Override
  public void close() {
    before.forEach((name, handler) -> Signal.handle(new Signal(name), handler));
  }
}
