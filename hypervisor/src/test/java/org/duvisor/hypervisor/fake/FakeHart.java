package org.duvisor.hypervisor.fake;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import java.util.function.IntConsumer;
import org.duvisor.isa.Csr;
import org.duvisor.platform.DvException;
import org.duvisor.platform.FastExits;
import org.duvisor.platform.HuHart;
import org.duvisor.platform.InterruptFile;

/**
 * A hart without an engine: entering it runs a Java function that plays the guest and leaves by
 * {@link #exit}. Used for what real guests cannot be made to do, or not at the wanted moment.
 */
public final class FakeHart implements HuHart {
  private static final long SPV = 1L << 7;
  private final int vcpu;
  private final FakeDriver driver;
  private final long[] csrs = new long[4096];
  private final long[] x = new long[32];
  private final Thread thread = Thread.currentThread();

  /** What was fenced here, in order. */
  public final List<String> fences = new ArrayList<>();

  /** How often the vCPU gave the hart up, and until when. */
  public final List<Long> idles = new ArrayList<>();

  /** Whether its interrupt file, of which there is only eidelivery, has an interrupt. */
  public volatile boolean message;

  /** What happens just before a register is read, by its number. */
  public IntConsumer beforeRead = csr -> {};

  FakeHart(int vcpu, FakeDriver driver) {
    this.vcpu = vcpu;
    this.driver = driver;
  }

  @Override
  public int vcpu() {
    return vcpu;
  }

  /** The guest leaves, as after a trap to HU. */
  public void exit(long cause, long utval, long hutval, long hutinst) {
    csrs[Csr.UCAUSE] = cause;
    csrs[Csr.UTVAL] = utval;
    csrs[Csr.HUTVAL] = hutval;
    csrs[Csr.HUTINST] = hutinst;
    csrs[Csr.HUSTATUS] |= SPV;
  }

  /** The guest makes an SBI call. */
  public void ecall(long extension, long function, long... arguments) {
    for (int i = 0; i < arguments.length; i++) {
      x(10 + i, arguments[i]);
    }
    x(17, extension);
    x(16, function);
    exit(10, 0, 0, 0);
  }

  /** What the hypervisor has given for fast exits, of which there are none here. */
  public FastExits fastExits = FastExits.none();

  @Override
  public void fastExits(FastExits exits) {
    fastExits = exits;
  }

  @Override
  public void enter() {
    driver.check(this);
    if ((csrs[Csr.HUSTATUS] & SPV) == 0 || csrs[Csr.HUGATP] == 0) {
      throw new AssertionError("huret without SPV or without stage 2");
    }
    csrs[Csr.HUSTATUS] &= ~SPV;
    if (driver.takeKick(vcpu)) {
      exit(HOST_EVENT, 0, 0, 0);
    } else if ((csr(Csr.HUIP) & csrs[Csr.HUIE] & 1) != 0) {
      exit(1L << 63, 0, 0, 0);
    } else {
      driver.guest(vcpu).run(this);
    }
  }

  @Override
  public long csr(int number) {
    beforeRead.accept(number);
    return switch (number) {
      case Csr.TIME -> driver.time();
      case Csr.HUIP -> driver.posts() >>> vcpu & 1 | csrs[Csr.HUVIP];
      case Csr.HUVSIP -> csrs[Csr.HUVIP] >>> 1 | timer();
      case Csr.VIPI0 -> driver.posts();
      default -> csrs[number];
    };
  }

  private long timer() {
    boolean due =
        Long.compareUnsigned(driver.time() + csrs[Csr.HUTIMEDELTA], csrs[Csr.HUVSTIMECMP]) >= 0;
    return due && csrs[Csr.HUENVCFG] < 0 ? 1 << 5 : 0;
  }

  @Override
  public void csr(int number, long value) {
    if (number == Csr.VIPI0) {
      driver.post(value);
    } else if (number == Csr.VIPICLR) {
      driver.unpost(value & 1L << vcpu);
    } else {
      csrs[number] = value;
    }
  }

  @Override
  public long x(int i) {
    return x[i];
  }

  @Override
  public void x(int i, long value) {
    if (i != 0) {
      x[i] = value;
    }
  }

  @Override
  public void fenceGvma(long gpa) {
    fences.add("gvma " + Long.toHexString(gpa));
  }

  @Override
  public void fenceVvma(long gva, long asid) {
    fences.add("vvma " + Long.toHexString(gva) + " " + Long.toHexString(asid));
  }

  @Override
  public void fenceI() {
    fences.add("i");
  }

  @Override
  public InterruptFile claimFile() {
    if (driver.files.getAndDecrement() <= 0) {
      throw new DvException(DvException.Reason.LIMIT, "all files are in use");
    }
    return new InterruptFile(1, 0x2_8000_0000L + 0x1000L * vcpu);
  }

  @Override
  public void returnFile() {}

  @Override
  public void idle(long deadline) {
    idles.add(deadline);
    while (!driver.takeKick(vcpu) && !(message && csrs[Csr.HUVSIREG] == 1)) {
      driver.check(this);
      if (deadline != -1 && Long.compareUnsigned(driver.time(), deadline) >= 0) {
        return;
      }
      LockSupport.parkNanos(1_000_000);
    }
  }

  /** What the host has stolen from this thread so far. */
  public long stolen;

  @Override
  public long stolenNanos() {
    return stolen;
  }

  void unpark() {
    LockSupport.unpark(thread);
  }

  @Override
  public void close() {
    driver.unregister(this);
  }

  void fail() {
    throw new DvException(DvException.Reason.GONE, "the VM is gone");
  }
}
