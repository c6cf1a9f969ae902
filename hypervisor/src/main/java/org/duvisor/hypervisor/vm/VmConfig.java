package org.duvisor.hypervisor.vm;

import java.security.SecureRandom;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.random.RandomGenerator;
import org.duvisor.devices.Timers;
import org.duvisor.devices.chardev.CharBackend;
import org.duvisor.devices.images.Initrd;
import org.duvisor.devices.images.KernelImage;
import org.duvisor.hypervisor.boot.MemoryMap;
import org.duvisor.platform.DvDriver;
import org.duvisor.virtio.VirtioDevice;

/**
 * What a VM is made of.
 *
 * @param kernel what it boots
 * @param initrd its initial RAM disk
 * @param append the kernel's command line
 * @param cpus 1..64
 * @param aia whether interrupts come by an APLIC and IMSICs, which are guest interrupt files of the
 *     harts, and not by a PLIC
 * @param memoryBytes RAM, a multiple of 2 MiB
 * @param virtio its virtio devices in the order of their slots; the VM owns and closes them
 * @param console the other end of its UART and of the SBI console
 * @param debugConsole whether SBI calls reach the console too; Linux makes that its hvc0
 * @param clock its real-time clock
 * @param timers alarms of that clock
 * @param random seed of its random numbers
 * @param largestLeaf largest stage-2 leaf in bytes: 4 KiB, 2 MiB or 1 GiB
 * @param timed whether the time that exits take is measured
 * @param reboot whether it boots again when the guest asks for a cold restart
 */
public record VmConfig(
    KernelImage kernel,
    Optional<Initrd> initrd,
    String append,
    int cpus,
    boolean aia,
    long memoryBytes,
    List<VirtioDevice> virtio,
    CharBackend console,
    boolean debugConsole,
    InstantSource clock,
    Timers timers,
    RandomGenerator random,
    long largestLeaf,
    boolean timed,
    boolean reboot) {
  private static final long MIB = 1 << 20;

  /**
   * Checks ranges.
   *
   * @throws VmException with one line for the user
   */
  public VmConfig {
    virtio = List.copyOf(virtio);
    check(cpus, memoryBytes);
    if (virtio.size() > MemoryMap.VIRTIO_SLOTS) {
      throw new VmException("too many virtio devices: " + virtio.size());
    }
    if (largestLeaf != 4096 && largestLeaf != 2 * MIB && largestLeaf != 1024 * MIB) {
      throw new VmException("the largest stage-2 leaf is 4 KiB, 2 MiB or 1 GiB");
    }
  }

  /**
   * Checks what can be without a kernel.
   *
   * @throws VmException with one line for the user
   */
  public static void check(int cpus, long memoryBytes) {
    if (cpus < 1 || cpus > DvDriver.MAX_VCPUS) {
      throw new VmException("a VM has 1 to " + DvDriver.MAX_VCPUS + " vCPUs, not " + cpus);
    }
    if (memoryBytes < 2 * MIB || memoryBytes % (2 * MIB) != 0 || memoryBytes > 1L << 40) {
      throw new VmException("the memory of a VM is a multiple of 2 MiB, at most 1 TiB");
    }
  }

  /**
   * A VM with one vCPU, 128 MiB and no devices that forgets what it prints; the rest is set by the
   * builder.
   */
  public static Builder of(KernelImage kernel) {
    return new Builder(kernel);
  }

  /** Sets one thing at a time. */
  public static final class Builder {
    private final KernelImage kernel;
    private Optional<Initrd> initrd = Optional.empty();
    private String append = "";
    private int cpus = 1;
    private boolean aia;
    private long memoryBytes = 128 * MIB;
    private List<VirtioDevice> virtio = List.of();
    private CharBackend console = CharBackend.none();
    private boolean debugConsole = true;
    private InstantSource clock = InstantSource.system();
    private Timers timers = Timers.never();
    private RandomGenerator random = new SecureRandom();
    private long largestLeaf = 1024 * MIB;
    private boolean timed;
    private boolean reboot = true;

    private Builder(KernelImage kernel) {
      this.kernel = kernel;
    }

    /** See {@link VmConfig}; the same holds for the others. */
    public Builder initrd(Initrd value) {
      initrd = Optional.of(value);
      return this;
    }

    /** The kernel's command line. */
    public Builder append(String value) {
      append = value;
      return this;
    }

    /** How many vCPUs. */
    public Builder cpus(int value) {
      cpus = value;
      return this;
    }

    /** Whether there is AIA. */
    public Builder aia(boolean value) {
      aia = value;
      return this;
    }

    /** RAM in bytes. */
    public Builder memoryBytes(long value) {
      memoryBytes = value;
      return this;
    }

    /** The virtio devices. */
    public Builder virtio(List<VirtioDevice> value) {
      virtio = value;
      return this;
    }

    /** The console. */
    public Builder console(CharBackend value) {
      console = value;
      return this;
    }

    /** Whether there is the SBI debug console. */
    public Builder debugConsole(boolean value) {
      debugConsole = value;
      return this;
    }

    /** Wall-clock time and its alarms. */
    public Builder clock(InstantSource value, Timers alarms) {
      clock = value;
      timers = alarms;
      return this;
    }

    /** The source of the guest's seed. */
    public Builder random(RandomGenerator value) {
      random = value;
      return this;
    }

    /** The largest stage-2 leaf. */
    public Builder largestLeaf(long value) {
      largestLeaf = value;
      return this;
    }

    /** Whether exits are timed. */
    public Builder timed(boolean value) {
      timed = value;
      return this;
    }

    /** Whether the VM may boot again. */
    public Builder reboot(boolean value) {
      reboot = value;
      return this;
    }

    /** The configuration. */
    public VmConfig build() {
      return new VmConfig(
          kernel,
          initrd,
          append,
          cpus,
          aia,
          memoryBytes,
          virtio,
          console,
          debugConsole,
          clock,
          timers,
          random,
          largestLeaf,
          timed,
          reboot);
    }
  }
}
