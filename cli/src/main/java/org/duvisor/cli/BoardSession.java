package org.duvisor.cli;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import org.duvisor.devices.Timers;
import org.duvisor.devices.chardev.CharBackend;
import org.duvisor.devices.chardev.StreamBackend;
import org.duvisor.devices.fdt.Fdt;
import org.duvisor.devices.images.ElfImage;
import org.duvisor.devices.images.Initrd;
import org.duvisor.devices.images.KernelImage;
import org.duvisor.machine.HartConfig;
import org.duvisor.machine.board.Board;
import org.duvisor.machine.board.BoardBoot;
import org.duvisor.machine.board.BoardConfig;
import org.duvisor.machine.board.BoardOutcome;
import org.duvisor.machine.interp.Interpreter;
import org.duvisor.virtio.QueueWorker.Serving;
import org.duvisor.virtio.VirtioDevice;

/** {@code duvisor machine}: the bare board. */
final class BoardSession implements Session {
  /** What a deterministic board's clock shows and its random numbers come from. */
  private static final Instant FIXED_TIME = Instant.parse("2026-01-01T00:00:00Z");

  private static final long FIXED_SEED = 1;

  /** Exit codes are a byte, and a failure must not look like success. */
  private static final int MAX_EXIT_CODE = 255;

  private final Board board;
  private final BoardBoot boot;
  private final StreamBackend console;

  private BoardSession(Board board, BoardBoot boot, StreamBackend console) {
    this.board = board;
    this.boot = boot;
    this.console = console;
  }

  /** What the command needs of boards. */
  static final class Factory implements Boards {
    @Override
    public Session open(BoardOptions options, InputStream input, OutputStream output)
        throws IOException {
      BoardBoot boot = boot(options);
      var console = new StreamBackend(input, output);
      Board board = new Board(config(options, console));
      if (options.maxInstructions() > 0) {
        board.limit(options.maxInstructions());
      }
      return new BoardSession(board, boot, console);
    }

    @Override
    public void dumpDeviceTree(BoardOptions options, Path file) throws IOException {
      try (Board board = new Board(config(options, CharBackend.none()))) {
        Files.write(file, Fdt.of(board.deviceTree()).blob());
      }
    }
  }

  private static BoardConfig config(BoardOptions options, CharBackend console) throws IOException {
    boolean fixed = options.deterministic();
    RandomGenerator random =
        fixed
            ? RandomGeneratorFactory.of("L64X128MixRandom").create(FIXED_SEED)
            : new SecureRandom();
    Serving serving = fixed ? Serving.INLINE : Serving.THREAD;
    List<VirtioDevice> virtio =
        new Devices(serving, random).disks(options.disks()).net(options.net()).list();
    return new BoardConfig(
        options.harts(),
        options.memory().bytes(),
        HartConfig.STANDARD,
        Interpreter::new,
        virtio,
        console,
        fixed ? InstantSource.fixed(FIXED_TIME) : InstantSource.system(),
        fixed ? Timers.never() : Timers.host(),
        fixed);
  }

  private static BoardBoot boot(BoardOptions options) throws IOException {
    Path bios =
        options
            .bios()
            .orElseThrow(
                () ->
                    new UserError(
                        options.kernel().isPresent()
                            ? "--kernel needs firmware that starts it: --bios FILE (Debian:"
                                + " opensbi)"
                            : "nothing to run: name a program, or firmware with --bios"));
    KernelImage program = KernelImage.openAny(bios);
    boolean elf = program.format() == KernelImage.Format.ELF;
    return new BoardBoot(
        elf ? Optional.of(program.elf()) : Optional.<ElfImage>empty(),
        elf ? new byte[0] : Files.readAllBytes(bios),
        options.kernel().map(KernelImage::open),
        options.initrd().map(Initrd::open),
        options.append(),
        options.dtb().isPresent()
            ? Optional.of(Files.readAllBytes(options.dtb().get()))
            : Optional.empty());
  }

  @Override
  public Outcome run() {
    return switch (board.run(boot)) {
      case BoardOutcome.Finished(int code) -> new Outcome(Math.min(code, MAX_EXIT_CODE), "");
      case BoardOutcome.Stopped() -> Outcome.ENDED;
      case BoardOutcome.LimitReached() -> Outcome.failed("the limit of instructions was reached");
    };
  }

  @Override
  public void stop() {
    board.stop();
  }

  @Override
  public String statistics() {
    return "instructions: " + board.instructions() + "\n";
  }

  @Override
  public void close() {
    board.close();
    console.close();
  }
}
