package org.duvisor.platform.sim;

import java.lang.foreign.Arena;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.duvisor.devices.MmioBus;
import org.duvisor.machine.Clock;
import org.duvisor.machine.Engine;
import org.duvisor.machine.Hart;
import org.duvisor.machine.HartConfig;
import org.duvisor.machine.dv.Posts;
import org.duvisor.machine.interp.Interpreter;
import org.duvisor.machine.mem.PhysicalMemory;
import org.duvisor.platform.Capabilities;
import org.duvisor.platform.DvDriver;
import org.duvisor.platform.DvException;
import org.jspecify.annotations.Nullable;

/**
 * A simulated host: physical memory, harts with DV-ext, and what its kernel hands out - page
 * frames, harts and VMIDs. Several VMs run on one host at once, each through its own {@link #open
 * driver}.
 */
public final class SimHost {
  private static final long MEMORY_BASE = 0x8000_0000L;
  private static final int MAX_HARTS = 256;
  private static final long RECLAIM_NANOS = 1_000_000;

  /** Alignment of grants: a 2 MiB leaf. */
  static final long GRANULE = 2 << 20;

  private static final long INTERRUPT_FILES = 0x2800_0000L;

  final HartConfig config;
  final Clock clock;
  final Posts posts = new Posts();
  final PhysicalMemory memory;
  final Frames frames;
  private final @Nullable FilePages files;
  private final MmioBus bus = new MmioBus();
  private final Function<Hart, Engine> engine;
  private final Deque<Hart> idle = new ArrayDeque<>();
  private final BitSet vmids = new BitSet();
  private final List<Hart> harts = new ArrayList<>();
  private final Set<Thread> residents = new HashSet<>();
  private final Set<SimDriver> lingering = ConcurrentHashMap.newKeySet();

  /** A host with interpreting harts and real time. */
  public SimHost(long memoryBytes) {
    this(memoryBytes, Clock.realTime(), Interpreter::new);
  }

  /** A host with harts without AIA. */
  public SimHost(long memoryBytes, Clock clock, Function<Hart, Engine> engine) {
    this(memoryBytes, clock, engine, HartConfig.STANDARD);
  }

  /**
   * A host.
   *
   * @param memoryBytes physical memory, rounded up to 2 MiB; only what VMs touch costs memory of
   *     this computer
   * @param config what its harts implement; they have DV-ext
   */
  public SimHost(long memoryBytes, Clock clock, Function<Hart, Engine> engine, HartConfig config) {
    this.config = config;
    long bytes = (memoryBytes + GRANULE - 1) & -GRANULE;
    this.clock = clock;
    this.engine = engine;
    this.memory = new PhysicalMemory(MEMORY_BASE, bytes);
    this.frames = new Frames(memory);
    vmids.set(0); // KVM and "none"
    if (config.guestFiles() > 0) {
      files = new FilePages(INTERRUPT_FILES, MAX_HARTS, config.guestFiles());
      bus.add(INTERRUPT_FILES, files, 0);
    } else {
      files = null;
    }
  }

  /**
   * Opens the driver: a new VM.
   *
   * @throws DvException {@code LIMIT} when all VMIDs are in use
   */
  public DvDriver open() {
    reap();
    return new SimDriver(this);
  }

  /** Instructions retired by all harts so far; behind by what harts are in the middle of. */
  public synchronized long instructions() {
    return harts.stream().mapToLong(h -> h.retired).sum();
  }

  /** Physical memory that is not granted to any VM, bytes. */
  public long freeBytes() {
    return frames.freeBytes();
  }

  /** Whether no VM and no vCPU holds anything of this host: memory, harts, VMIDs, posts. */
  public boolean isIdle() {
    reap();
    synchronized (this) {
      return frames.freeBytes() == memory.ramSize()
          && vmids.cardinality() == 1
          && idle.size() == harts.size()
          && residents.isEmpty()
          && IntStream.range(0, Posts.DOMAINS).allMatch(vmid -> posts.word(vmid) == 0);
    }
  }

  Capabilities capabilities() {
    return new Capabilities(
        "rv64i",
        config.extensions().guestNames(),
        config.mmuType(),
        Clock.HERTZ,
        64,
        1 << 8 | 1 << 9,
        org.duvisor.machine.dv.Windows.COUNT,
        GRANULE,
        config.interruptIdentities());
  }

  synchronized int allocateVmid() {
    int vmid = vmids.nextClearBit(1);
    if (vmid >= Posts.DOMAINS) {
      throw new DvException(DvException.Reason.LIMIT, "all VMIDs are in use");
    }
    vmids.set(vmid);
    return vmid;
  }

  /** Gives a VMID back; its harts have been returned, so no translation or post of it is left. */
  synchronized void freeVmid(SimDriver driver, int vmid) {
    posts.clear(vmid);
    vmids.clear(vmid);
    lingering.remove(driver);
  }

  /** A VM that is closed, and has vCPUs until their threads unregister or end. */
  void lingers(SimDriver driver) {
    lingering.add(driver);
  }

  /** Unregisters what ended threads left behind. */
  void reap() {
    lingering.forEach(SimDriver::reap);
  }

  /** Makes the calling thread a vCPU, of one VM at a time. */
  synchronized Hart claimHart() {
    if (residents.contains(Thread.currentThread())) {
      throw new DvException(DvException.Reason.BUSY, "this thread is a vCPU already");
    }
    Hart hart = idle.poll();
    if (hart == null) {
      if (harts.size() == MAX_HARTS) {
        throw new DvException(DvException.Reason.LIMIT, "all harts of the host are in use");
      }
      hart = new Hart(harts.size(), config, memory, bus, clock, posts, engine);
      hart.embed();
      if (files != null) {
        files.add(hart);
      }
      harts.add(hart);
    }
    residents.add(Thread.currentThread());
    return hart;
  }

  /** Physical address of a guest interrupt file's page; the harts have some. */
  long filePage(Hart hart, int file) {
    if (files == null) {
      throw new DvException(DvException.Reason.INVALID, "these harts have no interrupt files");
    }
    return files.page(hart.id(), file);
  }

  synchronized void returnHart(Hart hart, Thread owner) {
    hart.reset(0);
    idle.push(hart);
    residents.remove(owner);
  }

  /**
   * Ends the life of a granted segment, then zeroes and frees its memory. While input or output of
   * a device back end is under way on the segment it cannot end: it does so later, and nobody else
   * gets the memory before.
   */
  void reclaim(Arena arena, long hpa, long bytes) {
    if (ends(arena)) {
      frames.release(hpa, bytes);
      return;
    }
    Thread.ofPlatform()
        .daemon()
        .name("reclaim")
        .start(
            () -> {
              while (!ends(arena)) {
                LockSupport.parkNanos(RECLAIM_NANOS);
              }
              frames.release(hpa, bytes);
            });
  }

  private static boolean ends(Arena arena) {
    try {
      arena.close();
      return true;
    } catch (IllegalStateException inUse) {
      return false;
    }
  }
}
