package org.duvisor.hypervisor.vm;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.duvisor.devices.fdt.Node;
import org.duvisor.devices.images.ImageException;
import org.duvisor.hypervisor.boot.Boot;
import org.duvisor.hypervisor.boot.DeviceTree;
import org.duvisor.hypervisor.boot.MemoryMap;
import org.duvisor.hypervisor.exit.ExitKind;
import org.duvisor.hypervisor.exit.VcpuLoop;
import org.duvisor.hypervisor.interrupts.Imsics;
import org.duvisor.hypervisor.interrupts.Ipi;
import org.duvisor.hypervisor.sbi.Sbi;
import org.duvisor.hypervisor.stage2.GuestRam;
import org.duvisor.hypervisor.stage2.Stage2;
import org.duvisor.hypervisor.stage2.Stage2Mode;
import org.duvisor.hypervisor.vcpu.GuestTime;
import org.duvisor.hypervisor.vcpu.Vcpu;
import org.duvisor.hypervisor.vcpu.VcpuSetup;
import org.duvisor.hypervisor.vcpu.Vcpus;
import org.duvisor.platform.Capabilities;
import org.duvisor.platform.Delegation;
import org.duvisor.platform.DvDriver;
import org.duvisor.platform.DvException;
import org.duvisor.platform.FastExits;
import org.duvisor.platform.Grant;
import org.duvisor.virtio.MmioLayout;
import org.duvisor.virtio.VirtioDevice;
import org.duvisor.virtio.rng.Rng;

/**
 * A virtual machine: made of grants and devices, run by one thread for each vCPU. {@link #run} may
 * be called once; the other methods are for any thread.
 */
public final class Vm implements AutoCloseable {
  /**
   * Bytes of heap that are kept for what follows the end of the vCPUs, which may have taken all the
   * rest.
   */
  private static final int RESERVE = 1 << 20;

  private static final byte[] NOTHING = {};

  private final DvDriver driver;
  private final VmConfig config;
  private final GuestRam ram;
  private final Stage2 stage2;
  private final GuestTime time = new GuestTime();
  private final Vcpus vcpus;
  private final Ending ending;
  private final Board board;
  private final Node tree;
  private final Boot boot;
  private final List<VcpuLoop> loops = new ArrayList<>();
  private volatile boolean stopped;

  @SuppressWarnings("UnusedVariable") // it keeps memory, for RESERVE
  private volatile byte[] reserve = NOTHING;

  private Vm(DvDriver driver, VmConfig config) {
    Capabilities capabilities = driver.capabilities();
    this.driver = driver;
    this.config = config;
    if (config.aia() && capabilities.interruptIdentities() == 0) {
      throw new IllegalArgumentException(
          "no AIA for the VM: its harts have no guest interrupt files");
    }
    driver.delegate(Delegation.RECOMMENDED);
    this.ram = GuestRam.grant(driver, MemoryMap.RAM, config.memoryBytes());
    Stage2Mode mode = Stage2Mode.choose(capabilities.stage2Modes(), ram.end());
    long granule = capabilities.grantGranule();
    long registers = config.aia() ? Stage2.registerTableBytes(mode) : 0;
    long tables =
        Stage2.tableBytes(ram, mode, config.largestLeaf()) + registers + granule - 1 & -granule;
    this.stage2 =
        new Stage2(mode, config.largestLeaf(), driver.grant(tables, Grant.Use.STAGE2_TABLES));
    stage2.prepare(ram);
    VcpuSetup setup = new VcpuSetup(capabilities, stage2.hugatp());
    this.vcpus =
        new Vcpus(config.cpus(), (i, waiting) -> new Vcpu(i, waiting, driver, time, setup));
    this.ending = new Ending(vcpus::end);
    vcpus.end(); // links what an end calls, which with a full heap could not be done; run resets it
    Optional<Imsics> imsics =
        config.aia()
            ? Optional.of(new Imsics(driver, stage2, ending, config.cpus()))
            : Optional.empty();
    this.board = new Board(config, vcpus, ram.memory(), ending, imsics);
    this.tree = DeviceTree.build(capabilities, config.cpus(), ram, board.bus(), config.aia());
    this.boot = new Boot(config.kernel(), config.initrd(), config.append(), config.random());
    for (Vcpu v : vcpus.all()) {
      Sbi sbi = new Sbi(v, vcpus, driver, ram, config.console(), config.debugConsole(), ending);
      Ipi ipi = new Ipi(v, vcpus);
      FastExits fastExits = sbi.fastExits();
      fastExits.doorbells(MemoryMap.virtio(0) + MmioLayout.QUEUE_NOTIFY, board.doorbells());
      stage2.offer(fastExits, ram);
      loops.add(
          new VcpuLoop(
              v,
              driver,
              ending,
              ram,
              stage2,
              board.bus(),
              sbi,
              ipi,
              fastExits,
              imsics,
              config.timed()));
    }
  }

  /**
   * Makes a VM; from now on it owns the driver and the devices of its configuration.
   *
   * @throws VmException with one line for the user, when the driver has no room for it
   */
  public static Vm create(DvDriver driver, VmConfig config) {
    try {
      return new Vm(driver, config);
    } catch (RuntimeException e) {
      try (driver) {
        config.virtio().forEach(VirtioDevice::close);
      }
      throw switch (e) {
        case DvException _ -> new VmException("cannot make the VM: " + e.getMessage());
        case IllegalArgumentException _ -> new VmException(String.valueOf(e.getMessage()));
        default -> e;
      };
    }
  }

  /**
   * Boots and runs until the VM ends, through reboots if the configuration allows them.
   *
   * @throws ImageException with one line for the user, when the images do not fit
   */
  public VmOutcome run() {
    if (driver.sharesHarts()) {
      warmUp();
    }
    while (true) {
      reset();
      if (stopped) {
        return new VmOutcome.Killed();
      }
      Boot.Entry entry = boot.load(ram, tree);
      vcpus.get(0).hsm().start(entry.pc(), entry.deviceTree());
      reserve = new byte[RESERVE];
      runThreads();
      reserve = NOTHING;
      config.console().flush();
      VmOutcome outcome = ending.outcome();
      if (!(outcome instanceof VmOutcome.Reboot(boolean warm)) || warm || !config.reboot()) {
        return outcome;
      }
    }
  }

  private void reset() {
    vcpus.all().forEach(Vcpu::reset);
    ending.clear();
    board.reset();
  }

  /** However it ends: what is wrong will be so for the guest too. */
  private void warmUp() {
    reset();
    if (stopped) {
      return;
    }
    try {
      long parameters = WarmUp.load(ram, !config.aia(), entropy());
      vcpus.get(0).hsm().start(ram.pieces().getFirst().gpa(), parameters);
      runThreads();
      board.reset(); // a request may be under way
      WarmUp.unload(ram);
      stage2.clear();
      stage2.prepare(ram);
    } catch (IllegalStateException e) { // the memory is gone: closed by another thread
      if (!stopped) {
        throw e;
      }
    }
    loops.forEach(VcpuLoop::forget);
    time.restart();
  }

  /** The slot of a device that can be asked for something without anybody noticing; -1 for none. */
  private int entropy() {
    for (int slot = 0; slot < config.virtio().size(); slot++) {
      if (config.virtio().get(slot) instanceof Rng) {
        return slot;
      }
    }
    return -1;
  }

  private void runThreads() {
    Thread[] threads = new Thread[loops.size()];
    for (int i = 0; i < threads.length; i++) { // all, before one runs and may fill the heap
      threads[i] = Thread.ofPlatform().name("vcpu-" + i).daemon().unstarted(loops.get(i));
    }
    try {
      for (Thread t : threads) {
        t.start();
      }
    } catch (OutOfMemoryError e) { // or no more threads
      ending.outOfMemory();
    }
    boolean interrupted = false;
    for (Thread t : threads) {
      while (t.isAlive()) {
        try {
          t.join();
        } catch (InterruptedException e) {
          interrupted = true;
          stop();
        }
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /** Ends the VM as if its power was cut; {@link #run} returns {@link VmOutcome.Killed}. */
  public void stop() {
    stopped = true;
    ending.end(new VmOutcome.Killed());
  }

  /** Makes all vCPUs stand still, and the guest's time with them; devices go on. */
  public void pause() {
    vcpus.all().forEach(Vcpu::pause);
  }

  /** Undoes {@link #pause}. */
  public void resume() {
    vcpus.all().forEach(Vcpu::resume);
  }

  /** Counters up to now. */
  public VmStats stats() {
    List<VmStats.Row> rows =
        Arrays.stream(ExitKind.values())
            .map(
                k ->
                    new VmStats.Row(
                        k,
                        loops.stream().mapToLong(l -> l.stats().count(k)).sum(),
                        loops.stream().mapToLong(l -> l.stats().nanoseconds(k)).sum()))
            .filter(r -> r.count() != 0)
            .toList();
    List<VmStats.Fast> fast =
        Arrays.stream(FastExits.Kind.values())
            .map(k -> new VmStats.Fast(k, fast(k)))
            .filter(f -> f.count() != 0)
            .toList();
    List<Long> leaves =
        List.of(
            stage2.leaves(0) + fast(FastExits.Kind.FAULT_4K),
            stage2.leaves(1) + fast(FastExits.Kind.FAULT_2M),
            stage2.leaves(2));
    return new VmStats(rows, fast, leaves);
  }

  private long fast(FastExits.Kind kind) {
    return loops.stream().mapToLong(l -> l.fastExits().count(kind)).sum();
  }

  /**
   * Gives everything back: devices first, which may still write to the memory, then the driver's
   * grants.
   */
  @Override
  public void close() {
    stop();
    board.close();
    driver.close();
  }
}
