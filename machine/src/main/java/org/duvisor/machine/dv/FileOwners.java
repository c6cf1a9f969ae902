package org.duvisor.machine.dv;

import java.util.Arrays;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.duvisor.devices.Snapshot;

/**
 * The owner of every IMSIC guest interrupt file of a machine, by physical page (docs/dv-ext.md
 * 3.4). Written by the kernel through hdvgowner; consulted for accesses of guests on all harts.
 * Those are never cached, so that a change holds from the next access.
 */
public final class FileOwners {
  /** The owner of a file that belongs to nobody. */
  public static final int NOBODY = -1;

  /** Of a machine without guest interrupt files. */
  public static final FileOwners NONE = new FileOwners(0, 4096, 0, 0);

  private final long base;
  private final int hartStride;
  private final int harts;
  private final int guests;
  private final AtomicIntegerArray owners;
  private final Object[] locks;

  /**
   * All files belong to nobody.
   *
   * @param base address of hart 0's supervisor-level file; its guest files follow
   * @param hartStride bytes from one hart's files to the next one's
   * @param guests guest files of a hart (GEILEN)
   */
  public FileOwners(long base, int hartStride, int harts, int guests) {
    this.base = base;
    this.hartStride = hartStride;
    this.harts = harts;
    this.guests = guests;
    this.owners = new AtomicIntegerArray(harts * guests);
    this.locks = new Object[harts * guests];
    Arrays.setAll(locks, _ -> new Object());
    clear();
  }

  /** The VMID that owns a guest file (1 to GEILEN) of a hart, or {@link #NOBODY}. */
  public int owner(int hart, int guest) {
    return owners.get(hart * guests + guest - 1);
  }

  /**
   * Gives a guest file to a VMID, or to {@link #NOBODY}. A store of the owner until now has been
   * done, or will not be: see {@link #lock}.
   */
  public void owner(int hart, int guest, int vmid) {
    int file = hart * guests + guest - 1;
    synchronized (locks[file]) {
      owners.set(file, vmid);
    }
  }

  /**
   * What a guest's store to a file, at an address that {@link #isGuestFile}, holds from its look at
   * the owner until it is done.
   */
  public Object lock(long pa) {
    return locks[file(pa)];
  }

  /** Whether a physical address lies in the page of a guest file. */
  public boolean isGuestFile(long pa) {
    long offset = pa - base;
    if (Long.compareUnsigned(offset, (long) harts * hartStride) >= 0) {
      return false;
    }
    int page = (int) (offset % hartStride) >>> 12;
    return page >= 1 && page <= guests;
  }

  /** Whether the guest file at an address, which {@link #isGuestFile}, belongs to a VMID. */
  public boolean isOwner(long pa, long vmid) {
    return owners.get(file(pa)) == vmid;
  }

  private int file(long pa) {
    long offset = pa - base;
    return (int) (offset / hartStride) * guests + ((int) (offset % hartStride) >>> 12) - 1;
  }

  /** Takes all files from their owners. */
  public void clear() {
    for (int i = 0; i < owners.length(); i++) {
      owners.set(i, NOBODY);
    }
  }

  /** Takes the files of a hart from their owners. */
  public void clear(int hart) {
    for (int guest = 1; guest <= guests && hart < harts; guest++) {
      owner(hart, guest, NOBODY);
    }
  }

  /** Saves or restores the owners of a hart's files. */
  public void snapshot(Snapshot s, int hart) {
    for (int guest = 1; guest <= guests; guest++) {
      owner(hart, guest, s.number(owner(hart, guest), NOBODY, Posts.DOMAINS - 1));
    }
  }
}
