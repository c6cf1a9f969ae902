package org.duvisor.hypervisor.interrupts;

import java.util.concurrent.Phaser;
import org.duvisor.devices.Device;
import org.duvisor.devices.Snapshot;
import org.duvisor.devices.aia.Imsic;
import org.duvisor.devices.fdt.Node;
import org.duvisor.hypervisor.boot.DeviceTree;
import org.duvisor.hypervisor.boot.MemoryMap;
import org.duvisor.hypervisor.stage2.Stage2;
import org.duvisor.hypervisor.vcpu.Power;
import org.duvisor.hypervisor.vcpu.Vcpu;
import org.duvisor.isa.Cause;
import org.duvisor.platform.DvDriver;
import org.duvisor.platform.DvException;
import org.duvisor.platform.InterruptFile;

/**
 * The IMSICs of a VM: each is a guest interrupt file of the hart under its vCPU, and the guest has
 * their pages where a board has them. Its inter-processor interrupts and those of devices need no
 * exit.
 *
 * <p>A guest that stores to a page whose file was given back violates its windows: files are all
 * there before the first vCPU enters, and until the last has left.
 */
public final class Imsics extends Device {
  private final DvDriver driver;
  private final Stage2 stage2;
  private final Power power;
  private final int cpus;
  private final Phaser together;

  /** Without files, which the vCPUs' threads claim. */
  public Imsics(DvDriver driver, Stage2 stage2, Power power, int cpus) {
    this.driver = driver;
    this.stage2 = stage2;
    this.power = power;
    this.cpus = cpus;
    this.together = new Phaser(cpus);
  }

  /**
   * The vCPU's own thread, before its first entry: claims its file, and returns when all vCPUs have
   * theirs. Where there is none, the VM ends.
   */
  public void claim(Vcpu vcpu) {
    try {
      InterruptFile file = vcpu.hart().claimFile();
      stage2.mapRegisters(MemoryMap.IMSIC + (long) Imsic.PAGE * vcpu.index(), file.hpa());
      vcpu.interruptFile(file.number());
    } catch (DvException e) {
      power.refuse("no AIA for vCPU %d: %s".formatted(vcpu.index(), e.getMessage()));
      abandon();
    }
    together.arriveAndAwaitAdvance();
  }

  /** The vCPU's own thread, after its last entry: returns when all vCPUs have left. */
  public void leave() {
    together.arriveAndAwaitAdvance();
  }

  /** Nobody waits for the others any more: the VM has ended in a way that needs no care. */
  public void abandon() {
    together.forceTermination();
  }

  /** Sends a message-signalled interrupt to where the guest has an IMSIC; from any thread. */
  public void send(long address, int identity) {
    long offset = address - MemoryMap.IMSIC;
    if (Long.compareUnsigned(offset, size()) < 0) {
      driver.message((int) (offset / Imsic.PAGE), identity);
    }
  }

  @Override
  public long size() {
    return (long) Imsic.PAGE * cpus;
  }

  /** The pages are mapped: only a fault that hardware makes up comes here. */
  @Override
  public long read(long offset, int width) {
    return 0;
  }

  @Override
  public void write(long offset, int width, long value) {
    if (width == 4 && offset % Imsic.PAGE == 0) {
      send(MemoryMap.IMSIC + offset, (int) value);
    }
  }

  /** A file is reset by its vCPU. */
  @Override
  public void reset() {}

  /** Whose they are only the host knows. */
  @Override
  public void snapshot(Snapshot s) {
    throw s.refused("a guest has interrupt files of the host's");
  }

  @Override
  public void describe(Node soc, long base, int irq, int controller) {
    Imsic.node(soc, base, cpus, 0, DeviceTree.cpu(0), Cause.SUPERVISOR_EXTERNAL)
        .cells("riscv,num-ids", driver.capabilities().interruptIdentities())
        .cells("phandle", DeviceTree.IMSIC);
  }
}
