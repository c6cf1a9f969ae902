package org.duvisor.hypervisor.vcpu;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.atomic.AtomicLongArray;
import org.duvisor.isa.Cause;
import org.duvisor.isa.Csr;
import org.duvisor.isa.CsrField;
import org.duvisor.platform.DvDriver;
import org.duvisor.platform.HuHart;
import org.jspecify.annotations.Nullable;

/**
 * A virtual CPU. Its own thread runs it; only the methods that say so may be called by others, and
 * those set volatile flags and kick. Its registers are those of the hart, see {@link #hart()}.
 */
public final class Vcpu {
  private static final int END = 1;
  private static final int PAUSE = 2;
  private static final int HALT = 4;
  private static final VarHandle REQUESTS;

  /** What a suspended hart keeps. */
  private static final int[] KEPT = {
    Csr.HUVSTIMECMP, Csr.HUVSIE, Csr.HUVIP, Csr.HUENVCFG, Csr.HUCOUNTEREN
  };

  static {
    try {
      REQUESTS = MethodHandles.lookup().findVarHandle(Vcpu.class, "requests", int.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private final int index;
  private final Waiting waiting;
  private final long[] kept = new long[KEPT.length];
  private final DvDriver driver;
  private final GuestTime time;
  private final VcpuSetup setup;
  private final Hsm hsm = new Hsm();
  private final AtomicLongArray events = new AtomicLongArray(FirmwareEvent.values().length);
  private @Nullable HuHart hart;

  /** hustatus.VGEIN, in its place. */
  private long vgein;

  private volatile @Nullable Thread thread;
  private volatile int requests;
  private volatile boolean external;
  private boolean externalShown;
  private volatile boolean paused;

  /** A stopped vCPU. */
  public Vcpu(int index, Waiting waiting, DvDriver driver, GuestTime time, VcpuSetup setup) {
    this.index = index;
    this.waiting = waiting;
    this.driver = driver;
    this.time = time;
    this.setup = setup;
  }

  /** Index in the VM, and hart id. */
  public int index() {
    return index;
  }

  /** Its HSM state; any thread. */
  public Hsm hsm() {
    return hsm;
  }

  /** Counts events that the hypervisor has seen; any thread. */
  public void count(FirmwareEvent event, long times) {
    events.getAndAdd(event.ordinal(), times);
  }

  /** How often {@link #count} has counted an event since the VM was made; any thread. */
  public long counted(FirmwareEvent event) {
    return events.get(event.ordinal());
  }

  /** Gives it the hart it runs on; the calling thread is the vCPU's from now on. */
  public void attach(HuHart ownHart) {
    hart = ownHart;
    vgein = 0;
    thread = Thread.currentThread();
  }

  /** Gives it the guest interrupt file with this number; its own thread, after {@link #attach}. */
  public void interruptFile(int number) {
    vgein = CsrField.set(0, Csr.HUSTATUS_VGEIN, number);
  }

  /** The hart; the vCPU's own thread, after {@link #attach}. */
  public HuHart hart() {
    HuHart h = hart;
    if (h == null) {
      throw noThread();
    }
    return h;
  }

  private IllegalStateException noThread() {
    return new IllegalStateException("vCPU " + index + " has no thread");
  }

  /** Whether it has a guest interrupt file; its own thread. */
  public boolean hasInterruptFile() {
    return vgein != 0;
  }

  // ---- requests of other threads

  /** Any thread: leaves the guest for good. */
  public void end() {
    request(END);
  }

  /**
   * Any thread, while the vCPU has none of its own: forgets how it ended, before the VM boots
   * again.
   */
  public void reset() {
    REQUESTS.getAndBitwiseAnd(this, PAUSE);
    hsm.reset();
    external = false;
  }

  /** Any thread: stands still after the current exit until {@link #resume}. */
  public void pause() {
    request(PAUSE);
  }

  /** Any thread: undoes {@link #pause}. */
  public void resume() {
    REQUESTS.getAndBitwiseAnd(this, ~PAUSE);
    kick();
  }

  /** Any thread: whether it stands still because of {@link #pause}. */
  public boolean isPaused() {
    return paused;
  }

  /** Any thread: makes it leave the guest or end its waiting. */
  public void kick() {
    if (Thread.currentThread() != thread) {
      driver.kick(index);
    }
  }

  /**
   * Any thread: ends its waiting, if it is waiting, after something it waits for was made to
   * happen.
   */
  public void wake() {
    VarHandle.fullFence();
    if (waiting.has(index)) {
      kick();
    }
  }

  /** Any thread: the level of its external interrupt. A fall is seen at the next exit. */
  public void external(boolean level) {
    if (external != level) {
      external = level;
      if (level) {
        kick();
      }
    }
  }

  private void request(int bit) {
    REQUESTS.getAndBitwiseOr(this, bit);
    kick();
  }

  // ---- its own thread: starting, running, waiting

  /**
   * Waits in the stopped state for a start, and makes the hart ready for it; false when the VM ends
   * instead.
   */
  public boolean awaitStart() {
    REQUESTS.getAndBitwiseAnd(this, ~HALT);
    if (vgein != 0) {
      hart().csr(Csr.HUSTATUS, vgein);
      InterruptRegisters.clear(hart()); // a hart that is stopped does not wake up for messages
    }
    while ((requests & END) == 0) {
      if (hsm.isStartPending()) {
        hart().csr(Csr.VIPICLR, 1L << index);
        start(hsm.address(), hsm.opaque());
        hsm.started();
        return true;
      }
      if ((requests & PAUSE) != 0) {
        standStill();
      } else {
        idle(-1);
      }
    }
    return false;
  }

  /**
   * Puts the hart in the state in which HSM starts and resumes harts (SBI 3.0, section 9.1), with
   * no interrupt pending.
   */
  private void start(long address, long opaque) {
    HuHart h = hart();
    setup.apply(h, time.delta(h.csr(Csr.TIME)));
    externalShown = false;
    for (int i = 1; i < 32; i++) {
      h.x(i, 0);
    }
    h.x(10, index);
    h.x(11, opaque);
    h.csr(Csr.UEPC, address);
    h.csr(Csr.HUSTATUS, Csr.HUSTATUS_SPV | Csr.HUSTATUS_SPVP | Csr.HUSTATUS_VTW | vgein);
  }

  /**
   * As {@link #start}, for a hart that was suspended and forgot its state; its interrupts and what
   * it has set by SBI calls stay (SBI 3.0, chapter 18).
   */
  public void resume(long address, long opaque) {
    HuHart h = hart();
    for (int i = 0; i < KEPT.length; i++) {
      kept[i] = h.csr(KEPT[i]);
    }
    start(address, opaque);
    for (int i = 0; i < KEPT.length; i++) {
      h.csr(KEPT[i], kept[i]);
    }
    long pending = h.csr(Csr.HUVIP);
    externalShown = (pending & Csr.HUVIP_VSEI) != 0;
  }

  /** The vCPU stops itself: it will not enter the guest again before the next start. */
  public void halt() {
    hsm.stopped();
    REQUESTS.getAndBitwiseOr(this, HALT);
  }

  /**
   * To be called before each entry: shows the guest its interrupts; false when it may not be
   * entered again.
   */
  public boolean ready() {
    return requests == 0 && external == externalShown || getReady();
  }

  private boolean getReady() {
    while (requests != 0) {
      if ((requests & (END | HALT)) != 0) {
        return false;
      }
      standStill();
    }
    if (external != externalShown) {
      showExternal();
    }
    return true;
  }

  /**
   * Waits as WFI does: until an interrupt that the guest enabled is pending, whatever its SIE says,
   * or until another thread wants something.
   */
  public void waitForInterrupt() {
    waiting.begin(index);
    VarHandle.fullFence();
    try {
      HuHart h = hart();
      if (external != externalShown) {
        showExternal();
      }
      long until = deadline(h); // before the look: what goes off in between is pending then
      if (requests == 0 && !hasPost() && !isInterrupted()) {
        idle(until);
      }
    } finally {
      waiting.end(index);
    }
  }

  /** Whether a post is pending, which the guest does not see before it is taken. */
  public boolean hasPost() {
    return (hart().csr(Csr.HUIP) & Csr.HUIP_USI) != 0;
  }

  /** Whether an interrupt that the guest enabled is pending, whatever its SIE says. */
  public boolean isInterrupted() {
    return (hart().csr(Csr.HUVSIP) & hart().csr(Csr.HUVSIE)) != 0;
  }

  /** When the guest's timer goes off, as host time; -1 when it does not. One that is off: now. */
  private static long deadline(HuHart h) {
    if ((h.csr(Csr.HUVSIE) & Csr.VSIE_STI) == 0) {
      return -1;
    }
    long now = h.csr(Csr.TIME);
    long guestNow = now + h.csr(Csr.HUTIMEDELTA);
    long at = h.csr(Csr.HUVSTIMECMP);
    if (Long.compareUnsigned(at, guestNow) <= 0) {
      return now;
    }
    long until = now + (at - guestNow);
    return Long.compareUnsigned(until, now) < 0 ? -1 : until;
  }

  private void idle(long deadline) {
    hart().idle(deadline);
  }

  private void standStill() {
    HuHart h = hart();
    time.pause(h.csr(Csr.TIME));
    paused = true;
    long delivery = vgein == 0 ? 0 : InterruptRegisters.delivery(h, 0); // a message would wake us
    while ((requests & (PAUSE | END)) == PAUSE) {
      idle(-1);
    }
    if (vgein != 0) {
      InterruptRegisters.delivery(h, delivery);
    }
    paused = false;
    if (hsm.isRunning()) {
      h.csr(Csr.HUTIMEDELTA, time.resume(h.csr(Csr.TIME)));
    }
  }

  private void showExternal() {
    boolean level = external;
    hart().huvip(Csr.HUVIP_VSEI, level);
    externalShown = level;
  }

  // ---- its own thread: the guest's control flow

  /** Moves the guest's pc over the instruction that made it leave. */
  public void advance(int bytes) {
    hart().advance(bytes);
  }

  /** Whether the guest was in VS, not VU. */
  public boolean inSupervisor() {
    return (hart().csr(Csr.HUSTATUS) & Csr.HUSTATUS_SPVP) != 0;
  }

  /**
   * Makes the guest take an exception at its current pc, as the hart does (privileged
   * specification, "Trap Entry").
   *
   * @return false when the guest can never get anywhere from it: it cannot fetch its own trap
   *     vector
   */
  public boolean inject(int cause, long tval) {
    HuHart h = hart();
    long pc = h.csr(Csr.UEPC);
    long vector = h.csr(Csr.HUVSTVEC) & ~3L;
    long hustatus = h.csr(Csr.HUSTATUS);
    long status = h.csr(Csr.HUVSSTATUS) & ~(Csr.VSSTATUS_SPIE | Csr.VSSTATUS_SPP);
    status |= (status & Csr.VSSTATUS_SIE) << 4;
    status |= (hustatus & Csr.HUSTATUS_SPVP) != 0 ? Csr.VSSTATUS_SPP : 0;
    h.csr(Csr.HUVSSTATUS, status & ~Csr.VSSTATUS_SIE);
    h.csr(Csr.HUVSEPC, pc);
    h.csr(Csr.HUVSCAUSE, cause);
    h.csr(Csr.HUVSTVAL, tval);
    h.csr(Csr.HUSTATUS, hustatus | Csr.HUSTATUS_SPVP);
    h.csr(Csr.UEPC, vector);
    return cause != Cause.INSTRUCTION_ACCESS_FAULT
        || pc != vector
        || (hustatus & Csr.HUSTATUS_SPVP) == 0;
  }
}
