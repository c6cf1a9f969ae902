package org.duvisor.conformance.platform;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.duvisor.platform.DvDriver;
import org.duvisor.platform.DvException;
import org.duvisor.platform.DvException.Reason;
import org.junit.jupiter.api.AfterEach;

/** A platform under test, and what its tests need. */
abstract class Peer {
  private final List<DvDriver> opened = new ArrayList<>();
  private final List<Thread> threads = new ArrayList<>();
  private final ConcurrentLinkedQueue<Throwable> failures = new ConcurrentLinkedQueue<>();

  /** Opens the peer's driver. */
  abstract DvDriver openDriver();

  /** Whether the peer holds nothing on behalf of anyone any more. */
  abstract boolean isIdle();

  final DvDriver open() {
    DvDriver d = openDriver();
    opened.add(d);
    return d;
  }

  /** Work of a vCPU's thread. */
  interface Body {
    void run() throws InterruptedException;
  }

  final Thread start(Body body) {
    Thread t =
        Thread.ofPlatform()
            .daemon()
            .start(
                () -> {
                  try {
                    body.run();
                  } catch (Throwable e) {
                    failures.add(e);
                  }
                });
    threads.add(t);
    return t;
  }

  @AfterEach
  void everythingIsGivenBack() throws InterruptedException {
    opened.forEach(DvDriver::close);
    for (Thread t : threads) {
      t.join(20_000);
      assertFalse(t.isAlive(), "a vCPU's thread did not end");
    }
    assertEquals(List.of(), List.copyOf(failures));
    until(this::isIdle);
  }

  interface Condition {
    boolean holds();
  }

  static void until(Condition c) throws InterruptedException {
    while (!c.holds()) {
      Thread.sleep(1);
    }
  }

  static void refused(Reason why, Runnable act) {
    DvException e = assertThrows(DvException.class, act::run);
    assertEquals(why, e.reason(), e::getMessage);
  }
}
