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

  /** Sees accesses to devices, on the threads that make them. */
  public interface Observer {
    /**
     * A device has answered.
     *
     * @param offset of the access in the window
     * @param width in bytes: 1, 2, 4 or 8
     * @param write whether the value was written
     */
    void accessed(Window window, long offset, int width, boolean write, long value);
  }

  private static final int RECENT = 32;

  private Window[] windows = new Window[0];
  private @Nullable Observer observer;

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

  /** Sets who sees accesses from now on; null for nobody. */
  public void observer(@Nullable Observer value) {
    observer = value;
  }

  /** Reads from the device of a window that holds the whole access. */
  public long read(Window window, long address, int width) {
    long offset = address - window.base();
    long value = window.device().read(offset, width);
    Observer o = observer;
    if (o != null) {
      o.accessed(window, offset, width, false, value);
    }
    return value;
  }

  /** Writes to the device of a window that holds the whole access. */
  public void write(Window window, long address, int width, long value) {
    long offset = address - window.base();
    window.device().write(offset, width, value);
    Observer o = observer;
    if (o != null) {
      o.accessed(window, offset, width, true, value);
    }
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
