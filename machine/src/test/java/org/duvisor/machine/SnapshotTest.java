package org.duvisor.machine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.duvisor.devices.Snapshot;
import org.duvisor.isa.Extension;
import org.duvisor.isa.Extensions;
import org.duvisor.machine.board.BoardOutcome;
import org.duvisor.machine.dv.Posts;
import org.duvisor.machine.testing.EngineUnderTest;
import org.duvisor.machine.testing.Engines;
import org.duvisor.machine.testing.TestMachine;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A board that was saved goes on in another one as if nothing had been. */
class SnapshotTest {
  private static final HartConfig STANDARD = HartConfig.STANDARD;

  /** Two harts: timer interrupts and guests' state on one, a lock that both take. */
  private static final String PROGRAM =
      """
        li s0, DATA
        la t0, tick
        csrw mtvec, t0
        li t1, 0x2004000
        li t2, 3
        sd t2, 0(t1)
        li t0, 0x80
        csrs mie, t0
        csrsi mstatus, 8
        li t0, 0x6000
        csrs mstatus, t0
        li t0, 3
        fcvt.d.l fa0, t0
        csrw vsscratch, t0
        csrw sepc, s0
        li a0, 0
        li a1, 3000
      1:
        addi a0, a0, 1
        fmul.d fa0, fa0, fa0
        fsqrt.d fa0, fa0
        csrrw t3, vsscratch, a0
        add a2, a2, t3
      2:
        lr.d t4, (s0)
        add t4, t4, a0
        sc.d t5, t4, (s0)
        bnez t5, 2b
        blt a0, a1, 1b
        csrci mstatus, 8
        sd x0, 16(s0)
        csrr a3, mcycle
        csrr a4, instret
        fmv.x.d a5, fa0
        j exit
      .balign 4
      tick:
        csrw mscratch, t0
        addi a6, a6, 1
        li t0, 0x2004000
        ld t6, 0(t0)
        addi t6, t6, 3
        sd t6, 0(t0)
        csrr t0, mscratch
        mret
      others:
        li s0, DATA
      3:
        lr.d t4, (s0)
        addi t4, t4, 1
        sc.d t5, t4, (s0)
        csrr t6, mhartid
        j 3b
      """;

  private record End(BoardOutcome outcome, List<Long> state) {}

  private static TestMachine machine(EngineUnderTest engine) {
    return new TestMachine(engine, PROGRAM, 2, STANDARD, true);
  }

  private static End end(TestMachine m) {
    BoardOutcome outcome = m.board().run(m.boot());
    List<Long> state = new ArrayList<>();
    for (Hart h : m.board().harts()) {
      state.add(h.retired);
      state.add(h.pc);
      for (int i = 0; i < 32; i++) {
        state.add(h.x(i));
        state.add(h.f(i));
      }
    }
    state.add(m.board().harts().getFirst().time());
    state.add(m.peek(TestMachine.DATA));
    return new End(outcome, state);
  }

  private static byte[] saved(TestMachine m, long after) {
    m.board().limit(after);
    assertEquals(new BoardOutcome.LimitReached(), m.board().run(m.boot()));
    var bytes = new ByteArrayOutputStream();
    m.board().snapshot(Snapshot.saving(bytes));
    return bytes.toByteArray();
  }

  private static void restore(TestMachine m, byte[] saved) {
    m.board().snapshot(Snapshot.restoring(new ByteArrayInputStream(saved)));
  }

  static List<EngineUnderTest> engines() {
    return Engines.same().toList();
  }

  @ParameterizedTest
  @MethodSource("engines")
  void whatFollowsIsTheSame(EngineUnderTest engine) {
    End whole;
    try (TestMachine m = machine(engine)) {
      whole = end(m);
    }
    assertEquals(new BoardOutcome.Finished(0), whole.outcome());
    long all = whole.state().getFirst();
    for (long after : new long[] {1, all / 7, all / 2, all}) {
      try (TestMachine first = machine(engine);
          TestMachine second = machine(engine)) {
        restore(second, saved(first, after));
        assertEquals(whole, end(second), "after " + after);
      }
    }
  }

  @Test
  void whatIsSavedTwiceIsTheSame() {
    try (TestMachine m = machine(Engines.interpreter());
        TestMachine other = machine(Engines.interpreter())) {
      byte[] bytes = saved(m, 4000);
      restore(other, bytes);
      var again = new ByteArrayOutputStream();
      other.board().snapshot(Snapshot.saving(again));
      assertTrue(Arrays.equals(bytes, again.toByteArray()));
    }
  }

  @Test
  void anotherBoardIsRefused() {
    byte[] bytes;
    try (TestMachine m = machine(Engines.interpreter())) {
      bytes = saved(m, 4000);
    }
    var lesser = new HartConfig(Extensions.max().without(Extension.ZFH), 0);
    for (TestMachine other :
        List.of(
            new TestMachine(Engines.interpreter(), PROGRAM, 1, STANDARD, true),
            new TestMachine(Engines.interpreter(), PROGRAM, 2, STANDARD, false),
            new TestMachine(Engines.interpreter(), PROGRAM, 2, lesser, true))) {
      try (other) {
        assertThrows(Snapshot.RefusedException.class, () -> restore(other, bytes));
      }
    }
  }

  /**
   * Adversary: who hands over a file. It is refused, or it is the state of some machine: what that
   * does is no matter of this computer.
   */
  @Test
  void damageIsRefusedOrHarmless() {
    byte[] good;
    try (TestMachine m = machine(Engines.interpreter())) {
      good = saved(m, 4000);
    }
    int state = good.length - (8 << 20) - 8 * Posts.DOMAINS; // which may be anything
    var random = new Random(5);
    int refused = 0;
    for (int i = 0; i < 300; i++) {
      byte[] bad = good.clone();
      int at = bad.length - 1 - random.nextInt(state - 128);
      bad[at] ^= (byte) (1 << random.nextInt(8));
      if (i % 10 == 0) {
        bad = Arrays.copyOf(bad, at);
      }
      try (TestMachine m = machine(Engines.interpreter())) {
        m.board().limit(20_000);
        restore(m, bad);
        m.board().run(m.boot());
      } catch (Snapshot.RefusedException e) {
        assertTrue(e.getMessage().startsWith("the state of "), e.getMessage());
        refused++;
      }
    }
    assertTrue(refused > 60, "refused " + refused);
  }

  /** Adversary: as before. A reservation is an address of this process, which WRS.NTO reads. */
  @Test
  void aReservationElsewhereIsRefused() {
    for (long held : new long[] {-8, -2, 2, 8 << 20, (8 << 20) - 4, 1L << 46, Long.MIN_VALUE}) {
      var f = new HartFixture(HartFixture.WITH_H);
      f.hart.reservedHost(f.memory.ram().address() + 0x1008);
      f.hart.reservedValue(0x1234_5678_9abcL);
      var bytes = new ByteArrayOutputStream();
      f.hart.snapshot(Snapshot.saving(bytes));
      var buffer = ByteBuffer.wrap(bytes.toByteArray());
      int at = 0;
      while (buffer.getLong(at) != 0x1008 || buffer.getLong(at + 8) != 0x1234_5678_9abcL) {
        at += 8;
      }
      buffer.putLong(at, held);
      var in = Snapshot.restoring(new ByteArrayInputStream(buffer.array()));
      assertThrows(Snapshot.RefusedException.class, () -> f.hart.snapshot(in), "" + held);
    }
  }
}
