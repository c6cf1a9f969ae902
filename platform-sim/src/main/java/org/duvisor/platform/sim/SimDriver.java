package org.duvisor.platform.sim;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.duvisor.machine.Hart;
import org.duvisor.machine.dv.Windows;
import org.duvisor.platform.Capabilities;
import org.duvisor.platform.Delegation;
import org.duvisor.platform.DvDriver;
import org.duvisor.platform.DvException;
import org.duvisor.platform.DvException.Reason;
import org.duvisor.platform.Fence;
import org.duvisor.platform.Grant;
import org.duvisor.platform.HuHart;
import org.jspecify.annotations.Nullable;

/**
 * The driver's twin: one VM. State that harts load when a vCPU becomes resident is replaced as a
 * whole ({@link Setup}); a vCPU that is in the guest when it changes is made to leave and load it
 * before it goes back.
 */
final class SimDriver implements DvDriver {
  /** What a vCPU's hart is loaded with; immutable. */
  record Setup(Delegation delegation, long[] windowBase, long[] windowLimit) {}

  private record Held(int window, long hpa, long bytes, Arena arena) {}

  private static final int NONE = -1;

  private final SimHost host;
  private final int vmid;
  private final Map<Grant, Held> grants = new HashMap<>();
  private final AtomicReferenceArray<@Nullable SimHuHart> vcpus =
      new AtomicReferenceArray<>(MAX_VCPUS);
  private volatile Setup setup =
      new Setup(new Delegation(0, 0, 0, 0), new long[Windows.COUNT], new long[Windows.COUNT]);
  private volatile boolean gone;
  private volatile String why = "the VM was closed";
  private boolean closed;
  private boolean vmidFreed;

  SimDriver(SimHost host) {
    this.host = host;
    this.vmid = host.allocateVmid();
  }

  int vmid() {
    return vmid;
  }

  Setup setup() {
    return setup;
  }

  @Override
  public Capabilities capabilities() {
    return host.capabilities();
  }

  @Override
  @SuppressWarnings(
      "restricted") // the slice's life ends with its arena, which is what revocation is
  public synchronized Grant grant(long bytes, Grant.Use use) {
    checkAlive();
    if (bytes <= 0 || bytes % SimHost.GRANULE != 0) {
      throw new DvException(Reason.INVALID, "a grant is a positive multiple of 2 MiB");
    }
    int window = freeWindow();
    if (window == NONE) {
      throw new DvException(Reason.LIMIT, "a VM has no more than " + Windows.COUNT + " grants");
    }
    long alignment = bytes >= 1 << 30 ? 1 << 30 : SimHost.GRANULE;
    long hpa;
    try {
      hpa = host.frames.allocate(bytes, alignment);
    } catch (DvException noLargeExtent) {
      hpa = host.frames.allocate(bytes, SimHost.GRANULE);
    }
    Arena arena = Arena.ofShared();
    Grant grant = new Grant(hpa, host.frames.segment(hpa, bytes).reinterpret(arena, null), use);
    grants.put(grant, new Held(window, hpa, bytes, arena));
    long permissions =
        switch (use) {
          case GUEST_MEMORY -> Windows.READ | Windows.WRITE | Windows.EXECUTE;
          case STAGE2_TABLES -> Windows.TABLE;
        };
    setWindow(window, hpa >>> 12, (hpa + bytes) >>> 12 | permissions);
    return grant;
  }

  private int freeWindow() {
    for (int i = 0; i < Windows.COUNT; i++) {
      if (setup.windowLimit[i] == 0) {
        return i;
      }
    }
    return NONE;
  }

  private void setWindow(int window, long base, long limit) {
    Setup s = setup;
    long[] bases = s.windowBase.clone();
    long[] limits = s.windowLimit.clone();
    bases[window] = base;
    limits[window] = limit;
    change(new Setup(s.delegation, bases, limits));
  }

  /** Puts a new setup in force on every hart before returning. */
  private void change(Setup next) {
    setup = next;
    for (int i = 0; i < MAX_VCPUS; i++) {
      SimHuHart v = vcpus.get(i);
      if (v != null) {
        v.order(SimHuHart::reload);
      }
    }
  }

  @Override
  public void revoke(Grant grant) {
    if (!revokes(grant)) {
      throw new DvException(Reason.INVALID, "not a grant of this VM");
    }
  }

  private boolean revokes(Grant grant) {
    Held held;
    synchronized (this) {
      held = grants.remove(grant);
      if (held == null) {
        return false;
      }
      setWindow(held.window, 0, 0);
    }
    host.reclaim(held.arena, held.hpa, held.bytes);
    return true;
  }

  @Override
  public synchronized void delegate(Delegation delegation) {
    checkAlive();
    if (!delegation.isLegal()) {
      throw new DvException(Reason.PERMISSION, "delegation outside the legal masks");
    }
    change(new Setup(delegation, setup.windowBase, setup.windowLimit));
  }

  @Override
  public HuHart register(int vcpu) {
    if (vcpu < 0 || vcpu >= MAX_VCPUS || Thread.currentThread().isVirtual()) {
      throw new DvException(Reason.INVALID, "a vCPU is 0..63 and a platform thread");
    }
    host.reap();
    reap();
    synchronized (this) {
      checkAlive();
      if (vcpus.get(vcpu) != null) {
        throw new DvException(Reason.BUSY, "vCPU " + vcpu + " is registered");
      }
      SimHuHart hu = new SimHuHart(this, host.claimHart(), vcpu);
      vcpus.set(vcpu, hu);
      return hu;
    }
  }

  /**
   * Takes a vCPU out of the VM: called once, by its thread or after the death of its thread, so
   * nobody uses the hart any more.
   */
  void unregister(SimHuHart hu, Hart hart) {
    vcpus.set(hu.vcpu(), null);
    host.returnHart(hart, hu.owner());
    freeVmidOfTheLast();
  }

  /** Unregisters the vCPUs whose threads have ended, as the kernel does when a thread exits. */
  void reap() {
    for (int i = 0; i < MAX_VCPUS; i++) {
      SimHuHart v = vcpus.get(i);
      if (v != null && !v.owner().isAlive()) {
        v.release();
      }
    }
  }

  private synchronized void freeVmidOfTheLast() {
    if (!closed || vmidFreed) {
      return;
    }
    for (int i = 0; i < MAX_VCPUS; i++) {
      if (vcpus.get(i) != null) {
        return;
      }
    }
    vmidFreed = true;
    host.freeVmid(this, vmid);
  }

  @Override
  public void written(MemorySegment part) {
    host.memory.code().written(part);
  }

  @Override
  public void kick(int vcpu) {
    SimHuHart v = vcpu >= 0 && vcpu < MAX_VCPUS ? vcpus.get(vcpu) : null;
    if (v != null) {
      v.kick();
    }
  }

  @Override
  public void message(int vcpu, int identity) {
    SimHuHart v = vcpu >= 0 && vcpu < MAX_VCPUS ? vcpus.get(vcpu) : null;
    if (v != null) {
      v.message(identity);
    }
  }

  /** Physical address of a guest interrupt file's page. */
  long filePage(Hart hart, int file) {
    return host.filePage(hart, file);
  }

  @Override
  public void fence(Fence kind, long mask, long start, long size, int asid) {
    int pages = Fence.pages(start, size);
    for (long rest = mask; rest != 0; rest &= rest - 1) {
      SimHuHart v = vcpus.get(Long.numberOfTrailingZeros(rest));
      if (v != null) {
        v.order(target -> target.fence(kind, start, pages, asid));
      }
    }
  }

  /** Throws when the VM is gone. */
  void checkAlive() {
    if (gone) {
      throw new DvException(Reason.GONE, why);
    }
  }

  /** Ends the VM for what its hypervisor or guest did; what a SIGILL of the process is on Linux. */
  void kill(String reason) {
    if (!gone) {
      why = reason;
      gone = true;
      kickAll();
    }
  }

  private void kickAll() {
    for (int i = 0; i < MAX_VCPUS; i++) {
      kick(i);
    }
  }

  /**
   * Ends the VM without waiting for its threads. The grants go at once: harts that are in the guest
   * leave it first, and none enters again. A vCPU of another thread stays registered until that
   * thread has seen that the VM is gone and unregisters, or has ended; the VMID is free when the
   * last one is out.
   */
  @Override
  public void close() {
    synchronized (this) {
      if (closed) {
        return;
      }
      closed = true;
      gone = true;
      host.lingers(this);
    }
    kickAll();
    for (Grant g : held()) {
      revokes(g); // another thread may be revoking it
    }
    for (int i = 0; i < MAX_VCPUS; i++) {
      SimHuHart v = vcpus.get(i);
      if (v != null && v.owner() == Thread.currentThread()) {
        v.close();
      }
    }
    reap();
    freeVmidOfTheLast();
  }

  private synchronized Grant[] held() {
    return grants.keySet().toArray(Grant[]::new);
  }
}
