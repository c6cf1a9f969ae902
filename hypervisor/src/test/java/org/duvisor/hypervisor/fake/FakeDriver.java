package org.duvisor.hypervisor.fake;

import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.duvisor.platform.Capabilities;
import org.duvisor.platform.Delegation;
import org.duvisor.platform.DvDriver;
import org.duvisor.platform.DvException;
import org.duvisor.platform.DvException.Reason;
import org.duvisor.platform.Fence;
import org.duvisor.platform.Grant;
import org.duvisor.platform.HuHart;

/** A control plane in memory, with a function for each vCPU in place of a guest. */
public final class FakeDriver implements DvDriver {
  /** Plays the guest from an entry to the next exit. */
  @FunctionalInterface
  public interface Guest {
    /** Runs; calls {@link FakeHart#exit} at the end. */
    void run(FakeHart hart);

    /** This, then another. */
    default Guest andThen(Guest next) {
      return h -> {
        run(h);
        next.run(h);
      };
    }
  }

  /** What the fake harts offer. */
  public static final Capabilities CAPABILITIES =
      new Capabilities(
          "rv64i",
          "i m a f d c zicbom zicbop zicboz zicntr zicsr zifencei ssnpm sstc svadu svpbmt",
          "riscv,sv48",
          10_000_000,
          64,
          1 << 8 | 1 << 9,
          4,
          4096,
          0);

  /** What harts of few extensions offer. */
  private static final Capabilities MODEST =
      new Capabilities(
          "rv64i", "i m a f d c sstc", "riscv,sv39", 10_000_000, 64, 1 << 8, 4, 4096, 0);

  private final Capabilities offered;
  private final Arena arena = Arena.ofShared();
  private final Map<Integer, FakeHart> harts = new ConcurrentHashMap<>();
  private final Map<Integer, Guest> guests = new ConcurrentHashMap<>();
  private final AtomicLong posts = new AtomicLong();
  private final AtomicLong kicks = new AtomicLong();
  private final AtomicLong time = new AtomicLong(1000);
  private final List<Grant> grants = new ArrayList<>();
  private volatile boolean closed;
  private long nextHpa = 0x1_0000_0000L;

  /** The largest grant there is room for. */
  public volatile long largestGrant = Long.MAX_VALUE;

  /** What was delegated last. */
  public volatile Delegation delegation = new Delegation(0, 0, 0, 0);

  /** Messages to interrupt files, in order. */
  public final List<String> messages = new ArrayList<>();

  /** Remote fences, in order. */
  public final List<String> fences = new ArrayList<>();

  /** Harts with all that the hypervisor makes use of. */
  public FakeDriver() {
    this(false);
  }

  /**
   * A host.
   *
   * @param modest whether its harts have few extensions, and run this process too
   */
  public FakeDriver(boolean modest) {
    offered = modest ? MODEST : CAPABILITIES;
  }

  @Override
  public boolean sharesHarts() {
    return offered == MODEST;
  }

  /** Sets what a vCPU runs. */
  public FakeDriver guest(int vcpu, Guest guest) {
    guests.put(vcpu, guest);
    return this;
  }

  /** What a vCPU runs. */
  public Guest guestOf(int vcpu) {
    return guest(vcpu);
  }

  Guest guest(int vcpu) {
    return guests.getOrDefault(vcpu, FakeHart::fail);
  }

  /** The hart of a registered vCPU. */
  public FakeHart hart(int vcpu) {
    return harts.get(vcpu);
  }

  /** Moves host time. */
  public void advance(long ticks) {
    time.addAndGet(ticks);
  }

  long time() {
    return time.get();
  }

  /** The posts that are pending. */
  public long posts() {
    return posts.get();
  }

  void post(long mask) {
    posts.getAndUpdate(p -> p | mask);
  }

  void unpost(long mask) {
    posts.getAndUpdate(p -> p & ~mask);
  }

  boolean takeKick(int vcpu) {
    long bit = 1L << vcpu;
    return (kicks.getAndUpdate(k -> k & ~bit) & bit) != 0;
  }

  void check(FakeHart hart) {
    if (closed) {
      hart.fail();
    }
  }

  void unregister(FakeHart hart) {
    harts.remove(hart.vcpu(), hart);
  }

  /** How many vCPUs can still have an interrupt file; -1 when harts have none. */
  public final AtomicInteger files = new AtomicInteger(-1);

  @Override
  public Capabilities capabilities() {
    Capabilities c = offered;
    return files.get() < 0
        ? c
        : new Capabilities(
            c.isaBase(),
            c.isaExtensions(),
            c.mmuType(),
            c.timebaseHertz(),
            c.cacheBlockBytes(),
            c.stage2Modes(),
            c.windows(),
            c.grantGranule(),
            63);
  }

  @Override
  public synchronized Grant grant(long bytes, Grant.Use use) {
    if (bytes > largestGrant) {
      throw new DvException(Reason.NO_MEMORY, "no room");
    }
    if (grants.size() == CAPABILITIES.windows()) {
      throw new DvException(Reason.LIMIT, "no window left");
    }
    Grant g = new Grant(nextHpa, arena.allocate(bytes, 4096), use);
    nextHpa += bytes + 0x1000;
    grants.add(g);
    return g;
  }

  @Override
  public synchronized void revoke(Grant grant) {
    if (!grants.remove(grant)) {
      throw new DvException(Reason.INVALID, "not a grant");
    }
  }

  /** The grants that are out. */
  public synchronized List<Grant> grants() {
    return List.copyOf(grants);
  }

  @Override
  public void delegate(Delegation d) {
    if (!d.isLegal()) {
      throw new DvException(Reason.PERMISSION, "not to be delegated");
    }
    delegation = d;
  }

  @Override
  public HuHart register(int vcpu) {
    FakeHart h = new FakeHart(vcpu, this);
    if (harts.putIfAbsent(vcpu, h) != null) {
      throw new DvException(Reason.BUSY, "vCPU " + vcpu + " is registered");
    }
    return h;
  }

  @Override
  public void kick(int vcpu) {
    kicks.getAndUpdate(k -> k | 1L << vcpu);
    FakeHart h = harts.get(vcpu);
    if (h != null) {
      h.unpark();
    }
  }

  @Override
  public synchronized void message(int vcpu, int identity) {
    messages.add(vcpu + " " + identity);
  }

  @Override
  public synchronized void fence(Fence kind, long vcpus, long start, long size, int asid) {
    fences.add("%s %x %x %x %x".formatted(kind, vcpus, start, size, asid));
  }

  @Override
  public void close() {
    closed = true;
    harts.values().forEach(FakeHart::unpark);
  }
}
