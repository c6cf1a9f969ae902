package org.duvisor.platform.sim;

import java.util.List;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.duvisor.devices.Device;
import org.duvisor.devices.Snapshot;
import org.duvisor.devices.aia.Imsic;
import org.duvisor.devices.aia.ImsicFile;
import org.duvisor.devices.fdt.Node;
import org.duvisor.isa.Cause;
import org.duvisor.machine.Hart;
import org.duvisor.machine.dv.FileOwners;
import org.jspecify.annotations.Nullable;

/** The pages of the interrupt files of a host's harts, which are made as they are needed. */
final class FilePages extends Device {
  private final long base;
  private final int stride;
  private final FileOwners owners;
  private final AtomicReferenceArray<@Nullable Imsic> imsics;

  /**
   * Pages of nothing yet.
   *
   * @param base where hart 0 has its own file, which its guest files follow
   * @param guestFiles guest files of a hart, at least 1
   */
  FilePages(long base, int harts, int guestFiles) {
    this.base = base;
    this.stride = Imsic.PAGE << 32 - Integer.numberOfLeadingZeros(guestFiles);
    this.owners = new FileOwners(base, stride, harts, guestFiles);
    this.imsics = new AtomicReferenceArray<>(harts);
  }

  /** Puts a hart's files in their place. */
  void add(Hart hart) {
    hart.owners(owners);
    List<List<ImsicFile>> files = List.of(hart.supervisorFiles());
    imsics.set(hart.id(), new Imsic(files, 0, Cause.SUPERVISOR_EXTERNAL, 0));
  }

  /** Physical address of a guest file's page. */
  long page(int hart, int file) {
    return base + (long) hart * stride + (long) file * Imsic.PAGE;
  }

  @Override
  public long size() {
    return (long) imsics.length() * stride;
  }

  @Override
  public long read(long offset, int width) {
    return 0;
  }

  @Override
  public void write(long offset, int width, long value) {
    Imsic imsic = imsics.get((int) (offset / stride));
    if (imsic != null) {
      imsic.write(offset % stride, width, value);
    }
  }

  @Override
  public void reset() {}

  /** Whose they are only the host knows. */
  @Override
  public void snapshot(Snapshot s) {
    throw s.refused("a guest has interrupt files of the host's");
  }

  /** No guest of this host sees its device tree. */
  @Override
  public void describe(Node soc, long at, int irq, int controller) {}
}
