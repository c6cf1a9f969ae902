package org.duvisor.platform;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.locks.LockSupport;

/**
 * What a platform may answer itself, without returning from {@link HuHart#enter}: exits of one vCPU
 * that are common and need nothing but a few words. A block of memory, so that machine code can
 * read it; the hypervisor writes it before the vCPU's first entry. A platform answers what is
 * allowed here and simple at the moment, with the effect that the hypervisor's own handler has, and
 * returns from enter with everything else, the guest's state as it was. It counts what it has
 * answered.
 *
 * <p>Offsets are in bytes, all fields 64 bits wide.
 */
public final class FastExits {
  /** Kinds of exits. */
  public enum Kind {
    /** SBI base extension, all functions. */
    SBI_BASE,
    /** SBI set_timer, where the guest's comparator is the hart's (Sstc). */
    SBI_TIMER,
    /** SBI send_ipi to vCPUs that do not wait. */
    SBI_IPI,
    /** SBI remote fences whose only target is the caller. */
    SBI_RFENCE,
    /** A post has arrived: the guest sees a software interrupt. */
    IPI,
    /** WFI of VS with an interrupt pending and enabled. */
    WFI,
    /** A store to the notification register of a device whose thread does not sleep. */
    DOORBELL,
    /** A fault of guest memory where a page of 4 KiB is to be mapped and its table exists. */
    FAULT_4K,
    /** The same of 2 MiB. */
    FAULT_2M
  }

  /** A bit for each kind, by {@link Kind#ordinal}, that may be answered. */
  public static final int ALLOWED = 0;

  /** What functions 0 to 6 of the SBI base extension return; that of 3, probe, is not used. */
  public static final int BASE = ALLOWED + 8;

  /** Functions of the base extension. */
  public static final int BASE_FUNCTIONS = 7;

  /** A bit for each vCPU of the VM. */
  public static final int VCPUS = BASE + 8 * BASE_FUNCTIONS;

  /** The bit of this vCPU. */
  public static final int SELF = VCPUS + 8;

  /**
   * Address of a word of the VM with the bits of vCPUs that wait: set before such a vCPU looks for
   * interrupts a last time. Who posts looks here afterwards, and leaves the call to the hypervisor,
   * which wakes, when one is a target.
   */
  public static final int WAITING = SELF + 8;

  private static final int MOST_KINDS = 16;

  /** How many exits of each kind were answered. */
  public static final int COUNTS = WAITING + 8;

  /** How many posts SBI_IPI has made to other vCPUs, each target by itself. */
  public static final int POSTS = COUNTS + 8 * MOST_KINDS;

  /**
   * The vCPUs that have their post of a call of send_ipi which is left to the hypervisor, since one
   * of them waits. They are not posted to again: an IPI would be received twice.
   */
  public static final int POSTED = POSTS + 8;

  /** The extensions that probe_extension finds, ended by 0. */
  public static final int EXTENSIONS = POSTED + 8;

  private static final int MAX_EXTENSIONS = 15;

  /**
   * Guest-physical address of the first of {@link #SLOTS} notification registers, 32 bits wide, one
   * in each page.
   */
  public static final int NOTIFY = EXTENSIONS + 8 * (MAX_EXTENSIONS + 1);

  /**
   * For each of them the address of a doorbell, or 0. Its three words: a bit for each queue that
   * waits to be served; not 0 while the thread that serves them sleeps; and a bit for each queue
   * that may be rung so. Who rings sets the bit first and then looks whether the thread sleeps, and
   * leaves the store to the hypervisor, which wakes it, when it does.
   */
  public static final int DOORBELLS = NOTIFY + 8;

  /** The most notification registers. */
  public static final int SLOTS = 32;

  /**
   * Where guest memory, or the largest piece of it, begins and ends; both 0 when no fault may be
   * answered.
   */
  public static final int RAM = DOORBELLS + 8 * SLOTS;

  /** See {@link #RAM}. */
  public static final int RAM_END = RAM + 8;

  /** What is added to a guest-physical address there for the host-physical one. */
  public static final int RAM_TO_HOST = RAM_END + 8;

  /**
   * Not 0 where a block of 2 MiB that lies in that memory and has no table yet is mapped as a
   * whole, also in a GiB that has one.
   */
  public static final int LARGE = RAM_TO_HOST + 8;

  /**
   * Address of the root of the stage-2 tables (Sv39x4), 0 for none. Absent entries become leaves
   * with the rights {@link #LEAF} by a compare and swap, and nothing else is changed: what is to be
   * mapped where is the same for everybody, so it does not matter who does it.
   */
  public static final int ROOT = LARGE + 8;

  /** What is added to the host-physical address of a table for its address here. */
  public static final int TABLES_FROM_HOST = ROOT + 8;

  /**
   * Not 0 while the platform may be at the tables, which it says before it looks at {@link #ROOT}.
   */
  public static final int BUSY = TABLES_FROM_HOST + 8;

  /** The rights of a leaf: V, R, W, X, U, A, D. */
  public static final int LEAF = 0xDF;

  /** Bytes of the block. */
  public static final int BYTES = BUSY + 8;

  private static final VarHandle WORD = ValueLayout.JAVA_LONG.varHandle();

  private final MemorySegment block = Arena.ofAuto().allocate(BYTES, 8);

  /** What the block has addresses of. */
  private final List<MemorySegment> kept = new ArrayList<>();

  /**
   * All kinds.
   *
   * @param vcpu index of the vCPU
   * @param vcpus a bit for each vCPU of the VM
   * @param base see {@link #BASE}
   * @param waiting see {@link #WAITING}; 8 bytes, aligned
   */
  public FastExits(int vcpu, long vcpus, long[] base, MemorySegment waiting) {
    if (base.length != BASE_FUNCTIONS) {
      throw new IllegalArgumentException("the base extension has other functions");
    }
    kept.add(waiting);
    allow((1L << Kind.values().length) - 1);
    MemorySegment.copy(base, 0, block, ValueLayout.JAVA_LONG, BASE, base.length);
    set(VCPUS, vcpus);
    set(SELF, 1L << vcpu);
    set(WAITING, waiting.address());
  }

  /** Gives the ids for {@link #EXTENSIONS}; before the first entry. */
  public void extensions(long... ids) {
    if (ids.length > MAX_EXTENSIONS) {
      throw new IllegalArgumentException("more extensions than there is room for");
    }
    MemorySegment.copy(ids, 0, block, ValueLayout.JAVA_LONG, EXTENSIONS, ids.length);
  }

  /**
   * Gives the doorbells of devices; before the first entry.
   *
   * @param notify see {@link #NOTIFY}
   * @param doorbells see {@link #DOORBELLS}, at most {@link #SLOTS}
   */
  public void doorbells(long notify, List<MemorySegment> doorbells) {
    set(NOTIFY, notify);
    for (int i = 0; i < doorbells.size(); i++) {
      kept.add(doorbells.get(i));
      set(DOORBELLS + 8 * Objects.checkIndex(i, SLOTS), doorbells.get(i).address());
    }
  }

  /** Gives the memory that faults map; before the first entry. */
  public void memory(long start, long end, long toHost, boolean large) {
    set(RAM, start);
    set(RAM_END, end);
    set(RAM_TO_HOST, toHost);
    set(LARGE, large ? 1 : 0);
  }

  /** Gives the stage-2 tables, see {@link #ROOT}; before the first entry. */
  public void tables(long root, long fromHost) {
    set(TABLES_FROM_HOST, fromHost);
    set(ROOT, root);
  }

  /**
   * Takes the tables away, from any thread: when this returns, the platform is not at them, and
   * will not be.
   */
  public void withdrawTables() {
    WORD.setVolatile(block, (long) ROOT, 0L);
    VarHandle.fullFence();
    while ((long) WORD.getVolatile(block, (long) BUSY) != 0) { // some instructions of a vCPU
      LockSupport.parkNanos(1_000);
    }
  }

  /** Nothing is answered. */
  public static FastExits none() {
    MemorySegment nobody = Arena.ofAuto().allocate(8, 8);
    FastExits none = new FastExits(0, 0, new long[BASE_FUNCTIONS], nobody);
    none.allow(0);
    return none;
  }

  /** Allows the kinds whose bits are set, and no others; before the first entry. */
  public void allow(long kinds) {
    set(ALLOWED, kinds);
  }

  /** Takes a kind away, which the platform cannot answer here. */
  public void forbid(Kind kind) {
    set(ALLOWED, (long) WORD.get(block, (long) ALLOWED) & ~(1L << kind.ordinal()));
  }

  /** Where the block is; it stays as long as this object. */
  public long address() {
    return block.address();
  }

  /** How many exits of a kind the platform has answered; any thread. */
  public long count(Kind kind) {
    return (long) WORD.getOpaque(block, COUNTS + 8L * kind.ordinal());
  }

  /** See {@link #POSTS}; the vCPU's own thread. */
  public long posts() {
    return (long) WORD.get(block, (long) POSTS);
  }

  /** See {@link #POSTED}: what is there, once; the vCPU's own thread. */
  public long takePosted() {
    long posted = (long) WORD.get(block, (long) POSTED);
    set(POSTED, 0);
    return posted;
  }

  /** Sets the counts to 0, while no hart uses this. */
  public void clear() {
    set(POSTS, 0);
    for (Kind kind : Kind.values()) {
      set(COUNTS + 8 * kind.ordinal(), 0);
    }
  }

  private void set(int offset, long value) {
    WORD.set(block, (long) offset, value);
  }
}
