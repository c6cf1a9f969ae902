package org.duvisor.conformance.soak;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.duvisor.platform.sim.SimHost;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Guests under load on one host, ended in every way and started again, for as long as one likes:
 * nothing may leak. Not part of a usual build: {@code mvn -Psoak -pl conformance -am verify
 * -Dduvisor.soak.minutes=30}.
 */
@Tag("soak")
final class SoakTest {
  private static final Duration LENGTH =
      Duration.ofMinutes(Long.getLong("duvisor.soak.minutes", 1));

  private static final long SEED = Long.getLong("duvisor.soak.seed", 1);
  private static final long MIB = 1 << 20;
  private static final int GUESTS = 2;

  /** What must be the same between rounds as at the start. */
  private record Resources(long freeBytes, boolean idle, long descriptors) {
    static Resources of(SimHost host) {
      return new Resources(host.freeBytes(), host.isIdle(), Descriptors.open());
    }
  }

  @Test
  void guestsComeAndGoAndNothingIsLeft() throws Exception {
    SimHost host = new SimHost(GUESTS * 160L * MIB);
    SplittableRandom random = new SplittableRandom(SEED);
    round(host, random.split()); // what is made once is made now
    Resources start = Resources.of(host);
    assertTrue(start.idle());
    Instant end = Instant.now().plus(LENGTH);
    int rounds = 0;
    while (Instant.now().isBefore(end)) {
      round(host, random.split());
      rounds++;
      int number = rounds;
      assertEquals(start, Resources.of(host), () -> "after round " + number + " of seed " + SEED);
    }
    System.out.println("soak: " + rounds + " rounds, " + start);
  }

  /** All guests once, at the same time, each to an end of its own choice. */
  private static void round(SimHost host, SplittableRandom random)
      throws InterruptedException, ExecutionException {
    try (ExecutorService threads = Executors.newFixedThreadPool(GUESTS)) {
      List<Future<?>> guests = new ArrayList<>();
      for (int i = 0; i < GUESTS; i++) {
        var load = new GuestLoad(host, random.split());
        guests.add(threads.submit(load::run));
      }
      for (Future<?> guest : guests) {
        guest.get();
      }
      threads.shutdown();
      assertTrue(threads.awaitTermination(1, TimeUnit.MINUTES));
    }
  }
}
