package org.duvisor.virtio;

import org.duvisor.devices.Device;
import org.duvisor.devices.Snapshot;
import org.duvisor.devices.fdt.Node;

/**
 * A place for a virtio device where none is: all it tells is that its device has the id 0 (4.2.2).
 */
public final class EmptySlot extends Device {
  @Override
  public long size() {
    return VirtioMmio.PAGE;
  }

  @Override
  public long read(long offset, int width) {
    if (width != 4) {
      return 0;
    }
    return switch ((int) offset) {
      case MmioLayout.MAGIC -> VirtioMmio.MAGIC;
      case MmioLayout.VERSION -> VirtioMmio.MODERN;
      case MmioLayout.VENDOR_ID -> VirtioMmio.VENDOR;
      default -> 0;
    };
  }

  @Override
  public void write(long offset, int width, long value) {}

  @Override
  public void reset() {}

  /** It has no state. */
  @Override
  public void snapshot(Snapshot s) {}

  @Override
  public void describe(Node soc, long base, int irq, int plic) {
    VirtioMmio.describe(soc, base, VirtioMmio.PAGE, irq, plic);
  }
}
