package org.duvisor.platform.linux;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicBoolean;
import org.duvisor.isa.Cause;
import org.duvisor.isa.Csr;
import org.duvisor.isa.CsrField;
import org.duvisor.platform.DvAbi.Request;
import org.duvisor.platform.DvException;
import org.duvisor.platform.DvException.Reason;
import org.duvisor.platform.FastExits;
import org.duvisor.platform.HuHart;
import org.duvisor.platform.InterruptFile;
import org.duvisor.platform.RunDelay;
import org.jspecify.annotations.Nullable;

/**
 * The calling thread as a vCPU. What every exit needs - general registers and the trap CSRs - is
 * stored by the stub in the vCPU's {@link Context}; everything else is read from the hart.
 */
final class LinuxHuHart implements HuHart {
  private static final long FS = Csr.HUSTATUS_FS;
  private static final long FS_OFF = (long) Context.FS_OFF << Context.FS_SHIFT;
  private static final long VGEIN = Csr.HUSTATUS_VGEIN;

  private static final int STACK_T_BYTES = 24;

  private final LinuxDriver driver;
  private final Kernel kernel;
  private final int vcpu;
  private final Thread owner = Thread.currentThread();

  /** The owner, until the vCPU is gone: whose the {@link Context} is. */
  private @Nullable Thread entitled = owner;

  private final AtomicBoolean closed = new AtomicBoolean();
  private final Arena arena = Arena.ofShared();

  /** Address of the vCPU's {@link Context}. */
  private final long context = arena.allocate(Context.BYTES, 16).address();

  private volatile FastExits fastExits = FastExits.none();
  private final MemorySegment signals = arena.allocate(STACK_T_BYTES, 8);
  private final MemorySegment stack;
  private long unblocked;

  /** Written by nobody but the stub: utvec and uscratch are this platform's, and HU sees these. */
  private long utvec;

  private long uscratch;

  /** The guest interrupt file, or 0; and what HU has in VGEIN, in its place. */
  private int file;

  private long selected;

  /** The CPU of the file, and where the thread could run before it had one. */
  private int home;

  private @Nullable Affinity anywhere;

  private final RunDelay delay = new RunDelay();

  LinuxHuHart(LinuxDriver driver, Process process, int vcpu) {
    this.driver = driver;
    this.kernel = process.kernel();
    this.vcpu = vcpu;
    this.stack = arena.allocate(Signals.STACK_BYTES, 16);
  }

  /** Prepares the thread, which is registered. */
  void begin() {
    Signals.stack(signals, stack.address(), Signals.STACK_BYTES);
    kernel.signalStack(signals.address());
    unblocked = kernel.block(~Signals.SYNCHRONOUS, signals);
    kernel.wakePunctually();
    fastExits(fastExits);
    write(Csr.UTVEC, Code.EXIT);
    write(Csr.HUSTATUS, FS_OFF);
    if ((read(Csr.HUSTATUS) & FS) != FS_OFF) {
      throw new DvException(Reason.INVALID, "the harts' DV-ext has no hustatus.FS");
    }
    refresh(Csr.HUSTATUS, Context.HUSTATUS);
  }

  @Override
  public void fastExits(FastExits exits) {
    if (!List.of(driver.capabilities().isaExtensions().split(" ")).contains("sstc")) {
      exits.forbid(FastExits.Kind.SBI_TIMER);
    }
    set(own(), Context.FAST, exits.address());
    fastExits = exits; // before the look at whether the VM is alive, of enter
  }

  /** Any thread: the stub is not at the stage-2 tables when this returns, and will not be. */
  void withdrawTables() {
    fastExits.withdrawTables();
  }

  Thread owner() {
    return owner;
  }

  @Override
  public int vcpu() {
    return vcpu;
  }

  /** The vCPU's memory, for its thread only. Small enough for every compiler to inline it. */
  private long own() {
    if (Thread.currentThread() != entitled) {
      throw gone();
    }
    return context;
  }

  private static DvException gone() {
    return new DvException(Reason.GONE, "not the thread of this vCPU, or unregistered");
  }

  private static long get(long context, int offset) {
    return Words.get(context + offset);
  }

  private static void set(long context, int offset, long value) {
    Words.set(context + offset, value);
  }

  @Override
  public void enter() {
    long c = own();
    driver.checkAlive();
    if ((get(c, Context.HUSTATUS) & Csr.HUSTATUS_SPV) == 0) {
      throw new DvException(Reason.INVALID, "hustatus.SPV is 0: there is no guest to enter");
    }
    Native.enter(c);
    if (((get(c, Context.HUSTATUS) & VGEIN ^ selected) | get(c, Context.REFUSED)) != 0) {
      unusual(c);
    }
  }

  /** The thread has been on another hart, or was not let into the guest. */
  private void unusual(long c) {
    if ((get(c, Context.HUSTATUS) & VGEIN) != selected) {
      comeHome();
    }
    long refused = get(c, Context.REFUSED);
    if (refused != 0) {
      set(c, Context.REFUSED, 0);
      throw refusal(refused);
    }
  }

  private DvException refusal(long why) {
    if (why == Context.ILLEGAL) {
      return new DvException(Reason.PERMISSION, "huret is illegal: hugatp.MODE is 0");
    }
    // The reflection says what it was (docs/dv-ext.md, section 6).
    String what = Cause.name(get(context, Context.UTVAL));
    String reason =
        "killed for a vCPU %d: %s at pc 0x%x".formatted(vcpu, what, get(context, Context.UEPC));
    driver.kill(reason);
    return new DvException(Reason.GONE, reason);
  }

  // ---- registers

  @Override
  public long x(int i) {
    return get(own(), Context.X + 8 * Objects.checkIndex(i, 32));
  }

  @Override
  public void x(int i, long value) {
    long c = own();
    if (Objects.checkIndex(i, 32) != 0) {
      set(c, Context.X + 8 * i, value);
    }
  }

  /** Where the context has a CSR, or -1. */
  static int slot(int csr) {
    return switch (csr) {
      case Csr.UEPC -> Context.UEPC;
      case Csr.UCAUSE -> Context.UCAUSE;
      case Csr.UTVAL -> Context.UTVAL;
      case Csr.HUTVAL -> Context.HUTVAL;
      case Csr.HUTINST -> Context.HUTINST;
      case Csr.HUSTATUS -> Context.HUSTATUS;
      default -> -1;
    };
  }

  @Override
  public long csr(int number) {
    long c = own();
    int n = number & 0xfff;
    int slot = slot(n);
    if (slot >= 0) {
      long value = get(c, slot);
      return slot == Context.HUSTATUS ? value & ~FS : value; // FS is this platform's
    }
    return other(c, n);
  }

  @Override
  public long ucause() {
    return get(own(), Context.UCAUSE);
  }

  @Override
  public long uepc() {
    return get(own(), Context.UEPC);
  }

  @Override
  public void uepc(long value) {
    set(own(), Context.UEPC, value & ~1L); // loaded on entry
  }

  @Override
  public void advance(int bytes) {
    long c = own();
    set(c, Context.UEPC, get(c, Context.UEPC) + bytes);
  }

  @Override
  public void huvip(long bits, boolean pending) {
    own();
    Native.call(pending ? Code.SET_HUVIP : Code.CLEAR_HUVIP, bits, 0);
  }

  @Override
  public long utval() {
    return get(own(), Context.UTVAL);
  }

  @Override
  public long hutval() {
    return get(own(), Context.HUTVAL);
  }

  @Override
  public long hutinst() {
    return get(own(), Context.HUTINST);
  }

  private long other(long c, int n) {
    return switch (n) {
      case Csr.FFLAGS, Csr.FRM, Csr.FCSR -> get(c, Context.FCSR) >>> fcsrShift(n) & fcsrMask(n);
      case Csr.UTVEC -> utvec;
      case Csr.USCRATCH -> uscratch;
      case Csr.HUVSIREG, Csr.HUVSTOPI -> {
        settle();
        yield read(n);
      }
      default -> read(n);
    };
  }

  @Override
  public void csr(int number, long value) {
    int n = number & 0xfff;
    if (n == Csr.UEPC) {
      uepc(value);
    } else {
      other(own(), n, value);
    }
  }

  private void other(long c, int n, long value) {
    switch (n) {
      case Csr.FFLAGS, Csr.FRM, Csr.FCSR -> { // the thread's own are Java's
        long mask = fcsrMask(n) << fcsrShift(n);
        set(c, Context.FCSR, get(c, Context.FCSR) & ~mask | value << fcsrShift(n) & mask);
      }
      case Csr.UTVEC -> utvec = (value & 2) != 0 ? value & ~3L | utvec & 3 : value; // WARL
      case Csr.USCRATCH -> uscratch = value;
      case Csr.HUVSIREG -> {
        settle();
        write(n, value);
      }
      case Csr.HUSTATUS -> {
        selected = (value & VGEIN) == CsrField.set(0, VGEIN, file) ? value & VGEIN : 0;
        // User interrupts of this process have nowhere to go; f registers are where they are.
        write(n, value & ~(Csr.HUSTATUS_UIE | FS) | FS_OFF);
        refresh(n, Context.HUSTATUS);
        settle();
      }
      default -> {
        write(n, value);
        int slot = slot(n);
        if (slot >= 0) {
          refresh(n, slot);
        }
      }
    }
  }

  private static int fcsrShift(int csr) {
    return csr == Csr.FRM ? 5 : 0;
  }

  private static long fcsrMask(int csr) {
    return switch (csr) {
      case Csr.FFLAGS -> 0x1f;
      case Csr.FRM -> 7;
      default -> 0xff;
    };
  }

  /** What the hart has, but for FS: after an exit no f registers of the guest are in the hart. */
  private void refresh(int csr, int slot) {
    long value = read(csr);
    set(context, slot, slot == Context.HUSTATUS ? value & ~FS | FS_OFF : value);
  }

  private long read(int csr) {
    if (!Stub.isUserCsr(csr) || Native.call(Code.read(csr), context, 0) != 0) {
      throw refused(csr);
    }
    return get(context, Context.VALUE);
  }

  private void write(int csr, long value) {
    set(context, Context.VALUE, value);
    if (!Stub.isUserCsr(csr) || Native.call(Code.write(csr), context, 0) != 0) {
      throw refused(csr);
    }
  }

  private static DvException refused(int number) {
    return new DvException(Reason.PERMISSION, "HU-mode may not access CSR " + Csr.name(number));
  }

  // ---- fences

  @Override
  public void fenceGvma(long gpa) {
    own();
    if (gpa == -1) {
      Native.call(Code.FENCE_GVMA_ALL, 0, 0);
    } else {
      Native.call(Code.FENCE_GVMA, gpa >>> 2, 0);
    }
  }

  @Override
  public void fenceVvma(long gva, long asid) {
    own();
    long fence;
    if (gva == -1) {
      fence = asid == -1 ? Code.FENCE_VVMA_EVERYTHING : Code.FENCE_VVMA_ALL;
    } else {
      fence = asid == -1 ? Code.FENCE_VVMA_PAGE : Code.FENCE_VVMA;
    }
    Native.call(fence, gva, asid);
  }

  @Override
  public void fenceI() {
    own();
    Native.call(Code.FENCE_I, 0, 0);
  }

  // ---- the interrupt file

  @Override
  public InterruptFile claimFile() {
    own();
    driver.checkAlive();
    if (file != 0) {
      throw new DvException(Reason.BUSY, "vCPU " + vcpu + " has an interrupt file");
    }
    Affinity before = Affinity.read(kernel);
    DvException full = new DvException(Reason.LIMIT, "no hart to run on");
    for (int i = 0; i < before.count(); i++) {
      int cpu = before.cpu(vcpu + i); // the vCPUs of a VM on different ones
      if (!before.pin(cpu)) {
        continue;
      }
      try {
        InterruptFile claimed = driver.claimFile();
        file = claimed.number();
        home = cpu;
        anywhere = before;
        return claimed;
      } catch (DvException e) {
        full = e;
        if (e.reason() != Reason.LIMIT) {
          break;
        }
      }
    }
    before.restore();
    throw full;
  }

  @Override
  public void returnFile() {
    own();
    Affinity before = anywhere;
    if (before != null) {
      kernel.ioctl(driver.file(), Request.RETURN_FILE.code(), 0);
      file = 0;
      selected = 0;
      anywhere = null;
      before.restore();
      refresh(Csr.HUSTATUS, Context.HUSTATUS);
    }
  }

  /**
   * Someone has had this thread run on another hart, where hdvgein is 0, and VGEIN therefore too.
   */
  private void settle() {
    if (selected != 0 && (read(Csr.HUSTATUS) & VGEIN) != selected) {
      comeHome();
    }
  }

  /** Goes back to the hart of the file, which has kept all that came meanwhile. */
  private void comeHome() {
    Affinity before = anywhere;
    if (before == null || !before.pin(home)) {
      throw new DvException(
          Reason.LIMIT,
          "its guest interrupt file is on CPU %d, where it may not run any more".formatted(home));
    }
    write(Csr.HUSTATUS, get(context, Context.HUSTATUS) & ~VGEIN | selected);
    refresh(Csr.HUSTATUS, Context.HUSTATUS);
  }

  // ---- waiting and ending

  @Override
  public void idle(long deadline) {
    own();
    driver.checkAlive();
    settle();
    kernel.ioctl(driver.file(), Request.IDLE.code(), deadline);
    driver.checkAlive();
  }

  @Override
  public long stolenNanos() {
    own();
    return delay.nanos();
  }

  /** The thread has ended, and the kernel has unregistered it. */
  void abandon() {
    if (closed.compareAndSet(false, true)) {
      delay.close();
      driver.unregistered(this);
      arena.close();
    }
  }

  @Override
  public void close() {
    if (Thread.currentThread() != owner) {
      throw new DvException(Reason.INVALID, "a vCPU is unregistered by its own thread");
    }
    if (!closed.compareAndSet(false, true)) {
      return;
    }
    kernel.ioctl(driver.file(), Request.UNREGISTER.code(), 0);
    entitled = null;
    Affinity before = anywhere;
    if (before != null) {
      before.restore();
    }
    Signals.stack(signals, 0, 0);
    kernel.signalStack(signals.address());
    kernel.block(unblocked, signals);
    delay.close();
    driver.unregistered(this);
    arena.close();
  }
}
