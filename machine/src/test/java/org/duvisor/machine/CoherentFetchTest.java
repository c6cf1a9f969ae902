package org.duvisor.machine;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.random.RandomGenerator;
import java.util.stream.Stream;
import org.duvisor.machine.testing.EngineUnderTest;
import org.duvisor.machine.testing.Engines;
import org.duvisor.machine.testing.PageTables;
import org.duvisor.machine.testing.TestMachine;
import org.duvisor.virtio.rng.Rng;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Code that is stored to and executed, without fence.i (Ziccid), often enough for every tier. */
class CoherentFetchTest {
  private static final int ROUNDS = 20_000;

  /** Sum of the immediates that {@link #loop} writes. */
  private static long expected(int rounds, int mask) {
    long sum = 0;
    for (int i = rounds; i > 0; i--) {
      sum += i & mask;
    }
    return sum;
  }

  /**
   * Writes {@code addi t0, x0, s1 & 15} by {@code store}, from t1 to where s0 points, executes it
   * by {@code execute}, and adds up in a0.
   */
  private static String loop(String setup, String store, String execute) {
    return """
      li a0, 0
      li s1, %d
      li s2, 0x293
      %s
    1:
      andi t1, s1, 15
      slli t1, t1, 20
      or t1, t1, s2
      %s
      %s
      add a0, a0, t0
      addi s1, s1, -1
      bnez s1, 1b
      j exit
    """
        .formatted(ROUNDS, setup, store, execute);
  }

  private record Case(String name, String program) {
    @Override
    public String toString() {
      return name;
    }
  }

  private static final String NEXT = "patch: addi t0, x0, 1";

  private static Case near(String name, String store, String execute) {
    return new Case(
        name,
        loop("la s0, patch", store, execute)
            + (execute.equals("call patch") ? NEXT + "\n ret\n" : ""));
  }

  /** The instruction is {@code offset} bytes from the start of a page that has nothing else. */
  private static Case far(String name, int offset, String store) {
    String setup =
        "li s0, DATA + %d\n li t2, 0x8067\n sh t2, 4(s0)\n sh x0, 6(s0)".formatted(offset);
    return new Case(name, loop(setup, store, "jalr s0"));
  }

  private static final String HALVES = "sh t1, 0(s0)\n srli t2, t1, 16\n sh t2, 2(s0)";

  private static final List<Case> CASES =
      List.of(
          near("function on the same page", "sw t1, 0(s0)", "call patch"),
          near("next instruction of the block", "sw t1, 0(s0)", NEXT),
          near("second next instruction of the block", "sw t1, 0(s0)", "addi t2, t2, 1\n " + NEXT),
          near("next instruction, by amoswap", "amoswap.w x0, t1, (s0)", NEXT),
          far("function on another page", 0, "sw t1, 0(s0)"),
          far("by halves", 0, HALVES),
          far("by amoswap", 0, "amoswap.w x0, t1, (s0)"),
          far("by lr and sc", 0, "lr.w t2, (s0)\n sc.w t2, t1, (s0)"),
          far(
              "by a single",
              0,
              "li t2, 0x2000\n csrs mstatus, t2\n fmv.w.x fa0, t1\n fsw fa0, 0(s0)"),
          far("by a store across pages", 0, "slli t2, t1, 32\n sd t2, -4(s0)"),
          far(
              "after a block is cleared",
              0,
              "cbo.zero (s0)\n sw t1, 0(s0)\n li t2, 0x8067\n sw t2, 4(s0)"),
          far("across pages", 4094, HALVES));

  static Stream<Arguments> cases() {
    return Engines.all().flatMap(e -> CASES.stream().map(c -> Arguments.of(e, c)));
  }

  @ParameterizedTest
  @MethodSource("cases")
  void codeIsSeenAtOnceByTheHartThatStores(EngineUnderTest engine, Case c) {
    try (TestMachine m = new TestMachine(engine, c.program).run()) {
      assertEquals(expected(ROUNDS, 15), m.a(0));
    }
  }

  /** Executed at one virtual address, stored to at another one of the same physical page. */
  private static final String ALIAS =
      """
        li t0, SATP
        csrw satp, t0
        li s5, 0x40000000
        li s6, 0x50000000
        la s11, exit
      """
          + TestMachine.enter(Hart.S, false)
          + """
            li a0, 0
            li s1, 20000
            li s2, 0x293
          1:
            andi t1, s1, 15
            slli t1, t1, 20
            or t1, t1, s2
            sw t1, 0(s6)
            jalr s5
            add a0, a0, t0
            addi s1, s1, -1
            bnez s1, 1b
            ecall
          """;

  @ParameterizedTest
  @MethodSource("org.duvisor.machine.testing.Engines#all")
  void codeIsSeenAtAnotherAddress(EngineUnderTest engine) {
    long root = TestMachine.DATA + 0x10_0000;
    String satp = "0x" + Long.toHexString(8L << 60 | root >>> 12);
    try (TestMachine m = new TestMachine(engine, ALIAS.replace("SATP", satp))) {
      PageTables t = m.tables(root, false);
      t.map(0x4000_0000L, TestMachine.DATA, PageTables.RWX, 0);
      t.map(0x5000_0000L, TestMachine.DATA, PageTables.RWX, 0);
      t.map(TestMachine.CODE, TestMachine.CODE, PageTables.RWX, 2);
      m.poke(TestMachine.DATA, 0x00008067_00000293L); // addi t0, x0, 0; ret
      m.run();
      assertEquals(expected(ROUNDS, 15), m.a(0));
    }
  }

  /**
   * Another hart's code is changed and it is told through memory: it has seen the store when it has
   * acquired what came after.
   */
  private static String remote(String where, String release, String acquire, String code) {
    return """
      li s0, DATA
      %s
      li s2, 0x293
      li s3, 300
    1:
      andi t0, s3, 63
      slli t0, t0, 20
      or t0, t0, s2
      sw t0, 0(s1)
      %s                  # go
    2:
      ld t1, 8(s0)        # done
      bne t1, s3, 2b
      addi s3, s3, -1
      bnez s3, 1b
      ld a0, 16(s0)
      j exit
    others:
      li s0, DATA
      %s
      li s3, 300
      li s4, 0
    3:
      %s
      bne t1, s3, 3b
      %s
      add s4, s4, t0
      sd s4, 16(s0)
      fence w, w
      sd s3, 8(s0)
      addi s3, s3, -1
      bnez s3, 3b
    4:
      wfi
      j 4b
    """
        .formatted(where, release, where, acquire, code);
  }

  private static final String NEAR = "la s1, patch";
  private static final String FAR = "li s1, DATA + 4096\n li t0, 0x8067\n sw t0, 4(s1)";

  private static final List<Case> REMOTE =
      List.of(
          new Case(
              "fences",
              remote(NEAR, "fence rw, rw\n sd s3, 0(s0)", "ld t1, 0(s0)\n fence r, rw", NEXT)),
          new Case(
              "fences, another page",
              remote(FAR, "fence rw, w\n sd s3, 0(s0)", "ld t1, 0(s0)\n fence.tso", "jalr s1")),
          new Case(
              "acquire and release",
              remote(NEAR, "amoswap.d.rl x0, s3, (s0)", "amoadd.d.aq t1, x0, (s0)", NEXT)),
          new Case(
              "acquire and release, another page",
              remote(FAR, "amoswap.d.rl x0, s3, (s0)", "lr.d.aq t1, (s0)", "jalr s1")));

  static Stream<Arguments> remote() {
    return Engines.all().flatMap(e -> REMOTE.stream().map(c -> Arguments.of(e, c)));
  }

  @ParameterizedTest
  @MethodSource("remote")
  void codeIsSeenByAnotherHartThatAcquires(EngineUnderTest engine, Case c) {
    String fewer = c.program.replace("300", "100");
    try (TestMachine m = new TestMachine(engine, fewer, 2, HartConfig.STANDARD, true).run()) {
      assertEquals(expected(100, 63), m.a(0), "in turns");
    }
    try (TestMachine m = new TestMachine(engine, c.program, 2, HartConfig.STANDARD, false).run()) {
      assertEquals(expected(300, 63), m.a(0), "in parallel");
    }
  }

  /** A page of code is filled by a device's DMA, again and again, and run. */
  private static final String DMA =
      """
        li s0, 0x10001000       # the first virtio device
        li s1, DATA             # descriptors, 4096 above: available ring, 8192: used ring
        li s2, DATA + 0x4000    # code
        sw x0, 0x70(s0)
        li t0, 3
        sw t0, 0x70(s0)
        li t0, 1                # VIRTIO_F_VERSION_1
        sw t0, 0x24(s0)
        sw t0, 0x20(s0)
        li t0, 11
        sw t0, 0x70(s0)
        li t0, 1
        sw x0, 0x30(s0)
        sw t0, 0x38(s0)
        sw s1, 0x80(s0)
        sw x0, 0x84(s0)
        li t0, DATA + 4096
        mv s3, t0
        sw t0, 0x90(s0)
        sw x0, 0x94(s0)
        li t0, DATA + 8192
        mv s4, t0
        sw t0, 0xa0(s0)
        sw x0, 0xa4(s0)
        li t0, 1
        sw t0, 0x44(s0)
        li t0, 15
        sw t0, 0x70(s0)
        sd s2, 0(s1)            # one descriptor of 8 bytes, writable
        li t0, 8
        sw t0, 8(s1)
        li t0, 2
        sw t0, 12(s1)
        li a0, 0
        li s5, 0
      1:
        addi s5, s5, 1
        sh s5, 2(s3)            # available
        fence rw, rw
        sw x0, 0x50(s0)
      2:
        lhu t0, 2(s4)           # used
        bne t0, s5, 2b
        fence r, rw
        li s6, 40
      3:
        jalr s2
        add a0, a0, t0
        addi s6, s6, -1
        bnez s6, 3b
        li t0, 500
        bne s5, t0, 1b
        j exit
      """;

  /** Gives {@code addi t0, x0, n; ret}, with another n each time. */
  private static final class Code implements RandomGenerator {
    private int n;

    @Override
    public long nextLong() {
      n++;
      return 0x00008067_00000293L | (n & 63L) << 20;
    }
  }

  @ParameterizedTest
  @MethodSource("org.duvisor.machine.testing.Engines#all")
  void codeThatADeviceHasWrittenIsSeen(EngineUnderTest engine) {
    long expected = 0;
    for (int n = 1; n <= 500; n++) {
      expected += 40L * (n & 63);
    }
    try (TestMachine m =
        new TestMachine(engine, DMA, 1, HartConfig.STANDARD, true, List.of(new Rng(new Code())))) {
      m.run();
      assertEquals(expected, m.a(0));
    }
  }

  /** Changed seldom enough to be translated in between. */
  private static final String SELDOM =
      """
        li a0, 0
        li s1, 300
        li s2, 0x293
        li s0, DATA
        li t2, 0x8067
        sw t2, 4(s0)
      1:
        andi t1, s1, 15
        slli t1, t1, 20
        or t1, t1, s2
        sw t1, 0(s0)
        li s3, 1000
      2:
        jalr s0
        add a0, a0, t0
        addi s3, s3, -1
        bnez s3, 2b
        addi s1, s1, -1
        bnez s1, 1b
        j exit
      """;

  @ParameterizedTest
  @MethodSource("org.duvisor.machine.testing.Engines#all")
  void codeIsSeenThoughTheOldOneIsTranslated(EngineUnderTest engine) {
    try (TestMachine m = new TestMachine(engine, SELDOM).run()) {
      assertEquals(1000 * expected(300, 15), m.a(0));
    }
  }

  /**
   * The same, and between two stores the page is dropped for want of room (by engines that keep
   * little), and decoded anew from another entry, of which no translation knows.
   */
  private static final String FORGOTTEN =
      """
        li a0, 0
        li s1, 60
        li s2, 0x293
        li s0, DATA
        li s4, DATA + 0x10000
        li t2, 0x8067           # ret
        sw t2, 4(s0)
        sw t2, 8(s0)
        li t1, 32
        mv t0, s4
        li s5, 4096
      1:
        sw t2, 0(t0)            # pages of code
        add t0, t0, s5
        addi t1, t1, -1
        bnez t1, 1b
      2:
        andi t1, s1, 15
        slli t1, t1, 20
        or t1, t1, s2
        sw t1, 0(s0)
        li s3, 1000
      3:
        jalr s0
        add a0, a0, t0
        addi s3, s3, -1
        bnez s3, 3b
        li s3, 32
        mv s6, s4
      4:
        jalr s6
        add s6, s6, s5
        addi s3, s3, -1
        bnez s3, 4b
        addi s6, s0, 8
        jalr s6
        addi s1, s1, -1
        bnez s1, 2b
        j exit
      """;

  @ParameterizedTest
  @MethodSource("org.duvisor.machine.testing.Engines#all")
  void codeIsSeenThoughItsPageWasForgottenInBetween(EngineUnderTest engine) {
    try (TestMachine m = new TestMachine(engine, FORGOTTEN).run()) {
      assertEquals(1000 * expected(60, 15), m.a(0));
    }
  }

  /**
   * One block that stores to two pages which two other harts execute, and clears a third one in
   * between: the first store's address is known when the clearing lets it go.
   */
  private static final String CLEARS =
      """
        li s0, DATA
        li s1, DATA + 0x4000    # code
        li s4, DATA + 0x5000    # code that is cleared
        li t0, 0x8067
        sw t0, 4(s1)
        sw t0, 4(s4)
        li s2, 0x293
        sw s2, 0(s1)
        sw s2, 0(s4)
        li s3, 150
      1:
        andi t0, s3, 63
        slli t0, t0, 20
        or t0, t0, s2
        sw s2, 0(s1)
        cbo.zero (s4)
        sw t0, 0(s1)
        fence rw, rw
        sd s3, 0(s0)            # go
      2:
        pause
        ld t1, 64(s0)           # done
        bne t1, s3, 2b
        ld t1, 128(s0)
        bne t1, s3, 2b
        addi s3, s3, -1
        bnez s3, 1b
        ld a0, 72(s0)
        ld a1, 136(s0)
        j exit
      others:
        csrr t0, mhartid
        slli t0, t0, 6
        li s0, DATA
        add s5, s0, t0
        li s1, DATA + 0x4000
        li s3, 150
        li s4, 0
      3:
        pause
        ld t1, 0(s0)
        fence r, rw
        bne t1, s3, 3b
        jalr s1
        add s4, s4, t0
        sd s4, 8(s5)
        fence w, w
        sd s3, 0(s5)
        addi s3, s3, -1
        bnez s3, 3b
      4:
        wfi
        j 4b
      """;

  @ParameterizedTest
  @MethodSource("org.duvisor.machine.testing.Engines#all")
  void codeIsSeenByTwoHartsThoughABlockIsClearedBetweenTheStores(EngineUnderTest engine) {
    try (TestMachine m = new TestMachine(engine, CLEARS, 3, HartConfig.STANDARD, false).run()) {
      assertEquals(expected(150, 63), m.a(0));
      assertEquals(expected(150, 63), m.a(1));
    }
  }
}
