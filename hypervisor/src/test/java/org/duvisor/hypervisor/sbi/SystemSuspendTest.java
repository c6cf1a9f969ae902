package org.duvisor.hypervisor.sbi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.duvisor.hypervisor.fake.FakeHart;
import org.duvisor.hypervisor.fake.Rig;
import org.duvisor.hypervisor.vcpu.Hsm;
import org.duvisor.isa.Csr;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Suspend to RAM (SBI 3.0, chapter 13). */
@Timeout(60)
class SystemSuspendTest {
  private static final long SUSP = 0x53555350;
  private static final long RESUME = Rig.RAM + 0x200;

  @Test
  void badRequestsReturn() {
    Rig rig = new Rig(2);
    Calls calls = new Calls(rig, SUSP);
    for (long type : new long[] {1, 0x7fff_ffff, 0x8000_0000L, -1}) {
      calls.call(-3, 0, 0, type, RESUME, 0);
    }
    long end = Rig.RAM + (4 << 20);
    for (long address : new long[] {0, 1, RESUME + 1, end, -2, Rig.DEVICE, Rig.RAM - 2}) {
      calls.call(-5, 0, 0, 0, address, 0);
    }
    calls.call(-5, 0, 0, 1L << 32, 0, 0); // the type has 32 bits
    calls
        .then(h -> assertTrue(rig.vcpus.get(1).hsm().start(Rig.RAM, 0)))
        .call(-4, 0, 0, 0, RESUME, 0)
        .run();
  }

  private static void suspend(FakeHart h, long enabled) {
    h.csr(Csr.HUVSIE, enabled);
    h.csr(Csr.HUVSATP, 8L << 60 | 0x80100);
    h.csr(Csr.HUVSSTATUS, 2);
    h.ecall(SUSP, 0, 0, RESUME, 42);
  }

  private static void resumed(FakeHart h) {
    assertEquals(0, h.x(10), "hart id");
    assertEquals(42, h.x(11), "opaque");
    assertEquals(RESUME, h.csr(Csr.UEPC));
    assertEquals(0, h.csr(Csr.HUVSATP));
    assertEquals(0, h.csr(Csr.HUVSSTATUS) & 2, "SIE");
    assertEquals(Csr.HUSTATUS_SPVP, h.csr(Csr.HUSTATUS) & Csr.HUSTATUS_SPVP, "in S");
  }

  @Test
  void aPendingInterruptResumesAtOnce() {
    Rig rig = new Rig(1);
    rig.once(
        h -> {
          h.csr(Csr.HUVIP, 4);
          suspend(h, 2);
        },
        h -> {
          resumed(h);
          assertEquals(4, h.csr(Csr.HUVIP), "what woke it is still there");
          assertEquals(Hsm.State.STARTED, rig.vcpus.get(0).hsm().state());
        });
  }

  /** Adversary: kicks and pauses, which end a WFI. */
  @Test
  void nothingButAnEnabledInterruptWakesIt() throws InterruptedException {
    Rig rig = new Rig(2);
    var sleeper =
        Thread.ofPlatform()
            .daemon()
            .start(() -> rig.once(h -> suspend(h, 1 << 9), SystemSuspendTest::resumed));
    await(() -> rig.vcpus.get(0).hsm().state() == Hsm.State.SUSPENDED);
    rig.driver.kick(0);
    rig.vcpus.get(0).pause();
    await(() -> rig.vcpus.get(0).isPaused());
    rig.vcpus.get(0).resume();
    await(() -> !rig.vcpus.get(0).isPaused());
    LockSupport.parkNanos(20_000_000);
    assertEquals(Hsm.State.SUSPENDED, rig.vcpus.get(0).hsm().state());
    rig.vcpus.get(0).external(true);
    sleeper.join();
    assertEquals(List.of("poweroff"), rig.endings);
  }

  @Test
  void theEndOfTheVmEndsIt() throws InterruptedException {
    Rig rig = new Rig(1);
    var sleeper = Thread.ofPlatform().daemon().start(() -> rig.run(h -> suspend(h, 0)));
    await(() -> rig.vcpus.get(0).hsm().state() == Hsm.State.SUSPENDED);
    rig.vcpus.end();
    sleeper.join();
    assertEquals(List.of(), rig.endings);
  }

  /** What is set by SBI calls outlives a suspend. */
  @Test
  void featuresAndCountersStay() {
    Rig rig = new Rig(1);
    new Calls(rig, 0x504D55)
        .other(0, 0, 0x46574654, 0, 4, 0, 1)
        .call(0, 0, 2, 0, 1, 0, 1, 0)
        .then(h -> h.csr(Csr.HUVIP, 4))
        .leave(h -> suspend(h, 2))
        .then(SystemSuspendTest::resumed)
        .then(h -> assertEquals(0xffff_fffeL, h.csr(Csr.HUCOUNTEREN)))
        .other(0, 0, 0x46574654, 1, 4)
        .other(-14, 0, 0x46574654, 0, 4, 1, 0)
        .run();
  }

  private static void await(BooleanSupplier done) {
    while (!done.getAsBoolean()) {
      LockSupport.parkNanos(1_000_000);
    }
  }
}
