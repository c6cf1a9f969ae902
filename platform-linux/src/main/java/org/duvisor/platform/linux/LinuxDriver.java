package org.duvisor.platform.linux;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.concurrent.locks.LockSupport;
import org.duvisor.platform.Capabilities;
import org.duvisor.platform.Delegation;
import org.duvisor.platform.DvAbi;
import org.duvisor.platform.DvAbi.Request;
import org.duvisor.platform.DvAbi.Struct;
import org.duvisor.platform.DvDriver;
import org.duvisor.platform.DvException;
import org.duvisor.platform.DvException.Reason;
import org.duvisor.platform.Fence;
import org.duvisor.platform.Grant;
import org.duvisor.platform.HuHart;
import org.duvisor.platform.InterruptFile;
import org.jspecify.annotations.Nullable;

/**
 * One VM: one open file of the driver. What the kernel checks is not checked again; kept here is
 * what it cannot know, the life of segments and which Java thread is which vCPU.
 */
final class LinuxDriver implements DvDriver {
  private static final Path FIRST_HART = Path.of("/proc/device-tree/cpus/cpu@0");
  private static final long RETRY_NANOS = 1_000_000;

  /** How long the kernel may take to notice that a thread has ended: a minute of retries. */
  private static final int RETRIES = 60_000;

  /** A granted segment that is mapped until its arena ends. */
  private record Held(long hpa, long address, long bytes, Grant.Use use, Arena arena) {}

  /** Closed, but with vCPUs of threads that have neither closed them nor ended. */
  private static final Set<LinuxDriver> LINGERING = ConcurrentHashMap.newKeySet();

  private final Process process;
  private final int file;
  private final Capabilities capabilities;
  private final Map<Grant, Held> grants = new HashMap<>();
  private final AtomicReferenceArray<@Nullable LinuxHuHart> vcpus =
      new AtomicReferenceArray<>(MAX_VCPUS);
  private volatile boolean gone;
  private volatile String why = "the VM was closed";
  private boolean closed;

  /** The file is closed when the driver and all its vCPUs are. */
  private int users = 1;

  private LinuxDriver(Process process, int file) {
    this.process = process;
    this.file = file;
    this.capabilities = read();
  }

  /** Opens the device. */
  static LinuxDriver open(Process process) {
    LINGERING.removeIf(LinuxDriver::isOver);
    int file = process.kernel().open(LinuxPlatform.DEVICE);
    if (file < 0) {
      throw Errors.of(file, LinuxPlatform.DEVICE);
    }
    try {
      return new LinuxDriver(process, file);
    } catch (RuntimeException e) {
      process.kernel().close(file);
      throw e;
    }
  }

  private Capabilities read() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment c = arena.allocate(Struct.CAPABILITIES.layout());
      ask(Request.CAPABILITIES, c, "capabilities");
      int version = word(c, Struct.CAPABILITIES, "version");
      if (version != DvAbi.VERSION) {
        throw new DvException(
            Reason.INVALID,
            "the module duvisor speaks version %d, this program version %d"
                .formatted(version, DvAbi.VERSION));
      }
      Machine machine = Machine.of(FIRST_HART);
      return new Capabilities(
          machine.isaBase(),
          machine.isaExtensions(),
          machine.mmuType(),
          dword(c, Struct.CAPABILITIES, "timebase_hertz"),
          word(c, Struct.CAPABILITIES, "cache_block_bytes"),
          word(c, Struct.CAPABILITIES, "stage2_modes"),
          word(c, Struct.CAPABILITIES, "windows"),
          dword(c, Struct.CAPABILITIES, "grant_granule"),
          word(c, Struct.CAPABILITIES, "interrupt_identities"));
    }
  }

  private void ask(Request request, MemorySegment argument, String what) {
    ask(request, argument.address(), what);
  }

  /** A request; a refusal becomes an exception. */
  private void ask(Request request, long argument, String what) {
    long answer = process.kernel().ioctl(file, request.code(), argument);
    if (answer < 0) {
      throw Errors.of(answer, what);
    }
  }

  private static int word(MemorySegment s, Struct struct, String field) {
    return s.get(ValueLayout.JAVA_INT, struct.offset(field));
  }

  private static long dword(MemorySegment s, Struct struct, String field) {
    return s.get(ValueLayout.JAVA_LONG, struct.offset(field));
  }

  private static void set(MemorySegment s, Struct struct, String field, int value) {
    s.set(ValueLayout.JAVA_INT, struct.offset(field), value);
  }

  private static void set(MemorySegment s, Struct struct, String field, long value) {
    s.set(ValueLayout.JAVA_LONG, struct.offset(field), value);
  }

  @Override
  public boolean sharesHarts() {
    return true;
  }

  @Override
  public Capabilities capabilities() {
    return capabilities;
  }

  // ---- memory

  @Override
  @SuppressWarnings("restricted") // the segment's life ends with its arena, which is revocation
  public Grant grant(long bytes, Grant.Use use) {
    retain();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment g = arena.allocate(Struct.GRANT.layout());
      set(g, Struct.GRANT, "bytes", bytes);
      set(g, Struct.GRANT, "use", DvAbi.code(use));
      ask(Request.GRANT, g, "a grant of " + bytes + " bytes");
      long hpa = dword(g, Struct.GRANT, "hpa");
      long address = process.kernel().map(file, dword(g, Struct.GRANT, "offset"), bytes);
      if (address < 0 && address > -4096) {
        revoke(hpa);
        throw Errors.of(address, "mapping a grant of " + bytes + " bytes");
      }
      Arena life = Arena.ofShared();
      Held held = new Held(hpa, address, bytes, use, life);
      Grant grant =
          new Grant(hpa, MemorySegment.ofAddress(address).reinterpret(bytes, life, null), use);
      if (!keep(grant, held)) {
        ends(held);
        revoke(hpa);
        throw new DvException(Reason.GONE, why);
      }
      return grant;
    } finally {
      release();
    }
  }

  /** Notes a grant, unless the driver was closed meanwhile. */
  private synchronized boolean keep(Grant grant, Held held) {
    if (!closed) {
      grants.put(grant, held);
    }
    return !closed;
  }

  private void revoke(long hpa) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment r = arena.allocate(Struct.REVOKE.layout());
      set(r, Struct.REVOKE, "hpa", hpa);
      process.kernel().ioctl(file, Request.REVOKE.code(), r.address());
    }
  }

  @Override
  public void revoke(Grant grant) {
    if (!revokes(grant)) {
      throw new DvException(Reason.INVALID, "not a grant of this VM");
    }
  }

  /**
   * Ends the segment's life first: what is left of the mapping faults once the kernel has taken the
   * memory back, and a fault of Java code is the end of the JVM. Input or output that is under way
   * on the segment holds it up; the guest does not, so the window goes at once then, and the
   * mapping when it can.
   */
  private boolean revokes(Grant grant) {
    Held held;
    synchronized (this) {
      held = grants.remove(grant);
      if (held == null) {
        return false;
      }
      users++;
    }
    if (held.use == Grant.Use.STAGE2_TABLES) {
      withdrawTables();
    }
    boolean ended = ends(held);
    revoke(held.hpa);
    if (ended) {
      release();
    } else {
      Thread.ofPlatform().daemon().name("reclaim").start(() -> reclaim(held));
    }
    return true;
  }

  /** The stub reads and writes them where they are mapped. */
  private void withdrawTables() {
    for (int i = 0; i < MAX_VCPUS; i++) {
      LinuxHuHart v = vcpus.get(i);
      if (v != null) {
        v.withdrawTables();
      }
    }
  }

  private boolean ends(Held held) {
    try {
      held.arena.close();
    } catch (IllegalStateException inUse) {
      return false;
    }
    process.kernel().unmap(held.address, held.bytes);
    return true;
  }

  private void reclaim(Held held) {
    while (!ends(held)) {
      LockSupport.parkNanos(RETRY_NANOS);
    }
    release();
  }

  // ---- vCPUs

  @Override
  public void delegate(Delegation delegation) {
    retain();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment d = arena.allocate(Struct.DELEGATE.layout());
      set(d, Struct.DELEGATE, "sedeleg", delegation.exceptionsToHu());
      set(d, Struct.DELEGATE, "sideleg", delegation.interruptsToHu());
      set(d, Struct.DELEGATE, "hedeleg", delegation.exceptionsToGuest());
      set(d, Struct.DELEGATE, "hideleg", delegation.interruptsToGuest());
      ask(Request.DELEGATE, d, "delegation");
    } finally {
      release();
    }
  }

  @Override
  public HuHart register(int vcpu) {
    if (vcpu < 0 || vcpu >= MAX_VCPUS || Thread.currentThread().isVirtual()) {
      throw new DvException(Reason.INVALID, "a vCPU is 0..63 and a platform thread");
    }
    retain();
    LinuxHuHart hu;
    try {
      hu = new LinuxHuHart(this, process, vcpu);
    } catch (RuntimeException | Error e) {
      release();
      throw e;
    }
    try {
      claim(vcpu);
    } catch (RuntimeException | Error e) {
      hu.abandon();
      throw e;
    }
    try {
      hu.begin();
    } catch (RuntimeException | Error e) {
      hu.close();
      throw e;
    }
    LinuxHuHart before = vcpus.getAndSet(vcpu, hu);
    if (before != null) {
      before.abandon();
    }
    if (gone) { // a close that has not seen it
      hu.close();
      throw new DvException(Reason.GONE, why);
    }
    return hu;
  }

  private void claim(int vcpu) {
    long answer = process.kernel().ioctl(file, Request.REGISTER.code(), vcpu);
    for (int i = 0; answer == -Errors.EBUSY && endsSoon(vcpu) && i < RETRIES; i++) {
      LockSupport.parkNanos(RETRY_NANOS);
      answer = process.kernel().ioctl(file, Request.REGISTER.code(), vcpu);
    }
    if (answer < 0) {
      throw Errors.of(answer, "vCPU " + vcpu);
    }
  }

  /** Whether the thread that a vCPU is has ended for Java: it will for the kernel. */
  private boolean endsSoon(int vcpu) {
    LinuxHuHart v = vcpus.get(vcpu);
    return v != null && !v.owner().isAlive();
  }

  /** Called once for a vCPU, by its thread, or by anyone after the thread has ended. */
  void unregistered(LinuxHuHart hu) {
    vcpus.compareAndSet(hu.vcpu(), hu, null);
    release();
  }

  int file() {
    return file;
  }

  @Override
  public void kick(int vcpu) {
    if (vcpu < 0 || vcpu >= MAX_VCPUS) {
      return;
    }
    if (vcpus.get(vcpu) != null && tryRetain()) {
      process.kernel().ioctl(file, Request.KICK.code(), vcpu);
      release();
    }
  }

  /** Asks for a guest interrupt file of the hart that the calling vCPU is on. */
  InterruptFile claimFile() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment f = arena.allocate(Struct.FILE.layout());
      long answer = process.kernel().ioctl(file, Request.CLAIM_FILE.code(), f.address());
      if (answer == -Errors.EBUSY) {
        throw new DvException(
            Reason.BUSY, "the host's KVM has the guest interrupt files (rmmod kvm frees them)");
      }
      if (answer < 0) {
        throw Errors.of(answer, "guest interrupt file");
      }
      return new InterruptFile(word(f, Struct.FILE, "number"), dword(f, Struct.FILE, "hpa"));
    }
  }

  @Override
  public void message(int vcpu, int identity) {
    if (vcpu < 0 || vcpu >= MAX_VCPUS || identity < 0 || identity >> 16 != 0) {
      return;
    }
    if (tryRetain()) {
      process.kernel().ioctl(file, Request.MESSAGE.code(), (long) vcpu << 16 | identity);
      release();
    }
  }

  @Override
  public void fence(Fence kind, long mask, long start, long size, int asid) {
    if (!tryRetain()) {
      return;
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment f = arena.allocate(Struct.FENCE.layout());
      set(f, Struct.FENCE, "vcpus", mask);
      boolean all = Fence.pages(start, size) == Fence.EVERYTHING; // the module looks itself, too
      set(f, Struct.FENCE, "start", all ? 0 : start);
      set(f, Struct.FENCE, "size", all ? 0 : size);
      set(f, Struct.FENCE, "kind", DvAbi.code(kind));
      set(f, Struct.FENCE, "asid", asid & 0xffff);
      process.kernel().ioctl(file, Request.FENCE.code(), f.address());
    } finally {
      release();
    }
  }

  // ---- the end

  /** Throws when the VM is gone. */
  void checkAlive() {
    if (gone) {
      throw new DvException(Reason.GONE, why);
    }
  }

  /** Ends the VM for what its hypervisor or guest did. */
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

  /** Keeps the file open until {@link #release}. */
  private void retain() {
    checkAlive();
    if (!tryRetain()) {
      throw new DvException(Reason.GONE, why);
    }
  }

  /** Whether the file is open, and stays so until {@link #release}. */
  private synchronized boolean tryRetain() {
    if (users == 0) {
      return false;
    }
    users++;
    return true;
  }

  private void release() {
    synchronized (this) {
      if (--users != 0) {
        return;
      }
    }
    process.kernel().close(file);
  }

  @Override
  public void close() {
    synchronized (this) {
      if (closed) {
        return;
      }
      closed = true;
      gone = true;
    }
    kickAll();
    for (Grant g : held()) {
      revokes(g); // another thread may be revoking it
    }
    process.kernel().ioctl(file, Request.END.code(), 0);
    for (int i = 0; i < MAX_VCPUS; i++) {
      LinuxHuHart v = vcpus.get(i);
      if (v != null && v.owner() == Thread.currentThread()) {
        v.close();
      }
    }
    if (!isOver()) {
      LINGERING.add(this);
    }
    release();
  }

  /** Whether no vCPU is left; forgets those whose threads have ended. */
  private boolean isOver() {
    boolean over = true;
    for (int i = 0; i < MAX_VCPUS; i++) {
      LinuxHuHart v = vcpus.get(i);
      if (v != null && !v.owner().isAlive()) {
        v.abandon();
      } else if (v != null) {
        over = false;
      }
    }
    return over;
  }

  private synchronized Grant[] held() {
    return grants.keySet().toArray(Grant[]::new);
  }
}
