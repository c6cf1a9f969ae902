package org.duvisor.machine.dv;

import org.duvisor.devices.Snapshot;

/**
 * The physical windows of the VM that is resident on a hart (vPMP, docs/dv-ext.md 3.1). Written by
 * the kernel only, through a selector; consulted on TLB fills.
 */
public final class Windows {
  /** Windows per hart. */
  public static final int COUNT = 16;

  /** Permission bits of the limit register. */
  public static final long READ = 1L << 60;

  /** Write permission. */
  public static final long WRITE = 1L << 61;

  /** Execute permission. */
  public static final long EXECUTE = 1L << 62;

  /** Stage-2 table permission: fetches and A/D updates of stage-2 PTEs. */
  public static final long TABLE = 1L << 63;

  private static final long UNITS = (1L << 44) - 1;
  private static final long PERMISSIONS = READ | WRITE | EXECUTE | TABLE;

  private final long[] base = new long[COUNT];
  private final long[] limit = new long[COUNT];

  /** hdvwinbase of a window, in 4 KiB units. */
  public long base(int window) {
    return base[window];
  }

  /** hdvwinlimit of a window: exclusive, 4 KiB units, with the permissions. */
  public long limit(int window) {
    return limit[window];
  }

  /** Writes hdvwinbase. */
  public void base(int window, long value) {
    base[window] = value & UNITS;
  }

  /** Writes hdvwinlimit. */
  public void limit(int window, long value) {
    limit[window] = value & (UNITS | PERMISSIONS);
  }

  /** Whether one window holds the page of {@code pa} and gives all of {@code permission}. */
  public boolean allow(long pa, long permission) {
    long unit = pa >>> 12;
    for (int i = 0; i < COUNT; i++) {
      if ((limit[i] & permission) == permission && unit >= base[i] && unit < (limit[i] & UNITS)) {
        return true;
      }
    }
    return false;
  }

  /** Closes all windows. */
  public void clear() {
    java.util.Arrays.fill(base, 0);
    java.util.Arrays.fill(limit, 0);
  }

  /** Saves or restores them. */
  public void snapshot(Snapshot s) {
    for (int i = 0; i < COUNT; i++) {
      base(i, s.word(base[i]));
      limit(i, s.word(limit[i]));
    }
  }
}
