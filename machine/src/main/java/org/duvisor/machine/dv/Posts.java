package org.duvisor.machine.dv;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicLongArray;
import org.duvisor.devices.Snapshot;

/**
 * Interrupt posts: one 64-bit word per VMID, bit i = a post to vCPU i (docs/dv-ext.md 3.2). Kept in
 * the interrupt controller, so a post to a vCPU that is not resident anywhere waits for it.
 */
public final class Posts {
  /** Domains, as many as VMIDs. */
  public static final int DOMAINS = 1 << 14;

  /** A hart that may host a vCPU. */
  public interface Listener {
    /** Called when vCPUs of a domain got posts; from the poster's thread. */
    void posted(int vmid, long mask);
  }

  private final List<Listener> listeners = new CopyOnWriteArrayList<>();
  private final AtomicLongArray words = new AtomicLongArray(DOMAINS);

  /** Adds a hart. */
  public void attach(Listener listener) {
    listeners.add(listener);
  }

  /** The pending posts of a domain. */
  public long word(int vmid) {
    return words.get(vmid);
  }

  /** Whether a vCPU has a post. */
  public boolean pending(int vmid, int vcpu) {
    return (words.get(vmid) >>> vcpu & 1) != 0;
  }

  /** Posts to every vCPU of the mask, in the given domain only. */
  public void post(int vmid, long mask) {
    words.getAndUpdate(vmid, w -> w | mask);
    for (Listener l : listeners) {
      l.posted(vmid, mask);
    }
  }

  /** Takes one vCPU's post back. */
  public void clear(int vmid, int vcpu) {
    words.getAndUpdate(vmid, w -> w & ~(1L << vcpu));
  }

  /** Clears a domain, before its VMID is given to another VM. */
  public void clear(int vmid) {
    words.set(vmid, 0);
  }

  /** Saves or restores all. */
  public void snapshot(Snapshot s) {
    s.section("posts");
    for (int i = 0; i < DOMAINS; i++) {
      words.set(i, s.word(words.get(i)));
    }
  }
}
