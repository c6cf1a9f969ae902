package org.duvisor.hypervisor.boot;

import java.lang.foreign.MemorySegment;
import java.util.Optional;
import java.util.random.RandomGenerator;
import org.duvisor.devices.GuestMemory;
import org.duvisor.devices.fdt.Node;
import org.duvisor.devices.images.BootLayout;
import org.duvisor.devices.images.ImageException;
import org.duvisor.devices.images.Initrd;
import org.duvisor.devices.images.KernelImage;
import org.duvisor.hypervisor.stage2.GuestRam;

/** Puts images and device tree into memory, as often as the VM boots. */
public final class Boot {
  private static final int SEED_BYTES = 64;

  /**
   * Where the first vCPU starts.
   *
   * @param pc guest-physical entry point
   * @param deviceTree guest-physical address for a1
   */
  public record Entry(long pc, long deviceTree) {}

  private final KernelImage kernel;
  private final Optional<Initrd> initrd;
  private final String append;
  private final RandomGenerator random;

  /** A boot with these images; {@code random} seeds the guest's random numbers. */
  public Boot(KernelImage kernel, Optional<Initrd> initrd, String append, RandomGenerator random) {
    this.kernel = kernel;
    this.initrd = initrd;
    this.append = append;
    this.random = random;
  }

  /**
   * Loads everything.
   *
   * @param tree the device tree without /chosen, which is set here
   * @throws ImageException with one line when it does not fit
   */
  public Entry load(GuestRam ram, Node tree) {
    GuestMemory memory = ram.memory();
    GuestRam.Piece first = ram.pieces().getFirst();
    byte[] seed = new byte[SEED_BYTES];
    random.nextBytes(seed);
    long initrdBytes = initrd.map(Initrd::bytes).orElse(0L);
    // The places are of fixed width in the blob: its length is known before them.
    int blobBytes = DeviceTree.blob(tree, append, seed, 0, initrdBytes).length;
    BootLayout layout =
        BootLayout.place(
            first.gpa(),
            first.bytes(),
            offset(first),
            kernel.memoryBytes(),
            initrdBytes,
            blobBytes);
    long pc = kernel.load(memory, layout.kernel());
    initrd.ifPresent(i -> i.load(memory, layout.initrd()));
    byte[] blob = DeviceTree.blob(tree, append, seed, layout.initrd(), layout.initrdEnd());
    ram.slice(layout.dtb(), blob.length).copyFrom(MemorySegment.ofArray(blob));
    return new Entry(pc, layout.dtb());
  }

  private long offset(GuestRam.Piece ram) {
    if (!kernel.fixedAddress()) {
      return kernel.textOffset();
    }
    long offset = kernel.address() - ram.gpa();
    if (offset < 0 && offset + kernel.memoryBytes() > 0) {
      return 0; // the file's headers come before the program
    }
    if (offset < 0 || offset >= ram.bytes()) {
      throw new ImageException(
          "the kernel wants to be at 0x%x, where the VM has no RAM".formatted(kernel.address()));
    }
    return offset;
  }
}
