package org.duvisor.platform.sim;

import java.util.Objects;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.duvisor.isa.Cause;
import org.duvisor.isa.Csr;
import org.duvisor.isa.Extension;
import org.duvisor.machine.Clock;
import org.duvisor.machine.Hart;
import org.duvisor.machine.Trap;
import org.duvisor.platform.Delegation;
import org.duvisor.platform.DvException;
import org.duvisor.platform.DvException.Reason;
import org.duvisor.platform.FastExits;
import org.duvisor.platform.Fence;
import org.duvisor.platform.HuHart;
import org.duvisor.platform.InterruptFile;
import org.duvisor.platform.RunDelay;

/**
 * A simulated hart with a vCPU resident on it. The hart itself decides what HU may do: this class
 * only executes instructions in HU-mode and plays the host kernel when the hart traps to HS.
 */
final class SimHuHart implements HuHart {
  /**
   * Instructions between two looks at timers; the interrupt latency of the embedded platform is of
   * this order.
   */
  private static final long QUANTUM = 20_000;

  private static final int SSIP = 1;
  private static final long PARK_NANOS = 100_000_000;

  private final SimDriver driver;
  private final Hart hart;
  private final int vcpu;
  private final Thread owner = Thread.currentThread();

  /**
   * Orders kept one by one; more are replaced by {@link #everything}: a guest may fence a vCPU that
   * never enters for ever.
   */
  private static final int MAX_ORDERS = 64;

  /** Work of the kernel for this hart, done by its thread outside the guest. */
  private final ConcurrentLinkedQueue<Consumer<SimHuHart>> orders = new ConcurrentLinkedQueue<>();

  private final AtomicInteger orderCount = new AtomicInteger();

  /** An order to load and forget everything, which includes all other orders. */
  private volatile boolean everything;

  private volatile boolean inGuest;
  private volatile boolean kicked;
  private final AtomicBoolean closed = new AtomicBoolean();

  /**
   * The guest interrupt file that the vCPU has, or 0. Under the lock of this object, so that no
   * message goes to the hart's next vCPU.
   */
  private int file;

  private final RunDelay delay = new RunDelay();

  SimHuHart(SimDriver driver, Hart hart, int vcpu) {
    this.driver = driver;
    this.hart = hart;
    this.vcpu = vcpu;
    hart.reset(0);
    hart.wire(SSIP, true); // links what a kick calls: it needs no memory later
    hart.wire(SSIP, false);
    load();
  }

  Thread owner() {
    return owner;
  }

  // ---- the kernel's part

  /** sched_in: everything the hart needs to know of this VM (docs/dv-ext.md, section 7). */
  private void load() {
    hart.setMode(Hart.M, false);
    long all = -1L;
    set(Csr.PMPADDR0, all);
    set(Csr.PMPCFG0, 0x1f);
    set(Csr.MEDELEG, all);
    set(Csr.MIDELEG, all);
    set(Csr.MIE, 1 << SSIP);
    set(Csr.MENVCFG, all);
    if (hart.config().extensions().has(Extension.SMSTATEEN)) {
      set(Csr.MSTATEEN0, all);
    }
    set(Csr.HENVCFG, 0);
    set(Csr.MCOUNTEREN, all);
    set(Csr.SCOUNTEREN, all);
    set(Csr.MSTATUS, 1 << 13); // FS: the thread may use floating point
    set(Csr.HDVVMID, driver.vmid());
    set(Csr.HDVVCPU, vcpu);
    set(Csr.HDVCTL, 3); // EN, HTR; posts raise USIP
    reload();
  }

  /** Loads delegation and windows anew and forgets what was translated under the old ones. */
  void reload() {
    hart.setMode(Hart.M, false);
    SimDriver.Setup s = driver.setup();
    Delegation d = s.delegation();
    set(Csr.SEDELEG, d.exceptionsToHu());
    set(Csr.SIDELEG, d.interruptsToHu());
    set(Csr.HEDELEG, d.exceptionsToGuest());
    set(Csr.HIDELEG, d.interruptsToGuest());
    for (int i = 0; i < s.windowBase().length; i++) {
      set(Csr.HDVWINSEL, i);
      set(Csr.HDVWINBASE, s.windowBase()[i]);
      set(Csr.HDVWINLIMIT, s.windowLimit()[i]);
    }
    hart.mmu().flushAll();
    hart.setMode(Hart.U, false);
  }

  /** Gives the file to nobody. */
  private synchronized void takeFile() {
    if (file != 0) {
      int mode = hart.privilege();
      hart.setMode(Hart.M, false);
      set(Csr.HDVGOWNER, -1);
      set(Csr.HDVGEIN, 0);
      hart.setMode(mode, false);
      file = 0;
    }
  }

  /** A message of any thread to the vCPU's file. */
  synchronized void message(int identity) {
    if (file != 0) {
      hart.supervisorFiles().get(file).post(identity);
    }
  }

  private synchronized boolean fileDelivers() {
    return file != 0 && hart.supervisorFiles().get(file).delivers();
  }

  private void set(int csr, long value) {
    hart.csrs().writeChecked(csr, value);
  }

  /**
   * Has the hart's thread do something before it next executes guest code. Returns when it is done,
   * or when it is certain to be done first.
   */
  void order(Consumer<SimHuHart> work) {
    if (Thread.currentThread() == owner) {
      work.accept(this);
      return;
    }
    if (orderCount.incrementAndGet() > MAX_ORDERS) {
      orderCount.decrementAndGet();
      everything = true;
      await(() -> !everything);
      return;
    }
    AtomicBoolean done = new AtomicBoolean();
    orders.add(
        hu -> {
          work.accept(hu);
          done.set(true);
        });
    await(done::get);
  }

  /**
   * Waits until the hart's thread has done an order or is out of the guest: it does all orders
   * before it enters again.
   */
  private void await(BooleanSupplier done) {
    int spins = 0;
    while (inGuest && !done.getAsBoolean()) {
      if (spins == 0) {
        hart.wire(SSIP, true);
      }
      if (++spins > 100) {
        Thread.yield();
      } else {
        Thread.onSpinWait();
      }
    }
  }

  void kick() {
    kicked = true;
    hart.wire(SSIP, true);
    LockSupport.unpark(owner);
  }

  /** The kernel's handler of its own IPI. */
  private void acknowledgeKick() {
    hart.wire(SSIP, false);
    kicked = false;
  }

  /** A fence of so many pages from the one with {@code start} on, or of everything. */
  void fence(Fence kind, long start, int pages, int asid) {
    switch (kind) {
      case FENCE_I -> fenceI();
      case GVMA -> fenceGvma(-1);
      case VVMA, VVMA_ASID -> {
        long space = kind == Fence.VVMA ? -1 : asid & 0xffff;
        if (pages == Fence.EVERYTHING) {
          fenceVvma(-1, space);
        }
        for (int i = 0; i < pages; i++) {
          hart.privileged().hufenceVvma(false, (start & -4096L) + i * 4096L, space);
        }
      }
    }
  }

  private void obey() {
    if (everything) {
      everything = false;
      reload();
      hart.fenceI();
    }
    Consumer<SimHuHart> work;
    while ((work = orders.poll()) != null) {
      orderCount.decrementAndGet();
      work.accept(this);
    }
  }

  // ---- the process's part

  @Override
  public int vcpu() {
    return vcpu;
  }

  /** The hart, for its vCPU's thread only: after unregistering it is another VM's. */
  private Hart own() {
    if (Thread.currentThread() != owner || closed.get()) {
      throw new DvException(Reason.GONE, "not the thread of this vCPU, or unregistered");
    }
    return hart;
  }

  /** Here an exit is a return from a Java method: there is nothing to gain. */
  @Override
  public void fastExits(FastExits exits) {}

  @Override
  public void enter() {
    own();
    driver.checkAlive();
    if ((csr(Csr.HUSTATUS) >>> 7 & 1) == 0) {
      throw new DvException(Reason.INVALID, "hustatus.SPV is 0: there is no guest to enter");
    }
    inGuest =
        true; // from here on an order waits until the guest is left, or sees that it was obeyed
    try {
      obey();
      driver.checkAlive();
      hart.enterGuest();
      while (!hart.hasLeft()) {
        hart.run(QUANTUM);
        if (hart.isWaiting()) {
          hart.park(PARK_NANOS);
        }
      }
    } catch (Trap refused) {
      throw new DvException(Reason.PERMISSION, "huret is illegal: hugatp.MODE is 0");
    } finally {
      inGuest = false;
    }
    if (hart.privilege() == Hart.S) {
      hostTrap();
    }
  }

  /**
   * A trap to HS: the reflection has already made it an exit for HU (docs/dv-ext.md, section 6).
   */
  private void hostTrap() {
    long cause = hart.csrs().readChecked(Csr.SCAUSE);
    long original = hart.csrs().readChecked(Csr.UTVAL);
    long address = hart.csrs().readChecked(Csr.STVAL);
    hart.setMode(Hart.U, false);
    if (cause == (Cause.INTERRUPT | SSIP)) {
      acknowledgeKick();
      return;
    }
    String what =
        "vCPU "
            + vcpu
            + ": "
            + Cause.name(cause < 0 ? cause : original)
            + " at 0x"
            + Long.toHexString(address);
    driver.kill("killed for a " + what);
    throw new DvException(Reason.GONE, "killed for a " + what);
  }

  @Override
  public long csr(int number) {
    try {
      return own().csrs().readChecked(number & 0xfff);
    } catch (Trap refused) {
      throw refused(number);
    }
  }

  @Override
  public void csr(int number, long value) {
    try {
      own().csrs().writeChecked(number & 0xfff, value);
    } catch (Trap refused) {
      throw refused(number);
    }
  }

  private static DvException refused(int number) {
    return new DvException(
        Reason.PERMISSION, "HU-mode may not access CSR " + Csr.name(number & 0xfff));
  }

  @Override
  public long x(int i) {
    return own().x(Objects.checkIndex(i, 32));
  }

  @Override
  public void x(int i, long value) {
    Hart h = own();
    if (Objects.checkIndex(i, 32) != 0) {
      h.x(i, value);
    }
  }

  @Override
  public void fenceGvma(long gpa) {
    own().privileged().hufenceGvma();
  }

  @Override
  public void fenceVvma(long gva, long asid) {
    own().privileged().hufenceVvma(gva == -1, gva, asid);
  }

  @Override
  public void fenceI() {
    own().fenceI();
  }

  /** Each hart of this host has one vCPU at a time: its first file is free. */
  @Override
  public synchronized InterruptFile claimFile() {
    Hart h = own();
    driver.checkAlive();
    if (file != 0) {
      throw new DvException(Reason.BUSY, "vCPU " + vcpu + " has an interrupt file");
    }
    InterruptFile claimed = new InterruptFile(1, driver.filePage(h, 1));
    file = claimed.number();
    h.supervisorFiles().get(file).reset();
    h.setMode(Hart.M, false);
    set(Csr.HDVGEIN, file);
    set(Csr.HDVGOWNER, driver.vmid());
    h.setMode(Hart.U, false);
    return claimed;
  }

  @Override
  public void returnFile() {
    own();
    takeFile();
  }

  @Override
  public void idle(long deadline) {
    Hart h = own();
    boolean hasFile = file != 0;
    while (!kicked && !(hasFile && fileDelivers())) {
      driver.checkAlive(); // the kick of its end may have ended the last entry
      h.rest();
      long ticks = deadline - h.time();
      if (deadline >= 0 && ticks <= 0) {
        return;
      }
      boolean far = deadline < 0 || ticks > PARK_NANOS / Clock.NANOS;
      long nanos = far ? PARK_NANOS : ticks * Clock.NANOS;
      if (hasFile) {
        h.await(nanos, this::fileDelivers);
      } else {
        LockSupport.parkNanos(this, nanos);
      }
    }
    acknowledgeKick();
    driver.checkAlive();
  }

  /** What this process's host says: the hart has no processor while its thread has none. */
  @Override
  public long stolenNanos() {
    own();
    return delay.nanos();
  }

  /** Gives the hart back: by its own thread, or by anyone when that thread has ended. */
  void release() {
    if (closed.compareAndSet(false, true)) {
      takeFile();
      delay.close();
      driver.unregister(this, hart);
    }
  }

  @Override
  public void close() {
    if (Thread.currentThread() != owner) {
      throw new DvException(Reason.INVALID, "a vCPU is unregistered by its own thread");
    }
    release();
  }
}
