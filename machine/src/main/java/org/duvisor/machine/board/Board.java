package org.duvisor.machine.board;

import java.util.ArrayList;
import java.util.List;
import java.util.random.RandomGenerator;
import org.duvisor.devices.GoldfishRtc;
import org.duvisor.devices.MmioBus;
import org.duvisor.devices.Ns16550;
import org.duvisor.devices.Snapshot;
import org.duvisor.devices.TestFinisher;
import org.duvisor.devices.Timers;
import org.duvisor.devices.fdt.Cpus;
import org.duvisor.devices.fdt.Node;
import org.duvisor.isa.Extension;
import org.duvisor.machine.Clock;
import org.duvisor.machine.Hart;
import org.duvisor.machine.dv.Posts;
import org.duvisor.machine.mem.PhysicalMemory;
import org.duvisor.virtio.EmptySlot;
import org.duvisor.virtio.VirtioDevice;
import org.duvisor.virtio.VirtioMmio;
import org.jspecify.annotations.Nullable;

/**
 * A bare RISC-V computer with QEMU virt's memory map. {@link #run} may be called once; {@link
 * #stop} from any thread.
 */
public final class Board implements AutoCloseable {
  /** Instructions that a hart of a deterministic board executes in a turn, see {@link #turn}. */
  public static final long TURN = DeterministicScheduler.TURN;

  private static final int FIRST_CPU = 1;
  private static final int SEED_BYTES = 32;
  private static final int FINISHER_PHANDLE = 0x101;

  /** Changes with what is saved, and in which order. */
  private static final int SNAPSHOT_VERSION = 1;

  private final BoardConfig config;
  private final PhysicalMemory memory;
  private final MmioBus bus = new MmioBus();
  private final List<Hart> harts = new ArrayList<>();
  private final List<VirtioMmio> transports = new ArrayList<>();
  private final EventQueue events; // in time of the board itself; what harts know of is mtime
  private final Scheduler scheduler;
  private final Interrupts interrupts;
  private volatile @Nullable BoardOutcome outcome;
  private volatile boolean resetWanted;
  private volatile @Nullable Htif htif;
  private volatile long maxInstructions = Long.MAX_VALUE;
  private volatile boolean endsAtReset;
  private @Nullable RandomGenerator random;
  private final @Nullable VirtualClock virtual;
  private final Posts posts = new Posts();
  private boolean restored;

  /** Puts a board together; nothing runs yet. */
  public Board(BoardConfig config) {
    this.config = config;
    this.memory = new PhysicalMemory(MemoryMap.RAM, config.memoryBytes());
    VirtualClock virtual = new VirtualClock();
    this.virtual = config.deterministic() ? virtual : null;
    Clock clock = config.deterministic() ? virtual : Clock.realTime();
    this.events = new EventQueue(clock);
    Mtime mtime = new Mtime(clock);
    for (int i = 0; i < config.harts(); i++) {
      harts.add(new Hart(i, config.hart(), memory, bus, mtime, posts, config.engine()));
    }
    this.scheduler =
        config.deterministic()
            ? new DeterministicScheduler(harts, virtual, events)
            : new ParallelScheduler(harts, events);
    this.interrupts = Interrupts.connect(config.interrupts(), harts, bus, FIRST_CPU);
    bus.add(MemoryMap.CLINT, new Clint(harts, mtime, FIRST_CPU), 0);
    for (VirtioDevice device : config.virtio()) {
      int irq = MemoryMap.VIRTIO_FIRST_IRQ + transports.size();
      transports.add(new VirtioMmio(device, memory.forDevices(), interrupts.source().apply(irq)));
    }
    for (int slot = 0; slot < BoardConfig.VIRTIO_SLOTS; slot++) {
      bus.add(
          MemoryMap.VIRTIO + slot * MemoryMap.VIRTIO_STRIDE,
          slot < transports.size() ? transports.get(slot) : new EmptySlot(),
          MemoryMap.VIRTIO_FIRST_IRQ + slot);
    }
    Ns16550 uart =
        new Ns16550(
            config.console(), interrupts.source().apply(MemoryMap.UART_IRQ), MemoryMap.UART_CLOCK);
    bus.add(MemoryMap.UART, uart, MemoryMap.UART_IRQ);
    bus.add(
        MemoryMap.RTC,
        new GoldfishRtc(
            config.clock().orElse(virtual::instant),
            config.deterministic() ? events.timers() : Timers.host(),
            interrupts.source().apply(MemoryMap.RTC_IRQ)),
        MemoryMap.RTC_IRQ);
    bus.add(MemoryMap.FINISHER, new TestFinisher(this::finish, FINISHER_PHANDLE), 0);
  }

  /** The board's device tree, without /chosen. */
  public Node deviceTree() {
    Node root = new Node("");
    root.cells("#address-cells", 2).cells("#size-cells", 2).strings("compatible", "riscv-virtio");
    root.strings("model", "duvisor,board");
    root.child("chosen").strings("stdout-path", "/soc/serial@" + Long.toHexString(MemoryMap.UART));
    root.child("memory@" + Long.toHexString(MemoryMap.RAM))
        .strings("device_type", "memory")
        .longs("reg", MemoryMap.RAM, config.memoryBytes());
    new Cpus("rv64i", config.hart().extensions().names(), config.hart().mmuType(), Clock.HERTZ, 64)
        .describe(root, config.harts(), FIRST_CPU);
    if (config.hart().extensions().has(Extension.ZIHPM)) {
      CounterNode.describe(root);
    }
    Node soc = root.child("soc");
    soc.cells("#address-cells", 2)
        .cells("#size-cells", 2)
        .strings("compatible", "simple-bus")
        .flag("ranges");
    for (MmioBus.Window w : bus.windows()) {
      w.device().describe(soc, w.base(), w.irq(), interrupts.phandle());
    }
    interrupts.specify(soc);
    return root;
  }

  /** The harts, for tests and debuggers. */
  public List<Hart> harts() {
    return List.copyOf(harts);
  }

  /** Physical memory. */
  public PhysicalMemory memory() {
    return memory;
  }

  /**
   * Stops after about so many instructions of all harts together, those included that trapped and
   * did not retire.
   */
  public void limit(long instructions) {
    maxInstructions = instructions;
  }

  /** Makes the next reset the end of {@link #run}. */
  public void endAtReset() {
    endsAtReset = true;
  }

  /**
   * Gives the device tree a seed for the kernel's random numbers, a new one at every reset, and
   * harts with Zkr their entropy: on a deterministic board the same each time.
   */
  public void seed(RandomGenerator generator) {
    random = generator;
    for (Hart hart : harts) {
      hart.entropy(generator::nextInt);
    }
  }

  /** Random bytes for the device tree, none unless there is a generator. */
  byte[] seedBytes() {
    RandomGenerator generator = random;
    if (generator == null) {
      return new byte[0];
    }
    byte[] bytes = new byte[SEED_BYTES];
    generator.nextBytes(bytes);
    return bytes;
  }

  /**
   * Runs what {@code boot} loads, again after every reset, until software ends it or {@link #stop}.
   */
  public BoardOutcome run(BoardBoot boot) {
    while (true) {
      resetWanted = false;
      if (restored) { // what has been loaded has run for some time
        restored = false;
        transports.forEach(VirtioMmio::resume);
      } else {
        load(boot);
      }
      scheduler.run(this::stopped);
      BoardOutcome end = outcome;
      if (end != null) {
        return end;
      }
      if (endsAtReset) {
        return new BoardOutcome.Reset();
      }
    }
  }

  private void load(BoardBoot boot) {
    bus.reset();
    boot.load(this);
    htif = boot.htif(memory, config.console(), this::exit);
    for (Hart h : harts) {
      h.reset(MemoryMap.RESET_ROM);
    }
  }

  /**
   * Saves the board after {@link #run}, or restores it in place of what the next {@link #run} would
   * load: memory, harts, devices and time, but for what is on the host (disks, networks, input that
   * the guest has not taken). A board that restores is made as the one that was saved; on a
   * deterministic one that interprets the same follows, bit for bit, as would have there (a
   * translator's turns end elsewhere before it has translated).
   *
   * @throws Snapshot.RefusedException when it cannot
   */
  public void snapshot(Snapshot s) {
    VirtioMmio.whileIdle(transports, () -> snapshotAll(s));
  }

  private void snapshotAll(Snapshot s) {
    s.section("a board of DuVisor, version " + SNAPSHOT_VERSION);
    s.section("harts with " + config.hart().extensions().names());
    s.same(harts.size(), "it has another number of harts");
    s.same(config.memoryBytes(), "it has another size of memory");
    s.same(config.deterministic() ? 1 : 0, "its time is of another kind");
    if (htif != null) {
      throw s.refused("a program that talks by HTIF");
    }
    s.memory(memory.ram());
    if (virtual != null) {
      virtual.snapshot(s);
    }
    posts.snapshot(s);
    harts.forEach(hart -> hart.snapshot(s));
    for (MmioBus.Window w : bus.windows()) {
      w.device().snapshot(s);
    }
    s.section("the end");
    restored = s.restores();
  }

  /** Ends {@link #run} soon. */
  public void stop() {
    end(new BoardOutcome.Stopped());
  }

  /** What is to be done at times of this board. */
  public EventQueue events() {
    return events;
  }

  private boolean stopped() {
    events.runDue();
    Htif host = htif;
    if (host != null) {
      host.poll();
    }
    if (maxInstructions != Long.MAX_VALUE && instructions() + traps() >= maxInstructions) {
      end(new BoardOutcome.LimitReached());
    }
    return outcome != null || resetWanted;
  }

  /** Instructions retired by all harts since the last reset. */
  public long instructions() {
    return harts.stream().mapToLong(h -> h.retired).sum();
  }

  /**
   * Sets the length of a turn of the harts of a deterministic board, from the next round on: on the
   * thread of the board. Short turns cost time of this computer, and show how long one hart takes
   * to answer another.
   *
   * @param instructions at least 1; the default is {@link #TURN}
   */
  public void turn(long instructions) {
    if (instructions < 1) {
      throw new IllegalArgumentException("a turn of " + instructions + " instructions");
    }
    turns().turn(instructions);
  }

  /**
   * Where a hart of a deterministic board is in the virtual time that all share, in instructions;
   * during its turn, which harts take one after the other: two instants of different harts compare
   * up to the length of a turn.
   */
  public long instant(Hart hart) {
    return turns().instant(hart);
  }

  private DeterministicScheduler turns() {
    if (scheduler instanceof DeterministicScheduler turns) {
      return turns;
    }
    throw new IllegalStateException("the harts of this board take no turns");
  }

  /** Traps taken by all harts since power-on. */
  public long traps() {
    return harts.stream().mapToLong(Hart::trapsTaken).sum();
  }

  private void exit(int code) {
    end(new BoardOutcome.Finished(code));
  }

  private void finish(TestFinisher.Request request) {
    switch (request) {
      case TestFinisher.Request.Reset() -> {
        resetWanted = true;
        harts.forEach(Hart::signal);
      }
      case TestFinisher.Request.PowerOff(int code) -> exit(code);
    }
  }

  private synchronized void end(BoardOutcome how) {
    if (outcome == null) {
      outcome = how;
    }
    if (virtual == null || !(how instanceof BoardOutcome.LimitReached)) {
      harts.forEach(Hart::signal); // which in virtual time would make a saved board go on otherwise
    }
  }

  /** Closes the devices, none of which has a timer set any more. */
  @Override
  public void close() {
    bus.reset();
    transports.forEach(VirtioMmio::close);
  }
}
