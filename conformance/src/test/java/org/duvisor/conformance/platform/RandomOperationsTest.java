package org.duvisor.conformance.platform;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.duvisor.isa.Assembler;
import org.duvisor.isa.Csr;
import org.duvisor.platform.Delegation;
import org.duvisor.platform.DvDriver;
import org.duvisor.platform.DvException;
import org.duvisor.platform.Fence;
import org.duvisor.platform.Grant;
import org.duvisor.platform.HuHart;
import org.duvisor.platform.sim.SimHost;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Adversary: several threads that do anything to a few VMs of one host, in any order, in each
 * other's way.
 */
final class RandomOperationsTest {
  private static final int THREADS = 4;
  private static final int OPERATIONS = 2500;
  private static final long GRANULE = 2 << 20;

  private final SimHost host = new SimHost(96 << 20);
  private final List<DvDriver> drivers = new CopyOnWriteArrayList<>();
  private final AtomicLong tags = new AtomicLong(1);

  /** One thread. */
  private final class Actor implements Runnable {
    private final Random random;

    /** By identity: a dead grant equals a later one of the same memory. */
    private final Map<Grant, Long> grants = new IdentityHashMap<>();

    private final Map<Grant, DvDriver> owners = new IdentityHashMap<>();

    Actor(long seed) {
      random = new Random(seed);
    }

    @Override
    public void run() {
      for (int i = 0; i < OPERATIONS; i++) {
        try {
          operate(random.nextInt(12));
        } catch (DvException refused) {
          assertTrue(!String.valueOf(refused.getMessage()).isEmpty());
        }
      }
    }

    private DvDriver any() {
      return drivers.get(random.nextInt(drivers.size()));
    }

    private void operate(int what) {
      switch (what) {
        case 0 -> {
          int slot = random.nextInt(drivers.size());
          drivers.set(slot, host.open()).close();
        }
        case 1, 2, 3 -> grant(any());
        case 4, 5 -> revoke();
        case 6 ->
            any()
                .delegate(
                    new Delegation(
                        random.nextLong() & mask(), random.nextLong() & mask(), 0xb1ff, 0x444));
        case 7 -> any().kick(random.nextInt(66) - 1);
        case 8 ->
            any()
                .fence(
                    Fence.values()[random.nextInt(4)],
                    random.nextLong(),
                    random.nextLong(),
                    random.nextLong(),
                    random.nextInt());
        default -> beVcpu(any());
      }
    }

    private long mask() {
      return random.nextInt(8) == 0 ? -1 : 0xf00511;
    }

    private void grant(DvDriver d) {
      Grant g = d.grant(GRANULE * (1 + random.nextInt(3)), Grant.Use.values()[random.nextInt(2)]);
      try {
        for (long offset = 0; offset < g.bytes(); offset += 4096) {
          assertEquals(0, g.memory().get(ValueLayout.JAVA_LONG, offset), "old contents");
        }
        long tag = tags.getAndIncrement();
        g.memory().set(ValueLayout.JAVA_LONG, 0, tag);
        grants.put(g, tag);
        owners.put(g, d);
      } catch (IllegalStateException closedMeanwhile) {
        assertFalse(drivers.contains(d), closedMeanwhile::toString);
      }
    }

    private void revoke() {
      if (grants.isEmpty()) {
        return;
      }
      Grant g = new ArrayList<>(grants.keySet()).get(random.nextInt(grants.size()));
      long tag = grants.remove(g);
      DvDriver d = owners.remove(g);
      try {
        assertEquals(
            tag, g.memory().get(ValueLayout.JAVA_LONG, 0), "somebody else has the same memory");
      } catch (IllegalStateException dead) {
        assertFalse(drivers.contains(d), dead::toString);
      }
      d.revoke(g);
    }

    private void beVcpu(DvDriver d) {
      try (HuHart h = d.register(random.nextInt(64))) {
        for (int i = 0; i < 31; i++) {
          assertEquals(0, h.x(i), "registers of somebody else");
          h.x(i, 0x5ec7e7);
        }
        assertEquals(h.vcpu(), h.csr(Csr.VCPUID));
        h.csr(Csr.VIPI0, random.nextLong());
        TinyVm vm = new TinyVm(d);
        byte[] code =
            new Assembler(TinyVm.RAM)
                .asm("li a0, 10000\n1: addi a0, a0, -1\nbnez a0, 1b\necall")
                .bytes();
        vm.ram.memory().asSlice(0, code.length).copyFrom(MemorySegment.ofArray(code));
        vm.prepare(h, 0);
        h.enter();
        h.idle(h.csr(Csr.TIME) + 100);
        d.revoke(vm.ram);
        d.revoke(vm.tables);
      } catch (IllegalStateException closedMeanwhile) {
        assertFalse(drivers.contains(d), closedMeanwhile::toString);
      }
    }
  }

  @Test
  @Timeout(value = 60, unit = TimeUnit.SECONDS)
  void G2_manyThreadsOperateAtRandomAndNothingLeaks() throws InterruptedException {
    long seed = Long.getLong("seed", 20_261);
    for (int i = 0; i < 3; i++) {
      drivers.add(host.open());
    }
    ConcurrentLinkedQueue<Throwable> failures = new ConcurrentLinkedQueue<>();
    List<Thread> threads = new ArrayList<>();
    for (int i = 0; i < THREADS; i++) {
      Actor actor = new Actor(seed + i);
      threads.add(
          Thread.ofPlatform()
              .daemon()
              .uncaughtExceptionHandler((t, e) -> failures.add(e))
              .start(actor));
    }
    for (Thread t : threads) {
      t.join();
    }
    drivers.forEach(DvDriver::close);
    assertEquals(List.of(), List.copyOf(failures), () -> "seed " + seed);
    DvDriverContract.until(host::isIdle);
  }
}
