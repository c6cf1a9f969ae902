package org.duvisor.hypervisor.vm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicInteger;
import org.duvisor.devices.images.ImageException;
import org.duvisor.devices.images.KernelImage;
import org.duvisor.hypervisor.boot.MemoryMap;
import org.duvisor.hypervisor.exit.ExitKind;
import org.duvisor.hypervisor.fake.FakeDriver;
import org.duvisor.hypervisor.fake.FakeHart;
import org.duvisor.isa.Csr;
import org.duvisor.platform.Delegation;
import org.duvisor.platform.FastExits;
import org.duvisor.platform.Grant;
import org.duvisor.virtio.Doorbell;
import org.duvisor.virtio.QueueWorker.Serving;
import org.duvisor.virtio.net.Net;
import org.duvisor.virtio.net.NetBackend;
import org.duvisor.virtio.rng.Rng;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Whole VMs on fake harts: from a configuration to an outcome. */
@Timeout(30)
class VmTest {
  private static final long SRST = 0x53525354;
  private static final int SW_A1 = 0x00B0_2023;
  private static final int LW_A0 = 0x0000_2503;

  @TempDir Path directory;
  private KernelImage kernel;
  private final FakeDriver driver = new FakeDriver();

  @BeforeEach
  void writeKernel() throws IOException {
    Path file = directory.resolve("kernel.bin");
    Files.write(file, new byte[] {0x6F, 0, 0, 0});
    kernel = KernelImage.openAny(file);
  }

  private VmConfig.Builder config() {
    return VmConfig.of(kernel).memoryBytes(8 << 20);
  }

  private static void store(FakeHart h, long gpa, long value) {
    h.x(11, value);
    h.exit(23, gpa, gpa >>> 2, SW_A1);
  }

  @Test
  void powersOffThroughSbiAndGivesEverythingBack() {
    driver.guest(
        0,
        h -> {
          assertEquals(MemoryMap.RAM, h.csr(Csr.UEPC));
          assertEquals(0, h.x(10));
          h.ecall(SRST, 0, 0, 0);
        });
    try (Vm vm = Vm.create(driver, config().build())) {
      assertEquals(new VmOutcome.Poweroff(), vm.run());
      assertEquals(Delegation.RECOMMENDED, driver.delegation);
      assertEquals(1, vm.stats().count(ExitKind.SBI));
      assertTrue(vm.stats().text().contains("SBI"));
      assertEquals(
          List.of(Grant.Use.GUEST_MEMORY, Grant.Use.STAGE2_TABLES),
          driver.grants().stream().map(Grant::use).toList());
    }
  }

  @Test
  void finisherEndsOrRestarts() {
    record Case(VmOutcome outcome, int value) {}
    List<Case> cases =
        List.of(
            new Case(new VmOutcome.Poweroff(), 0x5555),
            new Case(new VmOutcome.Failed(7), 0x7_3333),
            new Case(new VmOutcome.Reboot(false), 0x7777));
    for (Case c : cases) {
      FakeDriver d = new FakeDriver();
      d.guest(0, h -> store(h, MemoryMap.FINISHER, c.value));
      try (Vm vm = Vm.create(d, config().reboot(false).build())) {
        assertEquals(c.outcome, vm.run());
      }
    }
  }

  @Test
  void aVmThatCannotBeMadeClosesItsDevices() {
    AtomicInteger closed = new AtomicInteger();
    NetBackend wire =
        new NetBackend() {
          @Override
          public void plug(Port port) {}

          @Override
          public void send(ByteBuffer frame) {}

          @Override
          public void close() {
            closed.incrementAndGet();
          }
        };
    var net = new Net("n", new byte[] {2, 0, 0, 0, 0, 1}, Net.NO_MTU, wire, Serving.INLINE);
    FakeDriver full = new FakeDriver();
    full.largestGrant = 0;
    VmConfig impossible = config().virtio(List.of(net)).build();
    assertThrows(VmException.class, () -> Vm.create(full, impossible));
    assertEquals(1, closed.get());
  }

  @Test
  void rebootsFromItsImages() {
    AtomicInteger boots = new AtomicInteger();
    driver.guest(
        0,
        h -> {
          Grant ram = driver.grants().getFirst();
          assertEquals(0x6F, ram.memory().get(ValueLayout.JAVA_INT, 0), "the kernel is fresh");
          ram.memory().set(ValueLayout.JAVA_INT, 0, 0);
          h.ecall(SRST, 0, boots.incrementAndGet() < 3 ? 1 : 0, 0);
        });
    try (Vm vm = Vm.create(driver, config().build())) {
      assertEquals(new VmOutcome.Poweroff(), vm.run());
    }
    assertEquals(3, boots.get());
  }

  @Test
  void deviceInterruptsReachTheGuestAndAreClaimedByIt() {
    // The UART's transmitter is empty: enabling its interrupt raises line 10 at once.
    AtomicInteger step = new AtomicInteger();
    driver.guest(
        0,
        h -> {
          switch (step.getAndIncrement()) {
            case 0 -> store(h, MemoryMap.PLIC + 4 * MemoryMap.UART_IRQ, 1);
            case 1 -> store(h, MemoryMap.PLIC + 0x2000, 1 << MemoryMap.UART_IRQ);
            case 2 -> {
              assertEquals(0, h.csr(Csr.HUVIP));
              h.x(11, 2);
              h.exit(23, MemoryMap.UART + 1, MemoryMap.UART + 1 >>> 2, 0x00B0_0023);
            }
            case 3 -> {
              assertEquals(1 << 10, h.csr(Csr.HUVIP));
              h.exit(21, MemoryMap.PLIC + 0x20_0004, MemoryMap.PLIC + 0x20_0004 >>> 2, LW_A0);
            }
            default -> {
              assertEquals(MemoryMap.UART_IRQ, h.x(10), "the claim");
              assertEquals(0, h.csr(Csr.HUVIP));
              h.ecall(SRST, 0, 0, 0);
            }
          }
        });
    try (Vm vm = Vm.create(driver, config().build())) {
      assertEquals(new VmOutcome.Poweroff(), vm.run());
    }
  }

  @Test
  void stopsFromOutside() throws InterruptedException {
    driver.guest(0, h -> h.exit(22, 0x10500073, 0, 0));
    try (Vm vm = Vm.create(driver, config().cpus(4).build())) {
      Thread stopper = Thread.ofPlatform().start(vm::stop);
      assertEquals(new VmOutcome.Killed(), vm.run());
      stopper.join();
    }
  }

  @Test
  void crashIsAReportAndNotAnException() {
    driver.guest(0, h -> h.exit(2, 0xDEAD, 0, 0));
    try (Vm vm = Vm.create(driver, config().build())) {
      VmOutcome.Crashed crashed = (VmOutcome.Crashed) vm.run();
      assertTrue(crashed.report().contains("utval     000000000000dead"), crashed.report());
    }
  }

  @Test
  void twoVmsRunSideBySide() throws InterruptedException {
    FakeDriver other = new FakeDriver();
    AtomicInteger met = new AtomicInteger();
    for (FakeDriver d : List.of(driver, other)) {
      AtomicInteger first = new AtomicInteger();
      d.guest(
          0,
          h -> {
            if (first.getAndIncrement() == 0) {
              met.incrementAndGet();
            }
            h.ecall(met.get() < 2 ? 0x10 : SRST, 0, 0, 0);
          });
    }
    try (Vm a = Vm.create(driver, config().build());
        Vm b = Vm.create(other, config().build())) {
      VmOutcome[] outcome = new VmOutcome[1];
      Thread t = Thread.ofPlatform().start(() -> outcome[0] = b.run());
      assertEquals(new VmOutcome.Poweroff(), a.run());
      t.join();
      assertEquals(new VmOutcome.Poweroff(), outcome[0]);
    }
  }

  @Test
  void whatUsersAskForWronglyIsOneLine() {
    assertThrows(VmException.class, () -> config().cpus(0).build());
    assertThrows(VmException.class, () -> config().cpus(65).build());
    assertThrows(VmException.class, () -> config().memoryBytes(0).build());
    assertThrows(VmException.class, () -> config().memoryBytes(1L << 41).build());
    assertThrows(VmException.class, () -> config().memoryBytes((2 << 20) + 1).build());
    assertThrows(VmException.class, () -> config().largestLeaf(8192).build());
    driver.largestGrant = 1 << 20;
    VmException e = assertThrows(VmException.class, () -> Vm.create(driver, config().build()));
    assertEquals(1, e.getMessage().lines().count());
  }

  @Test
  void imagesThatDoNotFitAreOneLine() throws IOException {
    Path file = directory.resolve("large.bin");
    byte[] code = new byte[9 << 20];
    code[0] = 0x13; // nop
    Files.write(file, code);
    VmConfig large = VmConfig.of(KernelImage.openAny(file)).memoryBytes(8 << 20).build();
    try (Vm vm = Vm.create(driver, large)) {
      ImageException e = assertThrows(ImageException.class, vm::run);
      assertEquals(1, e.getMessage().lines().count());
    }
  }

  /** What a platform needs for notifications without the hypervisor is where it looks for it. */
  @Test
  @SuppressWarnings("restricted")
  void thePlatformIsGivenTheDoorbellsOfTheDevices() {
    var device = new Rng(new SplittableRandom(1));
    List<Long> seen = new ArrayList<>();
    driver.guest(
        0,
        h -> {
          MemorySegment block =
              MemorySegment.ofAddress(h.fastExits.address()).reinterpret(FastExits.BYTES);
          for (int at : new int[] {FastExits.NOTIFY, FastExits.DOORBELLS, FastExits.SELF}) {
            seen.add(block.get(ValueLayout.JAVA_LONG, at));
          }
          h.ecall(0x53525354, 0, 0, 0);
        });
    try (Vm vm = Vm.create(driver, config().virtio(List.of(device)).build())) {
      assertEquals(new VmOutcome.Poweroff(), vm.run());
    }
    assertEquals(List.of(0x1000_1050L, device.doorbell().memory().address(), 1L), seen);
    assertEquals(List.of(0L, 8L, 16L), List.of(Doorbell.PENDING, Doorbell.ASLEEP, Doorbell.OPEN));
  }

  @Test
  void aiaOnHartsWithoutInterruptFilesIsRefusedInOneLine() {
    VmException e =
        assertThrows(VmException.class, () -> Vm.create(driver, config().aia(true).build()));
    assertEquals("no AIA for the VM: its harts have no guest interrupt files", e.getMessage());
  }

  /** Some vCPUs get files, one does not: none of the guest runs, whichever thread is the last. */
  @Test
  void aGuestThatCannotHaveAllItsInterruptFilesDoesNotStart() {
    driver.files.set(2);
    for (int i = 0; i < 3; i++) {
      driver.guest(
          i,
          h -> {
            throw new AssertionError("the guest ran");
          });
    }
    try (Vm vm = Vm.create(driver, config().cpus(3).aia(true).build())) {
      VmOutcome.Refused refused = (VmOutcome.Refused) vm.run();
      assertTrue(refused.why().matches("no AIA for vCPU \\d: all files are in use"), refused.why());
    }
  }

  /** A device's wire reaches the file of the vCPU that the guest has chosen, as an MSI. */
  @Test
  void wiredInterruptsBecomeMessages() {
    driver.files.set(2);
    long aplic = MemoryMap.APLIC;
    long source = 4L * (MemoryMap.RTC_IRQ - 1);
    long[][] writes = {
      {aplic, 0x100}, // domaincfg.IE
      {aplic + 4 + source, 4}, // sourcecfg: rising edge
      {aplic + 0x3004 + source, 1 << 18 | 7}, // target: hart 1, identity 7
      {aplic + 0x1edc, MemoryMap.RTC_IRQ}, // setienum
      {aplic + 0x1cdc, MemoryMap.RTC_IRQ}, // setipnum
      {MemoryMap.FINISHER, 0x5555},
    };
    int[] next = {0};
    driver.guest(
        0,
        h -> {
          assertEquals(1 << 12, h.csr(Csr.HUSTATUS) & 0x3f000);
          long[] write = writes[next[0]++];
          store(h, write[0], write[1]);
        });
    try (Vm vm = Vm.create(driver, config().cpus(2).aia(true).build())) {
      assertEquals(new VmOutcome.Poweroff(), vm.run());
    }
    assertEquals(List.of("1 7"), driver.messages);
  }
}
