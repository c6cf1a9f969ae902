package org.duvisor.hypervisor.vcpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.duvisor.hypervisor.fake.Rig;
import org.duvisor.isa.Csr;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Several vCPUs on threads of their own: starts, stops, IPIs and waiting against each other. */
@Timeout(30)
class HsmRaceTest {
  private static final long HSM = 0x48534D;
  private static final long IPI = 0x735049;
  private static final long SRST = 0x53525354;
  private static final long WFI = 0x10500073;

  /**
   * Harts 1 and 2 start hart 3 as fast as they can, which stops at once: every accepted start is
   * one run.
   */
  @Test
  void everyAcceptedStartIsOneRunWithItsArguments() throws InterruptedException {
    Rig rig = new Rig(4);
    int wanted = 300;
    AtomicInteger accepted = new AtomicInteger();
    AtomicInteger runs = new AtomicInteger();
    AtomicLong wrong = new AtomicLong();
    for (int starter = 1; starter <= 2; starter++) {
      long mine = starter;
      rig.driver.guest(
          starter,
          h -> {
            if (h.x(9) == 1) { // an answer is there
              if (h.x(10) == 0) {
                accepted.incrementAndGet();
              } else if (h.x(10) != -6) {
                wrong.incrementAndGet();
              }
            }
            h.x(9, 1);
            h.ecall(HSM, 0, 3, Rig.RAM + 0x1000 * mine, 100 + mine);
          });
    }
    rig.driver.guest(
        3,
        h -> {
          long by = h.x(11) - 100;
          if (h.csr(Csr.UEPC) != Rig.RAM + 0x1000 * by || h.x(10) != 3) {
            wrong.incrementAndGet();
          }
          runs.incrementAndGet();
          h.ecall(HSM, 1);
        });
    List<Thread> threads = rig.startOthers();
    int[] started = {1};
    rig.run(
        h -> {
          if (started[0] <= 2) {
            h.ecall(HSM, 0, started[0]++, Rig.RAM, 0);
          } else if (runs.get() < wanted) {
            Thread.onSpinWait();
            h.ecall(HSM, 2, 3);
          } else {
            h.ecall(SRST, 0, 0, 0);
          }
        });
    for (Thread t : threads) {
      t.join();
    }
    assertEquals(List.of("poweroff"), rig.endings);
    assertEquals(0, wrong.get());
    // The last starts may have been accepted, but not run, or run, but the answer not looked at.
    assertTrue(
        Math.abs(accepted.get() - runs.get()) <= 3, accepted + " accepted, " + runs + " run");
  }

  /** Two harts wake each other by IPI and wait in between: a lost wake-up would hang here. */
  @Test
  void noIpiIsLostBetweenHartsThatWait() throws InterruptedException {
    Rig rig = new Rig(2);
    int rounds = 2000;
    AtomicInteger turn = new AtomicInteger();
    for (int me = 0; me < 2; me++) {
      int self = me;
      rig.driver.guest(
          me,
          h -> {
            h.csr(Csr.HUVSIE, 2);
            if (turn.get() >= rounds) {
              h.ecall(SRST, 0, 0, 0);
            } else if (turn.get() % 2 == self) {
              h.csr(Csr.HUVIP, 0);
              turn.incrementAndGet();
              h.ecall(IPI, 0, 1L << 1 - self, 0);
            } else {
              h.csr(Csr.HUVIP, 0);
              if (turn.get() % 2 != self) {
                h.exit(22, WFI, 0, 0);
              } else {
                h.ecall(0x10, 0);
              }
            }
          });
    }
    List<Thread> threads = rig.startOthers();
    rig.vcpus.get(1).hsm().start(Rig.RAM, 0);
    rig.vcpus.get(1).kick();
    rig.run(rig.driver.guestOf(0));
    for (Thread t : threads) {
      t.join();
    }
    assertEquals("poweroff", rig.endings.getFirst());
    assertTrue(turn.get() >= rounds);
  }

  @Test
  void pausedVcpusStandStillAndTheirTimeToo() throws InterruptedException {
    Rig rig = new Rig(1);
    AtomicInteger steps = new AtomicInteger();
    AtomicLong delta = new AtomicLong();
    Vcpu v = rig.vcpus.get(0);
    Thread pauser =
        Thread.ofPlatform()
            .start(
                () -> {
                  while (steps.get() == 0) {
                    Thread.onSpinWait();
                  }
                  v.pause();
                  while (!v.isPaused()) {
                    Thread.onSpinWait();
                  }
                  rig.driver.advance(500);
                  steps.set(Integer.MIN_VALUE);
                  v.resume();
                });
    rig.run(
        h -> {
          delta.set(h.csr(Csr.HUTIMEDELTA));
          if (steps.getAndIncrement() < 0) {
            h.ecall(8, 0);
          } else {
            h.ecall(0x10, 0);
          }
        });
    pauser.join();
    assertEquals(-1500, delta.get());
  }

  /** Adversary: a guest that leaves an interrupt of its file pending, which ends idling. */
  @Test
  void aPausedVcpuSleepsWhateverItsInterruptFileHas() throws InterruptedException {
    Rig rig = new Rig(1);
    Vcpu v = rig.vcpus.get(0);
    AtomicInteger idles = new AtomicInteger(-1);
    AtomicLong select = new AtomicLong();
    Thread resumer =
        Thread.ofPlatform()
            .start(
                () -> {
                  while (!v.isPaused()) {
                    Thread.onSpinWait();
                  }
                  LockSupport.parkNanos(20_000_000);
                  v.resume();
                });
    rig.run(
        h -> {
          if (idles.get() < 0) {
            v.interruptFile(1);
            h.message = true;
            h.csr(Csr.HUVSISELECT, 0xc0);
            h.csr(Csr.HUVSIREG, 1);
            idles.set(h.idles.size());
            v.pause();
            h.ecall(0x10, 0);
          } else {
            idles.set(h.idles.size() - idles.get());
            select.set(h.csr(Csr.HUVSISELECT) << 8 | h.csr(Csr.HUVSIREG));
            h.ecall(8, 0);
          }
        });
    resumer.join();
    assertTrue(idles.get() >= 1 && idles.get() <= 3, idles + " idles");
    assertEquals(0xc001, select.get(), "as the guest has left it");
  }

  @Test
  void waitingAndStoppedVcpusEndWithTheVm() throws InterruptedException {
    Rig rig = new Rig(3);
    rig.driver.guest(1, h -> h.exit(22, WFI, 0, 0));
    List<Thread> threads = rig.startOthers();
    rig.vcpus.get(1).hsm().start(Rig.RAM, 0);
    rig.vcpus.get(1).kick();
    rig.run(
        h -> {
          if (rig.driver.hart(1) == null || rig.driver.hart(1).idles.isEmpty()) {
            h.ecall(0x10, 0);
          } else {
            h.ecall(8, 0);
          }
        });
    for (Thread t : threads) {
      t.join();
    }
    assertEquals(List.of("poweroff"), rig.endings);
  }

  @Test
  void closedDriverEndsTheVmQuietly() {
    Rig rig = new Rig(1);
    rig.run(
        h -> {
          rig.driver.close();
          h.exit(22, WFI, 0, 0);
        });
    assertEquals(List.of("gone"), rig.endings);
  }

  @Test
  void anErrorOfOursBecomesAReport() {
    Rig rig = new Rig(1);
    rig.run(
        h -> {
          throw new ArithmeticException("boom");
        });
    assertTrue(
        rig.endings
            .getFirst()
            .startsWith("crash vCPU 0: internal error: java.lang.ArithmeticException: boom"));
    Rig second = new Rig(1);
    second.run(h -> h.exit(24, 0, 0, 0));
    assertTrue(second.endings.getFirst().contains("never delegated"));
  }
}
