package org.duvisor.devices;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Windows of devices in an address space. Built before the machine runs, then read without locks by
 * all harts.
 */
public final class MmioBus {
  /** A device at its place. */
  public record Window(long base, long size, Device device, int irq) {
    /** Whether an access of {@code width} bytes at {@code address} lies inside. */
    public boolean contains(long address, int width) {
      return Long.compareUnsigned(address - base, size - width) <= 0;
    }
  }

  private static final int RECENT = 32;

  private Window[] windows = new Window[0];

  /** Those that were found last, by whatever hart, at {@link #place}. */
  private final @Nullable Window[] recent = new Window[RECENT];

  /**
   * Adds a device.
   *
   * @param irq interrupt number at the PLIC for the device tree, 0 for none
   * @throws IllegalArgumentException when the window overlaps another or is shorter than the widest
   *     access
   */
  public void add(long base, Device device, int irq) {
    Window added = new Window(base, device.size(), device, irq);
    if (added.size() < Long.BYTES) {
      throw new IllegalArgumentException("window too short at 0x" + Long.toHexString(base));
    }
    for (Window w : windows) {
      if (base < w.base() + w.size() && w.base() < base + added.size()) {
        throw new IllegalArgumentException("windows overlap at 0x" + Long.toHexString(base));
      }
    }
    Window[] grown = Arrays.copyOf(windows, windows.length + 1);
    grown[windows.length] = added;
    windows = grown;
  }

  /** The window that holds the whole access, or null when nothing answers there. */
  public @Nullable Window find(long address, int width) {
    Window w = recent[place(address)];
    return w != null && w.contains(address, width) ? w : search(address, width);
  }

  /** Pages that devices have differ in bits 12 to 16 or, within large windows, in 20 to 24. */
  private static int place(long address) {
    return (int) (address >>> 12 ^ address >>> 20) & RECENT - 1;
  }

  private @Nullable Window search(long address, int width) {
    for (Window w : windows) {
      if (w.contains(address, width)) {
        recent[place(address)] = w;
        return w;
      }
    }
    return null;
  }

  /**
   * Resets all devices, the last one added first: an interrupt controller, added before those whose
   * lines it has, does not keep an interrupt of theirs.
   */
  public void reset() {
    for (int i = windows.length - 1; i >= 0; i--) {
      windows[i].device().reset();
    }
  }

  /** All windows in the order they were added. */
  public Window[] windows() {
    return windows.clone();
  }
}
