package org.duvisor.conformance.platform;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import org.duvisor.conformance.guest.TestEngine;
import org.duvisor.devices.images.KernelImage;
import org.duvisor.hypervisor.vm.Vm;
import org.duvisor.hypervisor.vm.VmConfig;
import org.duvisor.hypervisor.vm.VmOutcome;
import org.duvisor.isa.Assembler;
import org.duvisor.isa.Instruction;
import org.duvisor.isa.InstructionSet;
import org.duvisor.machine.Clock;
import org.duvisor.platform.sim.SimHost;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Random hostile guests under the real hypervisor: whatever they do, the VM ends with an outcome
 * and the host is as before.
 */
final class HostileGuestsTest {
  private static final int RUNS = 300;
  private static final int WORKERS = 2;
  private static final long PATIENCE_MILLIS = 20;
  private static final long MEMORY = 8 << 20;
  private static final List<Instruction> INSTRUCTIONS = InstructionSet.standard().instructions();

  /** Traps of the guest's own skip an instruction; other harts start in the same code. */
  private static final String PROLOGUE =
      """
      auipc t0, 0
      addi t0, t0, 64
      csrw stvec, t0
      li t1, 0x6022
      csrs sstatus, t1
      auipc s0, 0x100
      auipc s1, 0x10000
      li s2, 0x10000000
      li s3, -1
      li s4, 0x0c000000
      j 1f
      .balign 64
      csrr t0, sepc
      addi t0, t0, 4
      csrw sepc, t0
      sret
      1:
      """;

  private static final long[] EXTREMES = {
    0,
    1,
    -1,
    2,
    63,
    64,
    4095,
    0x8000_0000L,
    0x8020_0000L,
    Long.MIN_VALUE,
    Long.MAX_VALUE,
    0x807f_ffffL,
    0x1000_0000L,
    0xffff_ffffL,
    1L << 40
  };
  private static final long[] SBI = {
    0x10,
    0x54494D45,
    0x735049,
    0x52464E43,
    0x52464E43,
    0x48534D,
    0x48534D,
    0x4442434E,
    0x53525354,
    0,
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    8,
    9,
    0xf,
    0xff,
    0xC000001,
    0xC000007,
    0xC100000,
    0xC200000,
    0x504D55,
    0x53555350,
    0x4E41434C,
    0x535441,
    -1
  };

  /** What a guest is made of. */
  private enum Kind {
    WORDS,
    INSTRUCTIONS,
    SBI,
    PAGE_TABLES
  }

  @TempDir Path directory;
  private final List<SimHost> hosts =
      Stream.of(TestEngine.interpreter, TestEngine.jitAtOnce, TestEngine.nativeAtOnce)
          .map(e -> new SimHost(64 << 20, Clock.realTime(), e.factory()))
          .toList();

  private static int instruction(Random r) {
    Instruction i = INSTRUCTIONS.get(r.nextInt(INSTRUCTIONS.size()));
    return i.match() | r.nextInt() & ~i.mask();
  }

  private static long extreme(Random r) {
    long e = EXTREMES[r.nextInt(EXTREMES.length)];
    return r.nextInt(3) == 0 ? e + r.nextInt(17) - 8 : r.nextInt(8) == 0 ? r.nextLong() : e;
  }

  private static byte[] guest(Kind kind, Random r) {
    StringBuilder text = new StringBuilder(PROLOGUE);
    for (int i = 0; i < 40; i++) {
      switch (kind) {
        case WORDS -> text.append(".word ").append(r.nextInt()).append('\n');
        case INSTRUCTIONS -> text.append(".word ").append(instruction(r)).append('\n');
        case SBI -> {
          for (int a = 0; a < 6; a++) {
            text.append("li a").append(a).append(", ").append(extreme(r)).append('\n');
          }
          text.append("li a6, ")
              .append(r.nextInt(8))
              .append("\nli a7, ")
              .append(SBI[r.nextInt(SBI.length)])
              .append("\necall\n");
        }
        case PAGE_TABLES -> {
          long pte =
              r.nextLong() & 0x7ff
                  | (extreme(r) >>> 12 & 0xfff_ffffL) << 10
                  | (r.nextInt(8) == 0 ? r.nextLong() : 0);
          text.append("li a0, ")
              .append(pte)
              .append("\nli a1, ")
              .append(r.nextInt(512) * 8)
              .append("\nadd a1, a1, s0\nsd a0, (a1)\n");
          if (r.nextInt(4) == 0) {
            text.append("srli a0, s0, 12\nli a1, ")
                .append((8 + r.nextInt(3)) << 28)
                .append("\nslli a1, a1, 32\n");
            text.append("or a0, a0, a1\ncsrw satp, a0\nli a1, ")
                .append(extreme(r))
                .append("\nld a0, (a1)\nsd a0, (a1)\n");
            text.append("amoadd.d a0, a0, (a1)\nsfence.vma\n")
                .append(".word ")
                .append(instruction(r))
                .append('\n');
          }
        }
      }
    }
    return new Assembler(0x8000_0000L).asm(text + "\nj 1b\n").bytes();
  }

  private VmOutcome live(int seed, Kind kind) throws IOException, InterruptedException {
    Random r = new Random(seed);
    Path file = directory.resolve("guest-" + seed);
    Files.write(file, guest(kind, r));
    VmConfig config =
        VmConfig.of(KernelImage.openAny(file))
            .memoryBytes(MEMORY)
            .cpus(1 + r.nextInt(3))
            .random(r)
            .reboot(r.nextBoolean())
            .build();
    try (Vm vm = Vm.create(hosts.get(seed / Kind.values().length % hosts.size()).open(), config)) {
      AtomicReference<VmOutcome> outcome = new AtomicReference<>();
      AtomicReference<Throwable> escaped = new AtomicReference<>();
      Thread t =
          Thread.ofPlatform()
              .daemon()
              .uncaughtExceptionHandler((x, e) -> escaped.set(e))
              .start(() -> outcome.set(vm.run()));
      t.join(PATIENCE_MILLIS);
      vm.stop();
      t.join(20_000);
      assertFalse(t.isAlive(), () -> "seed " + seed + " " + kind + " does not stop");
      assertEquals(null, escaped.get(), () -> "seed " + seed + " " + kind);
      return outcome.get();
    }
  }

  @Test
  @Timeout(value = 120, unit = TimeUnit.SECONDS)
  void G2_randomHostileGuestsEndWithAnOutcomeAndLeaveTheHostAsItWas() throws InterruptedException {
    int first = Integer.getInteger("seed", 1);
    System.out.println("hostile guests: seeds " + first + " to " + (first + RUNS - 1));
    AtomicInteger next = new AtomicInteger(first);
    ConcurrentLinkedQueue<Throwable> failures = new ConcurrentLinkedQueue<>();
    Map<Kind, AtomicInteger> ended = new EnumMap<>(Kind.class);
    for (Kind k : Kind.values()) {
      ended.put(k, new AtomicInteger());
    }
    List<Thread> workers = new ArrayList<>();
    for (int i = 0; i < WORKERS; i++) {
      workers.add(
          Thread.ofPlatform().daemon().start(() -> work(next, first + RUNS, ended, failures)));
    }
    for (Thread t : workers) {
      t.join();
    }
    assertEquals(List.of(), List.copyOf(failures));
    DvDriverContract.until(() -> hosts.stream().allMatch(SimHost::isIdle));
    System.out.println("hostile guests that ended themselves: " + ended);
    assertTrue(
        ended.get(Kind.SBI).get() > 0, "no guest ever ended itself: the programs do not run");
  }

  private void work(
      AtomicInteger next,
      int end,
      Map<Kind, AtomicInteger> ended,
      ConcurrentLinkedQueue<Throwable> failures) {
    for (int seed = next.getAndIncrement(); seed < end; seed = next.getAndIncrement()) {
      Kind kind = Kind.values()[seed % Kind.values().length];
      int s = seed;
      try {
        VmOutcome outcome = live(seed, kind);
        if (!(outcome instanceof VmOutcome.Killed)) {
          ended.get(kind).incrementAndGet();
        }
        if (outcome instanceof VmOutcome.Crashed crash) {
          assertFalse(
              crash.report().contains("internal error"),
              () -> "seed " + s + " " + kind + ": " + crash.report());
        }
      } catch (Throwable e) {
        failures.add(e);
      }
    }
  }

  /**
   * The published hypervisor had a test interface in every build: a write of any value to any
   * address of it (section 3.8 of the digest).
   */
  @Test
  @Timeout(value = 60, unit = TimeUnit.SECONDS)
  void hostileGuestCallsTheTestBackdoorsOfThePublishedHypervisor() throws IOException {
    StringBuilder text = new StringBuilder("li s1, 0\n");
    for (long id :
        new long[] {
          0xff, 0xC000001, 0xC000007, 0xC000008, 0xC100000, 0xC200000, 0xC200001, 0xC200002
        }) {
      text.append("li a0, 0x80000000\nli a1, 1\nli a7, ")
          .append(id)
          .append("\necall\naddi a0, a0, 2\nor s1, s1, a0\n");
    }
    text.append(
        "bnez s1, 2f\nli a0, 0\nli a1, 0\nli a6, 0\nli a7, 0x53525354\necall\n"); // power off
    text.append(
        "2: li a0, 0\nli a1, 1\nli a6, 0\nli a7, 0x53525354\necall\n"); // power off, system failure
    Path file = directory.resolve("backdoors");
    Files.write(file, new Assembler(0x8000_0000L).asm(text.toString()).bytes());
    try (Vm vm =
        Vm.create(
            hosts.getFirst().open(),
            VmConfig.of(KernelImage.openAny(file)).memoryBytes(MEMORY).build())) {
      assertEquals(new VmOutcome.Poweroff(), vm.run());
    }
  }
}
