package org.duvisor.machine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import org.duvisor.devices.MmioBus;
import org.duvisor.machine.dv.Posts;
import org.duvisor.machine.mem.CodeDirectory;
import org.duvisor.machine.mem.PhysicalMemory;
import org.junit.jupiter.api.Test;

/** What harts ask of each other, step by step. */
final class CodeRequestsTest {
  private static final long RAM = 0x8000_0000L;

  private final PhysicalMemory memory = new PhysicalMemory(RAM, 2 << 20);
  private final CodeDirectory directory = memory.code();
  private final List<String> done = new ArrayList<>();
  private final CodeRequests holder = hart(0).requests();
  private final Hart writer = hart(1);

  private Hart hart(int id) {
    return new Hart(
        id, HartConfig.STANDARD, memory, new MmioBus(), () -> 0, new Posts(), h -> new Recorder());
  }

  CodeRequestsTest() {
    done.clear(); // what their resets did
  }

  @Test
  void aPageIsWrittenOrHeld() {
    assertTrue(directory.mayWrite(1, 7));
    long writers = directory.hold(0, 7);
    assertEquals(1 << 1, writers);
    assertFalse(directory.mayWrite(1, 7));
    assertEquals(1 << 1, directory.hold(0, 7), "it was noted again, and is not in its TLB");
    assertTrue(directory.mayWrite(1, 8));
    directory.written(directory.host(7) + 8, 8);
    holder.serve();
    assertEquals(List.of("drop 7"), done);
    assertTrue(directory.mayWrite(1, 7));
  }

  @Test
  void aStoreAcrossPagesDropsBoth() {
    directory.hold(0, 7);
    directory.hold(0, 8);
    directory.hold(0, 9);
    directory.written(directory.host(8) - 1, 2);
    holder.serve();
    assertEquals(List.of("drop 7", "drop 8"), done);
  }

  /** A hart that executes has to look; one that does not run looks before it does. */
  @Test
  void codeIsTrustedWhenItsWritersHaveLooked() {
    directory.mayWrite(1, 7);
    writer.requests().begin();
    long ticket = directory.recall(directory.hold(0, 7), 7);
    assertFalse(directory.isSettled(1 << 1, ticket));
    writer.requests().serve();
    assertTrue(directory.isSettled(1 << 1, ticket));

    long next = directory.recall(1 << 1, 8);
    assertFalse(directory.isSettled(1 << 1, next));
    writer.requests().end();
    assertTrue(directory.isSettled(1 << 1, next));
  }

  /** The second holder of a page does not rely on what the first one has asked. */
  @Test
  void everyHolderWaitsForAWriterThatHasNotLooked() {
    directory.mayWrite(1, 7);
    writer.requests().begin();
    directory.recall(directory.hold(0, 7), 7);
    long writers = directory.hold(2, 7);
    long ticket = directory.recall(writers, 7);
    assertFalse(directory.isSettled(writers, ticket));
    writer.requests().serve();
    assertTrue(directory.isSettled(writers, ticket));
  }

  /**
   * Two harts store to a page at once: the second finds that the holders have been taken, and must
   * not go on before all of them have been asked.
   */
  @Test
  void aStoreWaitsForADropThatIsUnderWay() throws InterruptedException {
    var entered = new CountDownLatch(1);
    var go = new CountDownLatch(1);
    var first =
        new Holder() {
          @Override
          public void drop(long page) {
            super.drop(page);
            entered.countDown();
            awaitQuietly(go);
          }
        };
    var second = new Holder();
    directory.hold(directory.attach(first), 9);
    directory.hold(directory.attach(second), 9);
    var stores = new Thread(() -> directory.written(directory.host(9), 4));
    stores.start();
    entered.await();
    var asked = new AtomicBoolean();
    var storesToo =
        new Thread(
            () -> {
              directory.written(directory.host(9) + 64, 4);
              asked.set(second.dropped);
            });
    storesToo.start();
    while (storesToo.getState() != Thread.State.BLOCKED && storesToo.isAlive()) {
      Thread.onSpinWait();
    }
    go.countDown();
    stores.join();
    storesToo.join();
    assertTrue(asked.get(), "all holders have been asked");
    assertTrue(directory.mayWrite(1, 9), "and hold it no more");
  }

  /** One that holds a page again while it is dropped still holds it afterwards. */
  @Test
  void whoHoldsAgainDuringADropStays() {
    int[] number = new int[1];
    var holder =
        new Holder() {
          @Override
          public void drop(long page) {
            super.drop(page);
            directory.hold(number[0], page);
          }
        };
    number[0] = directory.attach(holder);
    directory.hold(number[0], 9);
    directory.written(directory.host(9), 4);
    assertFalse(directory.mayWrite(1, 9));
    holder.dropped = false;
    directory.written(directory.host(9), 4);
    assertTrue(holder.dropped);
  }

  /** Harts that share a bit are asked together. */
  @Test
  void harts63ApartAreAskedTogether() {
    var holders = new Holder[128];
    int base = 2; // the two harts of this test
    for (int i = 0; i < holders.length; i++) {
      holders[i] = new Holder();
      assertEquals(base + i, directory.attach(holders[i]));
    }
    directory.hold(base + 70, 9);
    directory.written(directory.host(9), 1);
    for (int i = 0; i < holders.length; i++) {
      assertEquals(i % 63 == 70 % 63, holders[i].dropped, "hart " + i);
    }
  }

  private static class Holder implements CodeDirectory.Member {
    volatile boolean dropped;

    @Override
    public void drop(long page) {
      dropped = true;
    }

    @Override
    public void recall(long page) {}

    @Override
    public void wake() {}

    @Override
    public boolean hasSeen(long ticket) {
      return true;
    }
  }

  private static void awaitQuietly(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** The adversary stores to code of a hart that sleeps: it need not remember each page. */
  @Test
  void aSleepingHartRemembersABoundedNumberOfPages() {
    for (int i = 0; i < 100_000; i++) {
      holder.drop(i);
    }
    holder.serve();
    assertEquals("forget", done.getFirst());
    assertTrue(done.size() <= 4097, done::toString);
  }

  /** What devices write is told page by page; what is no RAM of this machine is ignored. */
  @Test
  void writesOfDevices() {
    directory.hold(0, 3);
    directory.hold(0, 5);
    directory.written(memory.ram().asSlice(2 << 12, 3 << 12));
    holder.serve();
    assertEquals(List.of("drop 3"), done);
    directory.written(memory.ram().asSlice(5 << 12, 0));
    directory.written(java.lang.foreign.MemorySegment.ofArray(new byte[1 << 20]));
    directory.written(new PhysicalMemory(RAM, 2 << 20).ram());
    holder.serve();
    assertEquals(List.of("drop 3"), done);
  }

  /** Notes what it is told. */
  private final class Recorder implements Engine {
    @Override
    public void run(long limit) {}

    @Override
    public void step() {}

    @Override
    public int fetchedBits(long pc) {
      return 0;
    }

    @Override
    public void codeChanged(long page) {
      done.add("drop " + page);
    }

    @Override
    public void forget() {
      done.add("forget");
    }

    @Override
    public void tidy() {}

    @Override
    public void mappingChanged() {}

    @Override
    public void mappingChanged(long va) {}

    @Override
    public void contextChanged() {}
  }
}
