package org.duvisor.lab;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.function.Supplier;
import org.duvisor.devices.images.ElfImage;
import org.duvisor.devices.images.Initrd;
import org.duvisor.devices.images.KernelImage;
import org.duvisor.machine.Clock;
import org.duvisor.machine.Engine;
import org.duvisor.machine.Hart;
import org.duvisor.machine.board.Board;
import org.duvisor.machine.board.BoardBoot;
import org.duvisor.machine.board.BoardConfig;
import org.duvisor.machine.board.BoardOutcome;
import org.duvisor.machine.board.EventQueue;
import org.duvisor.machine.board.InterruptController;
import org.duvisor.virtio.QueueWorker.Serving;
import org.duvisor.virtio.blk.Blk;
import org.duvisor.virtio.blk.RawFile;
import org.duvisor.virtio.rng.Rng;
import org.jspecify.annotations.Nullable;

/**
 * A host of the full stack for an experiment: on a deterministic board, with somebody at its
 * console.
 */
public final class HostStack {
  /** What the board boots, all of it built by guest/full-stack.sh. */
  public record Images(Path firmware, Path kernel, Path initrd, Path root) {}

  /** What the host's shell prints when it waits. */
  static final String PROMPT = "host:~ # ";

  private static final long MEMORY = 1L << 30;
  private static final long SEED = 1;

  /** When something hangs: some hours of a computer. */
  private static final long INSTRUCTIONS = 400_000_000_000L;

  /** The same when all sleep, which takes no instructions: ticks of mtime. */
  private static final long TICKS = 60 * Clock.HERTZ;

  private final Dialogue console = new Dialogue();
  private final Board board;
  private final BoardBoot boot;
  private final int harts;
  private final InterruptController interrupts;
  private EventQueue.@Nullable Event watch;
  private String failure = "";

  /**
   * Puts it together; {@link #run} must follow.
   *
   * @param engine what executes for the harts
   */
  HostStack(Images images, int harts, InterruptController interrupts, Function<Hart, Engine> engine)
      throws IOException {
    this.harts = harts;
    this.interrupts = interrupts;
    boot =
        new BoardBoot(
            Optional.of(ElfImage.open(images.firmware)),
            new byte[0],
            Optional.of(KernelImage.openAny(images.kernel)),
            Optional.of(Initrd.open(images.initrd)),
            "console=ttyS0 quiet",
            Optional.empty());
    var random = new SplittableRandom(SEED);
    var config =
        BoardConfig.of(harts, MEMORY, console)
            .engine(engine)
            .virtio(
                List.of(
                    new Rng(random),
                    new Blk("vda", RawFile.open(images.root, true), Serving.INLINE)))
            .deterministic(true)
            .interrupts(interrupts)
            .build();
    board = new Board(config);
    board.seed(random);
    board.limit(INSTRUCTIONS);
    console.at(board);
  }

  /** The person at the console, to be told what to do before {@link #run}. */
  Dialogue console() {
    return console;
  }

  /** The machine. */
  Board board() {
    return board;
  }

  /** Ends the run, which then fails with this line; on the board's thread. */
  void fail(String why) {
    failure = why;
    board.stop();
  }

  /**
   * The run fails when so much time passes before this is called again.
   *
   * @param more what to say then, besides what is waited for
   */
  void watch(Supplier<String> more) {
    if (watch != null) {
      board.events().cancel(watch);
    }
    watch =
        board.events().after(TICKS, () -> fail("the stack hangs: " + console.state() + more.get()));
  }

  /**
   * Runs until the host powers off, and closes the board.
   *
   * @throws LabException when something did not come as expected
   */
  void run() {
    try (board) {
      BoardOutcome outcome = board.run(boot);
      if (!failure.isEmpty()) {
        throw new LabException(failure);
      }
      if (!console.over()) {
        throw new LabException("the stack has ended (" + outcome + "): " + console.state());
      }
    }
  }

  /** What it takes to repeat the run: what is told, and what is known here. */
  Map<String, String> about(Map<String, String> told) throws IOException {
    Map<String, String> all = new TreeMap<>(told);
    all.put("interrupts", interrupts.name());
    all.put("seed", Long.toString(SEED));
    all.put("host's harts", harts + ", deterministic");
    all.put("jvm", EngineBenchmark.jvmName());
    all.put("machine", EngineBenchmark.machineName());
    return all;
  }
}
