package org.duvisor.machine.testing;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.duvisor.devices.chardev.CharBackend;
import org.duvisor.isa.Assembler;
import org.duvisor.isa.Assembly;
import org.duvisor.machine.Hart;
import org.duvisor.machine.HartConfig;
import org.duvisor.machine.board.Board;
import org.duvisor.machine.board.BoardBoot;
import org.duvisor.machine.board.BoardConfig;
import org.duvisor.machine.board.BoardOutcome;
import org.duvisor.virtio.VirtioDevice;

/**
 * A board that runs one assembly text in M-mode, with PMP open and a handler that records every
 * trap to M. After an exception the program goes on in M-mode at the address in s11; after an
 * interrupt likewise, with mie cleared. The handler uses t5, t6 and mscratch. Harts other than 0
 * start at the label {@code others} if there is one, else they sleep.
 */
public final class TestMachine implements AutoCloseable {
  private static final long RAM = 0x8000_0000L;

  /** Where the program lies. */
  public static final long CODE = RAM;

  /** Memory that nothing uses, for data and page tables: 1 MiB and more above {@link #CODE}. */
  public static final long DATA = RAM + 0x10_0000;

  private static final long LOG = RAM + 0xf_0000;
  private static final long MEMORY = 8 << 20;
  private static final long LIMIT = 20_000_000;

  private static final String PROLOGUE =
      """
      .equ MPV, 0x8000000000
        csrr t0, mhartid
        la t1, trap
        csrw mtvec, t1
        li t1, -1
        csrw pmpaddr0, t1
        li t1, 0x1f
        csrw pmpcfg0, t1
        bnez t0, others
        li t1, LOG
        csrw mscratch, t1
      """;

  /** Ends the run; part of every program. */
  private static final String EPILOGUE =
      """
      exit:
        li t6, 0x100000
        li t5, 0x5555
        sw t5, 0(t6)
      stop:
        wfi
        j stop
      .balign 4
      trap:
        csrrw t6, mscratch, t6
        csrr t5, mcause
        sd t5, 0(t6)
        csrr t5, mepc
        sd t5, 8(t6)
        csrr t5, mtval
        sd t5, 16(t6)
        csrr t5, mtval2
        sd t5, 24(t6)
        csrr t5, mtinst
        sd t5, 32(t6)
        csrr t5, mstatus
        sd t5, 40(t6)
        csrr t5, mcause
        bgez t5, 1f
        csrw mie, x0
      1:
        addi t6, t6, 48
        csrrw t6, mscratch, t6
        csrw mepc, s11
        li t5, MPV
        csrc mstatus, t5
        li t5, 0x1800
        csrs mstatus, t5
        mret
      """;

  private static final String NO_OTHERS = "others:\n wfi\n j others\n";

  private final Board board;
  private final Assembly program;

  /** A machine with one standard hart. */
  public TestMachine(EngineUnderTest engine, String program) {
    this(engine, program, 1, HartConfig.STANDARD, true);
  }

  /**
   * Any machine.
   *
   * @param inTurns all harts on one thread in virtual time; else in parallel
   */
  public TestMachine(
      EngineUnderTest engine, String program, int harts, HartConfig hart, boolean inTurns) {
    this(engine, program, harts, hart, inTurns, List.of());
  }

  /** The same with virtio devices. */
  public TestMachine(
      EngineUnderTest engine,
      String program,
      int harts,
      HartConfig hart,
      boolean inTurns,
      List<VirtioDevice> devices) {
    this.board =
        new Board(
            BoardConfig.of(harts, MEMORY, CharBackend.none())
                .hart(hart)
                .engine(engine.factory())
                .virtio(devices)
                .deterministic(inTurns)
                .build());
    String others = program.contains("others:") ? "" : NO_OTHERS;
    String text = PROLOGUE + program + "\n  j exit\n" + others + EPILOGUE;
    this.program = new Assembler(CODE).define("LOG", LOG).define("DATA", DATA).asm(text);
    if (inTurns) { // harts that run in parallel may spin for long; the watchdog is theirs
      board.limit(LIMIT);
    }
  }

  /**
   * Text that enters a mode at the next instruction. Uses t5 and t6.
   *
   * @param privilege {@link Hart#S} or {@link Hart#U}
   */
  public static String enter(int privilege, boolean virtual) {
    return """
      la t5, 99f
      csrw mepc, t5
      li t5, 0x1800
      csrc mstatus, t5
      li t5, 0x%x
      csrs mstatus, t5
      li t5, MPV
      %s mstatus, t5
      mret
    99:
    """
        .formatted(privilege << 11, virtual ? "csrs" : "csrc");
  }

  /** Runs the program to its end; {@code AssertionError} when it does not come. */
  public TestMachine run() {
    var watchdog = Thread.ofPlatform().daemon().start(() -> stopAfter(Duration.ofSeconds(20)));
    BoardOutcome outcome = board.run(boot());
    watchdog.interrupt();
    if (!outcome.equals(new BoardOutcome.Finished(0))) {
      throw new AssertionError(outcome + ", traps " + traps());
    }
    return this;
  }

  private void stopAfter(Duration time) {
    try {
      Thread.sleep(time);
      board.stop();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** The traps that reached M on hart 0, in order. */
  public List<TrapRecord> traps() {
    List<TrapRecord> traps = new ArrayList<>();
    // The trap handler's scratch register is the end of its log; an entry is never all zero.
    for (long at = LOG; at < LOG + 0x8000; at += TrapRecord.BYTES) {
      if (peek(at + 8) == 0) {
        break;
      }
      traps.add(
          new TrapRecord(
              peek(at), peek(at + 8), peek(at + 16), peek(at + 24), peek(at + 32), peek(at + 40)));
    }
    return traps;
  }

  /** The only trap. */
  public TrapRecord trap() {
    List<TrapRecord> traps = traps();
    if (traps.size() != 1) {
      throw new AssertionError("one trap expected, not " + traps);
    }
    return traps.getFirst();
  }

  /** A register of hart 0 by number. */
  public long x(int register) {
    return board.harts().getFirst().x(register);
  }

  /** a0 to a7 of hart 0. */
  public long a(int n) {
    return x(10 + n);
  }

  /** The address of a label. */
  public long label(String name) {
    return program.label(name);
  }

  /** A doubleword of memory. */
  public long peek(long address) {
    return board.memory().peek(address);
  }

  /** Sets a doubleword of memory, before or after the run. */
  public void poke(long address, long value) {
    ram().set(ValueLayout.JAVA_LONG, address - RAM, value);
  }

  /** All of RAM. */
  public MemorySegment ram() {
    return board.memory().ram();
  }

  /** The board. */
  public Board board() {
    return board;
  }

  /** What the board boots, for tests that end it in another way than {@link #run}. */
  public BoardBoot boot() {
    return new BoardBoot(
        Optional.empty(),
        program.bytes(),
        Optional.empty(),
        Optional.empty(),
        "",
        Optional.empty());
  }

  /** Page tables in this machine's memory. */
  public PageTables tables(long root, boolean stage2) {
    return new PageTables(this::poke, this::peek, root, stage2);
  }

  @Override
  public void close() {
    board.close();
  }
}
