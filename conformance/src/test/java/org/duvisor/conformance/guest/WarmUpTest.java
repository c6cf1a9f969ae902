package org.duvisor.conformance.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.random.RandomGenerator;
import org.duvisor.devices.images.KernelImage;
import org.duvisor.hypervisor.exit.ExitKind;
import org.duvisor.hypervisor.vm.Vm;
import org.duvisor.hypervisor.vm.VmConfig;
import org.duvisor.hypervisor.vm.VmOutcome;
import org.duvisor.isa.Assembler;
import org.duvisor.machine.Clock;
import org.duvisor.machine.HartConfig;
import org.duvisor.platform.DvDriver;
import org.duvisor.platform.sim.SimHost;
import org.duvisor.virtio.QueueWorker.Serving;
import org.duvisor.virtio.VirtioDevice;
import org.duvisor.virtio.rng.Rng;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The guest that runs before the first boot leaves nothing that the real one could see. */
final class WarmUpTest {
  private static final long MIB = 1 << 20;
  private static final long RAM = 0x8000_0000L;

  /**
   * Where the warm-up lay, nothing is left; the UART's scratch register, the entropy device and,
   * with a PLIC, the priority of its line and the enabled lines are as after a reset. Then off;
   * else it fails.
   */
  private static final String GUEST =
      """
        li s0, PLIC
        li t0, RAM
        li t1, 512
      1:
        ld t2, 0(t0)
        li a1, 1
        bnez t2, wrong
        addi t0, t0, 8
        addi t1, t1, -1
        bnez t1, 1b
        li t0, 0x10000000
        lbu t2, 7(t0)
        bnez t2, wrong
        lbu t2, 1(t0)
        bnez t2, wrong
        beqz s0, 2f
        lw t2, 40(s0)
        bnez t2, wrong
        li t1, 0x2000
        add t0, s0, t1
        lw t2, 0(t0)
        bnez t2, wrong
      2:
        csrr t2, sip
        bnez t2, wrong
        li t0, VIRTIO
        beqz t0, 3f
        lw t2, 0x70(t0)
        bnez t2, wrong
        lw t2, 0x60(t0)
        bnez t2, wrong
      3:
        li a1, 0
      wrong:
        li a7, 0x53525354
        li a6, 0
        li a0, 0
        ecall
      """;

  /** The entropy device: none, or how it serves; one that is silent answers after the warm-up. */
  private enum Entropy {
    NONE,
    INLINE,
    THREAD,
    SILENT
  }

  /** Takes longer than the warm-up waits. */
  private static final RandomGenerator SLOW =
      () -> {
        try {
          Thread.sleep(500);
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
        }
        return 0;
      };

  /** A driver whose harts are shared with this JVM, it says; counts what registers. */
  private static DvDriver shared(DvDriver driver, AtomicInteger registered) {
    return (DvDriver)
        Proxy.newProxyInstance(
            DvDriver.class.getClassLoader(),
            new Class<?>[] {DvDriver.class},
            (_, method, arguments) -> {
              if (method.getName().equals("sharesHarts")) {
                return true;
              }
              if (method.getName().equals("register")) {
                registered.incrementAndGet();
              }
              try {
                return method.invoke(driver, arguments);
              } catch (InvocationTargetException e) {
                throw e.getCause();
              }
            });
  }

  @ParameterizedTest
  @CsvSource({
    "1, NONE, false",
    "1, INLINE, false",
    "1, THREAD, false",
    "1, SILENT, false",
    "3, THREAD, false",
    "2, INLINE, true",
    "1, THREAD, true"
  })
  void nothingOfItIsLeft(int cpus, Entropy device, boolean aia, @TempDir Path folder)
      throws IOException {
    byte[] code =
        new Assembler(RAM + 2 * MIB)
            .define("RAM", RAM)
            .define("PLIC", aia ? 0 : 0xc00_0000)
            .define("VIRTIO", device == Entropy.NONE ? 0 : 0x1000_1000)
            .asm(GUEST)
            .bytes();
    Path file = Files.write(folder.resolve("kernel"), code);
    var random = new SplittableRandom(1);
    List<VirtioDevice> devices =
        switch (device) {
          case NONE -> List.of();
          case INLINE -> List.of(new Rng(random));
          case THREAD -> List.of(new Rng(random, Serving.THREAD));
          case SILENT -> List.of(new Rng(SLOW, Serving.THREAD));
        };
    VmConfig config =
        VmConfig.of(KernelImage.openAny(file, 2 * MIB))
            .memoryBytes(64 * MIB)
            .cpus(cpus)
            .aia(aia)
            .virtio(devices)
            .build();
    var registered = new AtomicInteger();
    var host =
        new SimHost(
            96 * MIB,
            Clock.realTime(),
            TestEngine.interpreter.factory(),
            HartConfig.STANDARD.withGuestFiles(1));
    try (Vm vm = Vm.create(shared(host.open(), registered), config)) {
      assertEquals(new VmOutcome.Poweroff(), vm.run());
      assertEquals(2 * cpus, registered.get(), "once to warm up, once to run");
      assertEquals(
          (aia ? 2 : 4) + (device == Entropy.NONE ? 0 : 2),
          vm.stats().count(ExitKind.MMIO_READ),
          "those of the warm-up are not counted");
    }
  }

  /** A stop that comes before the warm-up, with a pause that nobody undoes any more. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void aVmThatWasStoppedBeforeItRanEnds(boolean paused, @TempDir Path folder) throws IOException {
    Path file = Files.write(folder.resolve("kernel"), new Assembler(RAM).asm("1: j 1b").bytes());
    VmConfig config = VmConfig.of(KernelImage.openAny(file, 2 * MIB)).memoryBytes(64 * MIB).build();
    var registered = new AtomicInteger();
    try (Vm vm = Vm.create(shared(new SimHost(96 * MIB).open(), registered), config)) {
      if (paused) {
        vm.pause();
      }
      vm.stop();
      assertEquals(new VmOutcome.Killed(), vm.run());
      assertEquals(0, registered.get());
    }
  }
}
