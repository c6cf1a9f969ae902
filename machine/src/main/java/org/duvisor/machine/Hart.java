package org.duvisor.machine;

import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import java.util.function.IntSupplier;
import org.duvisor.devices.MmioBus;
import org.duvisor.devices.Snapshot;
import org.duvisor.devices.aia.ImsicFile;
import org.duvisor.isa.Cause;
import org.duvisor.isa.Csr;
import org.duvisor.isa.CsrField;
import org.duvisor.machine.dv.FileOwners;
import org.duvisor.machine.dv.Posts;
import org.duvisor.machine.dv.Windows;
import org.duvisor.machine.fp.Fcsr;
import org.duvisor.machine.mem.PhysicalMemory;
import org.duvisor.machine.mem.Raw;
import org.jspecify.annotations.Nullable;

/**
 * One RISC-V hart: RV64GC with M, HS, U, HU, VS and VU. All state belongs to the thread that runs
 * the hart, but for the interrupt wires, which any thread may drive. Public fields are what
 * generated code works on.
 */
public final class Hart {
  /** Machine mode. */
  public static final int M = 3;

  /** Supervisor mode; HS when V=0, VS when V=1. */
  public static final int S = 1;

  /** User mode; VU when V=1, HU when V=0 on a hart whose hdvctl.EN is set. */
  public static final int U = 0;

  /** No hart comes to so many instructions; sums with it do not wrap. */
  private static final long MOST_RETIRED = 1L << 62;

  /** The register that takes what is written to x0. */
  public static final int SINK = 32;

  /** Host address of {@link HartState}'s block, for generated code. */
  public final long block;

  /**
   * Address of the first instruction of the running block; of the next instruction between blocks.
   */
  public long pc;

  /** Instructions retired since power-on, exact between blocks and at their last instruction. */
  public long retired;

  /**
   * Host address of sscratch, sepc, scause and stval, or in VS mode of the guest's; 0 in modes that
   * are not S. For generated code.
   */
  public long supervisorWords;

  /** Floating-point flags and dynamic rounding mode. */
  public final Fcsr fcsr = new Fcsr();

  /** Privilege: {@link #M}, {@link #S} or {@link #U}. */
  int priv = M;

  /** Virtualization mode. */
  boolean v;

  /** Context bits (already shifted) that data accesses put into TLB tags. */
  public long dataContext;

  /** Context bits of instruction fetches. */
  public long fetchContext;

  /**
   * Whether floating-point instructions may run at once: FS is on and already dirty at both levels.
   */
  boolean fpReady;

  final int id;
  final HartConfig config;
  final PhysicalMemory memory;
  final MmioBus bus;
  final Clock clock;
  final Posts posts;
  final Windows windows = new Windows();

  /** Null without AIA. */
  final @Nullable Aia aia;

  /** Owners of the guest interrupt files of all harts. */
  FileOwners owners = FileOwners.NONE;

  /** Where the entropy of seed comes from (Zkr); 16 bits are used. */
  IntSupplier entropy = () -> Entropy.OF_THE_COMPUTER.nextInt();

  /** Made when somebody asks: it takes a start milliseconds. */
  private static final class Entropy {
    static final SecureRandom OF_THE_COMPUTER = new SecureRandom();
  }

  /** What its CSRs hold. */
  final HartState state;

  final Counters counters;
  final Pmp pmp = new Pmp();
  final Mmu mmu;
  final CsrFile csrs;
  final Traps traps;
  private final Privileged privileged;
  final Engine engine;

  /** What others ask of its code. */
  final CodeRequests requests;

  /** Host address of the entries of the read TLB, see {@link Tlb}. */
  public long readTlb;

  /** Host address of the entries of the write TLB. */
  public long writeTlb;

  /**
   * Set by translated code that left because of the instruction at {@link #pc}, which has to be
   * interpreted: {@link #SIDE_EXIT} or {@link #FLOAT_EXIT}; else 0.
   */
  public int sideExit;

  /** A memory access that missed the TLB, or crosses a page. */
  public static final int SIDE_EXIT = 1;

  /** Floating point that the fast path cannot do. */
  public static final int FLOAT_EXIT = 2;

  private final Attention attention;
  final Execution execution;

  /** mtimecmp of the CLINT, which any hart may write. */
  volatile long mtimecmp = -1;

  /**
   * VMID &lt;&lt; 6 | vCPU while one is resident and DV-ext is enabled, else -1; read by posters.
   */
  volatile long residency = -1;

  /** A hart in its power-on state; {@code engine} makes what executes for it. */
  public Hart(
      int id,
      HartConfig config,
      PhysicalMemory memory,
      MmioBus bus,
      Clock clock,
      Posts posts,
      Function<Hart, Engine> engine) {
    this.id = id;
    this.config = config;
    this.memory = memory;
    this.bus = bus;
    this.clock = clock;
    this.posts = posts;
    this.state = new HartState();
    this.block = state.memory().address();
    this.attention = new Attention(block + OwnWords.ATTENTION);
    this.execution = new Execution(this, attention);
    this.aia = config.aia() ? new Aia(this, config.guestFiles()) : null;
    this.counters = new Counters(this);
    this.csrs = new CsrFile(this);
    this.traps = new Traps(this);
    this.requests = new CodeRequests(this, memory.code());
    this.mmu = new Mmu(this);
    this.privileged = new Privileged(this);
    this.engine = engine.apply(this);
    posts.attach(this::posted);
    reset(0);
  }

  /** Brings the hart to its reset state, with {@code pc} as reset vector. */
  public void reset(long resetVector) {
    pc = resetVector;
    priv = M;
    v = false;
    execution.reset();
    mtimecmp = -1;
    fcsr.flags = 0;
    fcsr.frm = 0;
    csrs.reset();
    if (aia != null) {
      aia.reset();
    }
    pmp.reset();
    windows.clear();
    mmu.flushAll();
    engine.forget(); // memory may have another content, and nobody said so
    contextChanged();
    attend();
  }

  /**
   * Saves or restores all that its software can see. Nothing runs meanwhile; what was translated or
   * decoded is forgotten when it restores.
   */
  public void snapshot(Snapshot s) {
    s.section("hart " + id);
    if (!s.restores()) {
      counters.saved();
    }
    pc = s.word(pc) & ~1L;
    retired = s.word(retired);
    if (retired < 0 || retired >= MOST_RETIRED) {
      throw s.refused("more instructions than a hart executes");
    }
    fcsr.fcsr(s.word(fcsr.fcsr()));
    priv = s.number(priv, U, M);
    v = s.flag(v);
    if (priv == 2 || v && (priv == M || !config.hypervisor())) {
      throw s.refused("there is no such mode");
    }
    mtimecmp = s.word(mtimecmp);
    execution.snapshot(s);
    pmp.snapshot(s);
    windows.snapshot(s);
    owners.snapshot(s, id);
    csrs.snapshot(s);
    if (aia != null) {
      aia.snapshot(s);
    }
    long held = s.word(heldInRam());
    long seen = s.word(reservedValue());
    if (held < -1 || held > memory.ramSize() - 8 || held != -1 && (held & 2) != 0) {
      throw s.refused("a reservation outside memory"); // WRS looks at what is there
    }
    if (s.restores()) {
      mmu.flushAll();
      engine.forget();
      contextChanged();
    }
    reservedHost(held == -1 ? 0 : memory.ram().address() + held);
    reservedValue(seen);
    traps.snapshot(s);
    attention.snapshot(s); // last: what restores asks for attention
  }

  /** Where in RAM the reservation is, with its bit 0; -1 for none. */
  private long heldInRam() {
    long held = reservedHost() - memory.ram().address();
    return reservedHost() != 0 && held >= 0 && held <= memory.ramSize() - 8 ? held : -1;
  }

  /** General register {@code i}, 0 to 31. */
  public long x(int i) {
    return Raw.word(block + HartState.X + 8L * i);
  }

  /** Sets general register {@code i}: 1 to 31, or {@link #SINK}. */
  public void x(int i, long value) {
    Raw.word(block + HartState.X + 8L * i, value);
  }

  /** Floating-point register {@code i}, NaN-boxed. */
  public long f(int i) {
    return Raw.word(block + HartState.F + 8L * i);
  }

  /** Sets floating-point register {@code i}. */
  public void f(int i, long value) {
    Raw.word(block + HartState.F + 8L * i, value);
  }

  /** LR reservation: host address, with bit 0 set for a doubleword; 0 when there is none. */
  public long reservedHost() {
    return Raw.word(block + OwnWords.RESERVED_HOST);
  }

  /** Sets the reservation. */
  public void reservedHost(long address) {
    Raw.word(block + OwnWords.RESERVED_HOST, address);
  }

  /** Value seen by the LR; an SC succeeds when memory still holds it. */
  public long reservedValue() {
    return Raw.word(block + OwnWords.RESERVED_VALUE);
  }

  /** Sets that value. */
  public void reservedValue(long value) {
    Raw.word(block + OwnWords.RESERVED_VALUE, value);
  }

  /** mhartid. */
  public int id() {
    return id;
  }

  /** What it implements. */
  public HartConfig config() {
    return config;
  }

  /** Address translation and memory access. */
  public Mmu mmu() {
    return mmu;
  }

  /** The CSRs. */
  public CsrFile csrs() {
    return csrs;
  }

  /** Traps. */
  public Traps traps() {
    return traps;
  }

  /** How many traps this hart has taken since power-on. */
  public long trapsTaken() {
    return traps.counts().all();
  }

  /** Privileged instructions. */
  public Privileged privileged() {
    return privileged;
  }

  /** What executes. */
  public Engine engine() {
    return engine;
  }

  /** Physical memory. */
  public PhysicalMemory memory() {
    return memory;
  }

  /** The machine-level interrupt file; the hart has AIA. */
  public ImsicFile machineFile() {
    return aia().machineFile;
  }

  /** The supervisor-level interrupt file, then the guest files; the hart has AIA. */
  public List<ImsicFile> supervisorFiles() {
    List<ImsicFile> files = new ArrayList<>();
    files.add(aia().supervisorFile);
    files.addAll(aia().guestFiles);
    return files;
  }

  private Aia aia() {
    if (aia == null) {
      throw new IllegalStateException("a hart without AIA");
    }
    return aia;
  }

  /** Sets who keeps the owners of guest interrupt files; before the hart runs. */
  public void owners(FileOwners all) {
    owners = all;
  }

  /** Sets where entropy comes from; before the hart runs. */
  public void entropy(IntSupplier source) {
    entropy = source;
  }

  /** Windows of the resident VM. */
  public Windows windows() {
    return windows;
  }

  /** Current privilege. */
  public int privilege() {
    return priv;
  }

  /** Current virtualization mode. */
  public boolean virtual() {
    return v;
  }

  /** The guest interrupt file that a guest would have now, 0 for none. */
  public int guestFile() {
    return CsrField.get(csrs.guestControl(), Csr.HSTATUS_VGEIN);
  }

  /** Sets mode directly, as debuggers and the embedded kernel twin do. */
  public void setMode(int privilege, boolean virtual) {
    priv = privilege;
    v = virtual;
    contextChanged();
    counters.modeChanged();
    counters.settle();
  }

  // ---- embedding: HU and HS are Java code

  /**
   * From now on a trap from V=1 to HU or HS ends {@link #run}: this process is the software of
   * those modes.
   */
  public void embed() {
    execution.embedded = true;
  }

  /** Whether the guest was left by a trap since {@link #enterGuest}. */
  public boolean hasLeft() {
    return execution.left;
  }

  /** Executes huret; throws the trap of an illegal one. */
  public void enterGuest() {
    execution.left = false;
    pc = privileged.huret();
  }

  // ---- interrupts and time

  /** Drives an interrupt wire (bit of mip) from any thread. */
  public void wire(int bit, boolean level) {
    attention.wire(bit, level);
  }

  /** The wires that are high. */
  long wires() {
    return attention.wires();
  }

  /** Makes the hart look at its interrupts soon, waking it from WFI; from any thread. */
  public void signal() {
    attention.signal();
  }

  /** Makes this hart look at its interrupts before the next block; its own thread only. */
  public void attend() {
    attention.want();
  }

  /** Whether someone asked the hart to look up. */
  public boolean wantsAttention() {
    return attention.isWanted();
  }

  /**
   * Runs at most about {@code instructions}, taking interrupts on the way. Returns early when the
   * hart waits in WFI, or for another hart that takes turns with it, has taken as many traps
   * without retiring an instruction, or, embedded, has left the guest.
   */
  public void run(long instructions) {
    execution.run(instructions);
  }

  /**
   * Takes an interrupt that is due, then executes exactly one instruction or takes the trap that it
   * causes; does nothing while the hart waits in WFI.
   */
  public void step() {
    execution.step();
  }

  /** Whether the hart sleeps in WFI with nothing to wake it. Ends the wait when there is. */
  public boolean isWaiting() {
    return execution.isWaiting();
  }

  /**
   * Blocks the calling thread, which runs this hart, until the wait may be over or {@code maxNanos}
   * have passed. Returns at once when something has happened since the hart last looked, for its
   * caller may have to look too.
   */
  public void park(long maxNanos) {
    execution.park(maxNanos);
  }

  /**
   * Blocks the calling thread, which runs this hart, until {@link #signal} or until {@code nanos}
   * have passed, unless {@code over} is true after the thread can be woken. May return early.
   */
  public void await(long nanos, BooleanSupplier over) {
    attention.sleep(() -> over.getAsBoolean() ? 0 : nanos);
  }

  /**
   * Lets go of code for which this process has no room, as {@link #run} does: for a hart that
   * sleeps for long. Its own thread.
   */
  public void rest() {
    engine.tidy();
  }

  /** fence.i: later fetches of this hart see every store that it sees. */
  public void fenceI() {
    requests.serve();
  }

  /** What others ask of its code; for its engine. */
  public CodeRequests requests() {
    return requests;
  }

  /** A post to this hart's vCPU makes it look up. */
  private void posted(int vmid, long mask) {
    long r = residency;
    if (r >= 0 && r >>> 6 == vmid && (mask >>> (r & 63) & 1) != 0) {
      signal();
    }
  }

  /** mtimecmp, in ticks, unsigned. */
  public long timeCompare() {
    return mtimecmp;
  }

  /** Sets mtimecmp; from any thread. */
  public void timeCompare(long ticks) {
    mtimecmp = ticks;
    signal();
  }

  /**
   * Ticks of mtime until the next timer of this hart expires, 0 when it has; {@link Long#MAX_VALUE}
   * for never.
   */
  public long ticksToTimer() {
    return traps.ticksLeft();
  }

  /** mtime. */
  public long time() {
    return clock.now();
  }

  /**
   * From now on the harts of the machine take turns on one thread: one that waits for another ends
   * its turn.
   */
  public void takeTurns() {
    execution.takeTurns();
  }

  // ---- what instructions ask of the hart

  /** Waits a moment, for the hart can only go on when another one has done something. */
  public void pause() {
    execution.pause();
  }

  /** Resolves a rounding-mode field. */
  public int roundingMode(int rm) {
    int mode = rm == 7 ? fcsr.frm : rm;
    if (mode > 4) {
      throw illegal();
    }
    return mode;
  }

  /**
   * Called first by every floating-point instruction: traps when FS is off, else marks it dirty.
   */
  public void useFp() {
    if (!fpReady) {
      csrs.dirtyFp();
    }
  }

  /** The state that every floating-point instruction asks for: FS is on and dirty. */
  public static final int FLOAT_READY = 1;

  /** The dynamic rounding mode is to nearest even, besides. */
  public static final int FLOAT_NEAREST = 2;

  /** NX is set, besides: what {@link org.duvisor.machine.fp.FastFloat} says counts. */
  public static final int FLOAT_PLAIN = 3;

  /** How much floating-point code may take for granted: 0, or the highest of those above. */
  public int floatState() {
    if (!fpReady) {
      return 0;
    }
    if (fcsr.frm != 0) {
      return FLOAT_READY;
    }
    return (fcsr.flags & Fcsr.NX) != 0 ? FLOAT_PLAIN : FLOAT_NEAREST;
  }

  /** An illegal-instruction exception; tval becomes the instruction. */
  public Trap illegal() {
    return traps.exception(Cause.ILLEGAL_INSTRUCTION, 0, 0, 0, false);
  }

  /** A virtual-instruction exception. */
  public Trap virtualInstruction() {
    return traps.exception(Cause.VIRTUAL_INSTRUCTION, 0, 0, 0, false);
  }

  /** Illegal when V=0, virtual instruction when V=1. */
  Trap illegalOrVirtual() {
    return v ? virtualInstruction() : illegal();
  }

  /** Whether DV-ext is enabled on this hart now (hdvctl.EN). */
  boolean dvEnabled() {
    return csrs.dvEnabled;
  }

  /**
   * Recomputes what depends on mode, satp, hgatp, mstatus and their kin. A reservation ends: the
   * memory it stands for may be somebody else's now.
   */
  void contextChanged() {
    reservedHost(0);
    supervisorWords = priv == S ? block + (v ? HartState.VSSCRATCH : HartState.SSCRATCH) : 0;
    mmu.updateContext();
    csrs.updateFp();
    engine.contextChanged();
  }
}
