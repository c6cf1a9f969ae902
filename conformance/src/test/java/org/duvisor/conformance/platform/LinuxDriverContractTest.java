package org.duvisor.conformance.platform;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.duvisor.isa.Csr;
import org.duvisor.platform.DvDriver;
import org.duvisor.platform.HuHart;
import org.duvisor.platform.linux.LinuxPlatform;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The contract on riscv64 Linux with the driver; elsewhere not run. */
final class LinuxDriverContractTest extends DvDriverContract {
  private static final Path STATISTICS = Path.of("/sys/class/misc/duvisor/stats");

  private final LinuxPlatform platform = new LinuxPlatform();

  @BeforeAll
  static void platformIsHere() {
    Optional<String> missing = new LinuxPlatform().missing();
    assumeTrue(missing.isEmpty(), () -> missing.orElse(""));
  }

  @Override
  DvDriver openDriver() {
    return platform.open();
  }

  /**
   * The adversary is whoever may send this process signals. One that was handled while a guest is
   * in the hart would be handled on the guest's stack with the guest's thread pointer.
   */
  @Test
  void hostileNeighbourFloodsTheProcessWithSignals() throws InterruptedException {
    TinyVm vm = new TinyVm(open());
    vm.program(
        0,
        "li sp, 0x80002000\nli tp, 0x80003000\nli gp, 0x80004000\nli a1, 0x80001000\n"
            + "1: ld a0, (a1)\naddi a0, a0, 1\nsd a0, (a1)\n"
            + "li t0, 0x80002000\nbne t0, sp, 2f\nli t0, 0x80003000\nbne t0, tp, 2f\n"
            + "li t0, 0x80004000\nbne t0, gp, 2f\nj 1b\n2: ecall");
    SignalFlood flood = new SignalFlood();
    AtomicBoolean stop = new AtomicBoolean();
    AtomicLong thread = new AtomicLong();
    Thread vcpu =
        start(
            () -> {
              try (HuHart h = vm.driver.register(0)) {
                thread.set(flood.thread());
                vm.prepare(h, 0);
                while (!stop.get()) {
                  h.enter();
                  assertEquals(HuHart.HOST_EVENT, h.csr(Csr.UCAUSE));
                }
              }
            });
    until(() -> vm.word(0x1000) != 0);
    for (int i = 0; i < 50; i++) {
      long counted = vm.word(0x1000);
      flood.send(thread.get(), 20);
      until(() -> vm.word(0x1000) != counted);
    }
    until(() -> flood.handled() > 0); // by other threads
    System.out.println("signals handled meanwhile: " + flood.handled());
    stop.set(true);
    vm.driver.kick(0);
    vcpu.join();
    assertEquals(0, vm.word(0x2000 - 8)); // nothing was put on its stack
  }

  @Override
  boolean isIdle() {
    return driverIsIdle();
  }

  /** Whether the driver's counters are 0. */
  static boolean driverIsIdle() {
    try {
      for (String inUse : List.of("vms", "vcpus", "grants", "granted_bytes")) {
        if (!Files.readString(STATISTICS.resolve(inUse)).strip().equals("0")) {
          return false;
        }
      }
      return true;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
