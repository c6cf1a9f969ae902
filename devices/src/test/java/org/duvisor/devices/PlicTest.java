package org.duvisor.devices;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.Tuple;
import net.jqwik.api.state.Action;
import net.jqwik.api.state.ActionChain;
import net.jqwik.api.state.Transformer;
import org.duvisor.devices.fdt.Node;
import org.junit.jupiter.api.Test;

class PlicTest {
  private static final int SOURCES = 40;
  private static final int CONTEXTS = 3;

  private static long registers(int context) {
    return 0x20_0000L + 0x1000L * context;
  }

  private static long enable(int context, int word) {
    return 0x2000L + 0x80L * context + 4L * word;
  }

  /** The controller with a line for each context, next to the model. */
  private static final class Pair {
    final List<TestLine> lines = new ArrayList<>();
    final Plic plic;
    final PlicModel model = new PlicModel(SOURCES, CONTEXTS);

    Pair() {
      List<Plic.Context> contexts = new ArrayList<>();
      for (int i = 0; i < CONTEXTS; i++) {
        lines.add(new TestLine());
        contexts.add(new Plic.Context(lines.get(i), i + 1, 9));
      }
      plic = new Plic(SOURCES, contexts);
    }

    void check() {
      for (int c = 0; c < CONTEXTS; c++) {
        assertEquals(model.output(c), lines.get(c).high, "output of context " + c);
      }
      long pending = plic.read(0x1000, 4) | plic.read(0x1004, 4) << 32;
      long expected = model.pending.stream().mapToLong(s -> 1L << s).sum();
      assertEquals(expected, pending, "pending bits");
    }
  }

  private record Step(int kind, int context, int source, int value) {
    void apply(Pair p) {
      switch (kind) {
        case 0 -> {
          p.plic.source(source).set((value & 1) != 0);
          p.model.drive(source, (value & 1) != 0);
        }
        case 1 -> {
          p.plic.write(4L * source, 4, value);
          p.model.priority[source] = value & 7;
        }
        case 2 -> {
          p.plic.write(registers(context), 4, value);
          p.model.threshold[context] = value & 7;
        }
        case 3 -> {
          int word = source / 32;
          int bits = value * 0x9e3779b9;
          p.plic.write(enable(context, word), 4, bits);
          for (int s = Math.max(1, 32 * word); s <= Math.min(SOURCES, 32 * word + 31); s++) {
            if ((bits >>> s & 1) != 0) {
              p.model.enabled.get(context).add(s);
            } else {
              p.model.enabled.get(context).remove(s);
            }
          }
        }
        case 4 ->
            assertEquals(p.model.claim(context), p.plic.read(registers(context) + 4, 4), "claim");
        default -> {
          p.plic.write(registers(context) + 4, 4, source);
          p.model.complete(context, source);
        }
      }
      p.check();
    }
  }

  @Provide
  Arbitrary<ActionChain<Pair>> chains() {
    Arbitrary<Step> steps =
        Combinators.combine(
                Arbitraries.frequency(
                    Tuple.of(4, 0),
                    Tuple.of(2, 1),
                    Tuple.of(1, 2),
                    Tuple.of(1, 3),
                    Tuple.of(4, 4),
                    Tuple.of(3, 5)),
                Arbitraries.integers().between(0, CONTEXTS - 1),
                Arbitraries.integers().between(1, SOURCES),
                Arbitraries.integers().between(0, 15))
            .as(Step::new);
    Action.Independent<Pair> action =
        () -> steps.map(step -> Transformer.mutate(step.toString(), step::apply));
    return ActionChain.startWith(Pair::new).withAction(action).withMaxTransformations(200);
  }

  @Property(tries = 200)
  void behavesLikeTheSpecification(@ForAll("chains") ActionChain<Pair> chain) {
    chain.run();
  }

  private final TestLine machine = new TestLine();
  private final TestLine supervisor = new TestLine();
  private final Plic plic =
      new Plic(95, List.of(new Plic.Context(machine, 4, 11), new Plic.Context(supervisor, 4, 9)));

  @Test
  void linuxHandlesAnInterrupt() {
    plic.write(4L * 10, 4, 1);
    plic.write(enable(1, 0), 4, 1 << 10);
    plic.write(registers(1), 4, 0);
    plic.source(10).set(true);
    assertTrue(supervisor.high);
    assertFalse(machine.high);
    assertEquals(1 << 10, plic.read(0x1000, 4));
    assertEquals(10, plic.read(registers(1) + 4, 4));
    assertFalse(supervisor.high);
    assertEquals(0, plic.read(registers(1) + 4, 4));
    plic.write(registers(1) + 4, 4, 10);
    assertFalse(supervisor.high, "still high, but that has been told before the claim");
    plic.source(10).set(true);
    assertTrue(supervisor.high, "another reason");
    assertEquals(10, plic.read(registers(1) + 4, 4));
    plic.source(10).set(true);
    plic.write(registers(1) + 4, 4, 10);
    assertTrue(supervisor.high, "one told during the service");
    assertEquals(10, plic.read(registers(1) + 4, 4));
    plic.source(10).set(true);
    plic.source(10).set(false);
    plic.write(registers(1) + 4, 4, 10);
    assertFalse(supervisor.high);
  }

  @Test
  void aRequestStaysPendingWhenTheLineFalls() {
    plic.source(3).set(true);
    plic.source(3).set(false);
    assertEquals(8, plic.read(0x1000, 4));
  }

  @Test
  void thresholdMasksTheOutputButNotTheClaim() {
    plic.write(4L * 5, 4, 3);
    plic.write(enable(0, 0), 4, -1);
    plic.write(registers(0), 4, 3);
    plic.source(5).set(true);
    assertFalse(machine.high);
    assertEquals(5, plic.read(registers(0) + 4, 4));
  }

  @Test
  void tiesGoToTheLowestNumberAndSourceZeroDoesNotExist() {
    plic.write(enable(0, 0), 4, -1);
    plic.write(enable(0, 2), 4, -1);
    assertEquals(0xffff_fffeL, plic.read(enable(0, 0), 4));
    assertEquals(0xffff_ffffL, plic.read(enable(0, 2), 4));
    plic.write(enable(0, 3), 4, -1);
    assertEquals(0, plic.read(enable(0, 3), 4));
    for (int s : new int[] {94, 33, 70}) {
      plic.write(4L * s, 4, 7);
      plic.source(s).set(true);
    }
    plic.write(enable(0, 1), 4, -1);
    assertEquals(33, plic.read(registers(0) + 4, 4));
    assertEquals(70, plic.read(registers(0) + 4, 4));
    assertEquals(94, plic.read(registers(0) + 4, 4));
    assertThrows(IllegalArgumentException.class, () -> plic.source(0));
    assertThrows(IllegalArgumentException.class, () -> plic.source(96));
  }

  @Test
  void resetKeepsTheInputs() {
    plic.write(4L * 9, 4, 1);
    plic.write(enable(0, 0), 4, -1);
    plic.source(9).set(true);
    plic.read(registers(0) + 4, 4);
    plic.source(9).set(true);
    plic.reset();
    assertFalse(machine.high);
    assertEquals(0, plic.read(4L * 9, 4));
    assertEquals(1 << 9, plic.read(0x1000, 4));
  }

  @Test
  void sixtyFourHartsFitTheWindow() {
    List<TestLine> lines = new ArrayList<>();
    List<Plic.Context> contexts = new ArrayList<>();
    for (int i = 0; i < 128; i++) {
      lines.add(new TestLine());
      contexts.add(new Plic.Context(lines.get(i), i / 2 + 1, (i & 1) == 0 ? 11 : 9));
    }
    Plic large = new Plic(95, contexts);
    large.write(4, 4, 1);
    large.write(enable(127, 0), 4, 2);
    large.source(1).set(true);
    assertTrue(lines.get(127).high);
    assertEquals(1, large.read(registers(127) + 4, 4));
    assertEquals(0, large.read(registers(128) + 4, 4));
    Node soc = new Node("soc");
    large.describe(soc, 0xc00_0000, 0, 9);
    assertEquals(
        128 * 8,
        soc.find("plic@c000000")
            .orElseThrow()
            .property("interrupts-extended")
            .orElseThrow()
            .length);
  }

  /** Adversary: harts that claim at once. Every request is handed out exactly once. */
  @Test
  void concurrentClaimsNeverShareAnInterrupt() throws InterruptedException {
    int harts = 4;
    List<Plic.Context> contexts = new ArrayList<>();
    for (int i = 0; i < harts; i++) {
      contexts.add(new Plic.Context(IrqLine.NONE, i + 1, 9));
    }
    Plic shared = new Plic(95, contexts);
    AtomicInteger[] owners = new AtomicInteger[96];
    for (int s = 1; s <= 95; s++) {
      owners[s] = new AtomicInteger();
      shared.write(4L * s, 4, 1 + s % 7);
      shared.source(s).set(true);
    }
    AtomicInteger shares = new AtomicInteger();
    List<Thread> threads = new ArrayList<>();
    for (int h = 0; h < harts; h++) {
      int hart = h;
      for (int word = 0; word < 3; word++) {
        shared.write(enable(hart, word), 4, -1);
      }
      threads.add(
          Thread.ofPlatform()
              .start(
                  () -> {
                    Random random = new Random(hart);
                    for (int i = 0; i < 20_000; i++) {
                      int source = (int) shared.read(registers(hart) + 4, 4);
                      if (source != 0) {
                        if (owners[source].incrementAndGet() != 1) {
                          shares.incrementAndGet();
                        }
                        shared.source(source).set(random.nextBoolean());
                        owners[source].decrementAndGet();
                        shared.write(registers(hart) + 4, 4, source);
                        shared.source(source).set(true);
                      }
                    }
                  }));
    }
    for (Thread thread : threads) {
      thread.join();
    }
    assertEquals(0, shares.get());
    int left = 0;
    while (shared.read(registers(0) + 4, 4) != 0) {
      left++;
    }
    assertEquals(95, left, "none was lost");
  }

  /** Adversary: a file with bits of sources that do not exist. */
  @Test
  void sourcesThatDoNotExistAreNotRestored() {
    var plic = new Plic(40, List.of(new Plic.Context(level -> {}, 1, 9)));
    var out = new ByteArrayOutputStream();
    plic.snapshot(Snapshot.saving(out));
    byte[] bytes = out.toByteArray();
    int words = 3 * 8 + 41; // behind section, sources, contexts, priorities
    Arrays.fill(bytes, 3 * 8, words, (byte) 7);
    for (int word : new int[] {1, 3, 7}) { // told, pending and enabled, the second of each
      ByteBuffer.wrap(bytes).putLong(words + 8 * word, -1);
    }
    plic.snapshot(Snapshot.restoring(new ByteArrayInputStream(bytes)));
    long claimed = plic.read(0x20_0004, 4);
    assertTrue(claimed >= 32 && claimed <= 40, "claimed " + claimed);
  }
}
