package org.duvisor.conformance.guest;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutionException;
import org.duvisor.jit.RegionTranslator;
import org.duvisor.machine.board.Board;
import org.duvisor.machine.board.BoardBoot;
import org.duvisor.machine.board.BoardConfig;
import org.duvisor.machine.board.BoardOutcome;
import org.duvisor.machine.board.InterruptController;
import org.duvisor.machine.interp.Interpreter;
import org.duvisor.virtio.QueueWorker.Serving;
import org.duvisor.virtio.VirtioDevice;
import org.duvisor.virtio.blk.Blk;
import org.duvisor.virtio.blk.RawFile;

/** The full stack's host: the board runs it on a thread of its own, and a test types at it. */
public final class StackHost implements AutoCloseable {
  /** What its shell prints when it waits. */
  private static final String PROMPT = "host:~ # ";

  /** What a process leaves in the kernel's log when the kernel goes wrong. */
  private static final String TROUBLE =
      "Oops|BUG|WARNING|Call Trace|corruption|rcu.*stall|refcount|hung_task|soft lockup"
          + "|Unable to handle|Out of memory";

  private final BoardThread board;
  private final RegionTranslator translator;
  private final GuestShell shell;
  private final String tick;

  /**
   * How it is put together.
   *
   * @param harts of the board
   * @param memoryBytes of the board
   * @param interrupts how they reach harts
   * @param deterministic all harts on one thread, in virtual time; else each on its own, in the
   *     computer's. On a busy computer harts wait for each other's threads: then this is quicker
   * @param append to the kernel's command line
   * @param patience with which the console waits for text
   */
  public record Setup(
      int harts,
      long memoryBytes,
      InterruptController interrupts,
      boolean deterministic,
      String append,
      Duration patience) {
    private static final Duration PATIENCE = Duration.ofMinutes(60);

    /** As users have it. */
    public static Setup usual(int harts, int megabytes) {
      return of(harts, megabytes, false);
    }

    /** In virtual time. */
    public static Setup deterministic(int harts, int megabytes) {
      return of(harts, megabytes, true);
    }

    private static Setup of(int harts, int megabytes, boolean deterministic) {
      return new Setup(
          harts, (long) megabytes << 20, InterruptController.PLIC, deterministic, "", PATIENCE);
    }

    /** With more for the kernel's command line. */
    public Setup with(String more) {
      return new Setup(harts, memoryBytes, interrupts, deterministic, more, patience);
    }

    /** With another way for interrupts. */
    Setup with(InterruptController other) {
      return new Setup(harts, memoryBytes, other, deterministic, append, patience);
    }

    /** A moment of the host, in seconds, that is long enough to look again after it. */
    private String tick() {
      return deterministic ? "0.02" : "0.2";
    }
  }

  private StackHost(BoardBoot boot, Setup setup, List<VirtioDevice> devices) throws IOException {
    shell = new GuestShell(setup.patience);
    tick = setup.tick();
    translator = new RegionTranslator(RegionTranslator.THRESHOLD, !setup.deterministic);
    var machine =
        new Board(
            BoardConfig.of(setup.harts, setup.memoryBytes, ConsoleLog.of(shell, "full-stack.log"))
                .engine(hart -> new Interpreter(hart, translator))
                .virtio(devices)
                .deterministic(setup.deterministic)
                .interrupts(setup.interrupts)
                .build());
    machine.seed(new SplittableRandom(1));
    board = new BoardThread(machine, boot, shell);
  }

  /** Boots; the first disk is the root file system. */
  public static StackHost boot(StackImages images, Setup setup, Path... disks) throws IOException {
    List<VirtioDevice> devices = new ArrayList<>();
    for (Path disk : disks) {
      String name = "vd" + (char) ('a' + devices.size());
      devices.add(
          new Blk(
              name,
              RawFile.open(disk, true),
              setup.deterministic ? Serving.INLINE : Serving.THREAD));
    }
    return new StackHost(images.boot(setup.append), setup, devices);
  }

  /** Waits for its shell; the second disk is at /mnt, and the scripts on it are loaded. */
  public void ready() throws InterruptedException {
    shell.expect("DuVisor host ready");
    shell.expect(PROMPT);
    shell.type("stty cols 4000"); // lines are echoed as they are typed
    shell.expect(PROMPT);
    run("dmesg -n 1; dmesg -c >/dev/null; mount -o ro /dev/vdb /mnt 2>/dev/null");
    run("export tick=" + tick + "; [ ! -e /mnt/guests.sh ] || . /mnt/guests.sh");
  }

  /** The person at its console, who may be at that of a guest. */
  GuestShell shell() {
    return shell;
  }

  /** Runs commands in one line and returns what they print. */
  public String run(String commands) throws InterruptedException {
    start(commands);
    return finish();
  }

  /** Types commands whose end {@link #finish} waits for. */
  public void start(String commands) throws InterruptedException {
    shell.type(commands + "; echo end-$((40 + 2))");
    shell.expect("+ 2))");
  }

  /** Waits for the end of what was started; what it printed that was not expected before. */
  public String finish() throws InterruptedException {
    String printed = shell.expect("end-42");
    shell.expect(PROMPT);
    return printed.substring(0, printed.length() - "end-42".length()).replace("\r", "").strip();
  }

  /** Waits for text; everything before it that was not expected before, and it. */
  public String expect(String text) throws InterruptedException {
    return shell.expect(text).replace("\r", "");
  }

  /** Types a line. */
  public void type(String line) throws InterruptedException {
    shell.type(line);
  }

  /** What the driver holds for anyone, in the order vms, vcpus, grants, granted_bytes. */
  public List<Long> inUse() throws InterruptedException {
    return run("cd /sys/class/misc/duvisor/stats; cat vms vcpus grants granted_bytes; cd")
        .lines()
        .map(Long::parseLong)
        .toList();
  }

  /** Lines of the kernel's log that tell of its trouble. */
  public String trouble() throws InterruptedException {
    return run("dmesg | grep -E '" + TROUBLE + "'");
  }

  /** Instructions of all harts so far. */
  public long instructions() {
    return board.instructions();
  }

  /** Turns it off and waits for its end. */
  public BoardOutcome powerOff() throws InterruptedException, ExecutionException {
    shell.type("poweroff -f");
    return board.outcome();
  }

  /** Everything that its console printed. */
  public String everything() {
    return shell.everything();
  }

  @Override
  public void close() {
    board.close();
    translator.close();
  }
}
