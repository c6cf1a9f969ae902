package org.duvisor.machine.board;

import java.util.ArrayList;
import java.util.List;
import org.duvisor.machine.Hart;

/** One thread a hart, in real time. */
final class ParallelScheduler implements Scheduler {
  private static final long QUANTUM = 20_000;
  private static final long PARK_NANOS = 100_000_000;

  private final List<Hart> harts;

  ParallelScheduler(List<Hart> harts) {
    this.harts = harts;
  }

  @Override
  public void run(Progress progress) {
    List<Thread> threads = new ArrayList<>();
    for (Hart hart : harts) {
      threads.add(Thread.ofPlatform().name("hart-" + hart.id()).daemon().start(() -> drive(hart, progress)));
    }
    for (Thread t : threads) {
      join(t);
    }
  }

  private static void drive(Hart hart, Progress progress) {
    while (!progress.stopped()) {
      hart.run(QUANTUM);
      if (hart.isWaiting() && !progress.stopped()) {
        hart.park(PARK_NANOS);
      }
    }
  }

  private static void join(Thread t) {
    boolean interrupted = false;
    while (true) {
      try {
        t.join();
        break;
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
