package org.duvisor.cli;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.random.RandomGenerator;
import org.duvisor.devices.chardev.CharBackend;
import org.duvisor.devices.chardev.StreamBackend;
import org.duvisor.devices.images.KernelImage;
import org.duvisor.isa.Extension;
import org.duvisor.isa.Extensions;
import org.duvisor.machine.HartConfig;
import org.duvisor.machine.board.Board;
import org.duvisor.machine.board.BoardBoot;
import org.duvisor.machine.board.BoardConfig;
import org.duvisor.machine.board.BoardOutcome;
import org.duvisor.virtio.QueueWorker.Serving;

/** The bare board. */
final class BoardSession implements Session {
  private static final long SEED = 1;

  private static final int MAX_EXIT_CODE = 255;

  private final Board board;
  private final BoardBoot boot;
  private final Engine.Running engine;
  private final Devices devices;
  private final StreamBackend console;

  private BoardSession(
      Board board, BoardBoot boot, Engine.Running engine, Devices devices, StreamBackend console) {
    this.board = board;
    this.boot = boot;
    this.engine = engine;
    this.devices = devices;
    this.console = console;
  }

  /** Opens everything the options name and puts the board together. */
  static BoardSession open(BoardOptions options, InputStream input, OutputStream output)
      throws IOException {
    if (options.bios().isEmpty()) {
      throw new UserError(
          "the board needs a program: an ELF file, or firmware with --bios (Debian: package"
              + " opensbi)");
    }
    return open(options, boot(options), input, output);
  }

  private static BoardSession open(
      BoardOptions options, BoardBoot boot, InputStream input, OutputStream output)
      throws IOException {
    boolean same = options.deterministic();
    RandomGenerator random = same ? new SplittableRandom(SEED) : new SecureRandom();
    var devices = new Devices(same ? Serving.INLINE : Serving.THREAD, random);
    Engine.Running engine = options.guest().start(same);
    try {
      devices.open(options.guest());
      var console = new StreamBackend(input, output);
      BoardConfig config = config(options, engine, devices, console);
      var board = options.guest().withMemory(() -> new Board(config));
      board.seed(random);
      if (!options.guest().reboot()) {
        board.endAtReset();
      }
      if (options.maxInstructions() > 0) {
        board.limit(options.maxInstructions());
      }
      return new BoardSession(board, boot, engine, devices, console);
    } catch (IOException | RuntimeException | OutOfMemoryError e) {
      devices.close();
      engine.close();
      throw e;
    }
  }

  /** Writes the device tree that a run with these options has; a program need not be among them. */
  static void dumpDeviceTree(BoardOptions options, Path file) throws IOException {
    try (var session =
        open(
            options,
            boot(options),
            InputStream.nullInputStream(),
            OutputStream.nullOutputStream())) {
      Files.write(file, session.boot.deviceTree(session.board));
    }
  }

  private static BoardConfig config(
      BoardOptions options, Engine.Running engine, Devices devices, CharBackend console) {
    var config =
        BoardConfig.of(options.harts(), options.guest().memory().bytes(), console)
            .engine(engine.harts())
            .virtio(devices.list())
            .deterministic(options.deterministic())
            .interrupts(options.aia().controller());
    return config.hart(hart(options)).build();
  }

  private static HartConfig hart(BoardOptions options) {
    Extensions cpu = options.guest().execution().cpu();
    if (options.guestFiles().isEmpty()) {
      return new HartConfig(cpu);
    }
    int files = options.guestFiles().getAsInt();
    if (options.aia() != Aia.imsic) {
      throw new UserError("--aia-guests needs --aia aplic-imsic");
    }
    if (files < 0 || files > 63) {
      throw new UserError("--aia-guests is a number from 0 to 63, not " + files);
    }
    if (files > 0 && !cpu.has(Extension.H)) {
      throw new UserError("--aia-guests needs harts with h (--cpu)");
    }
    return new HartConfig(cpu, files);
  }

  private static BoardBoot boot(BoardOptions options) throws IOException {
    GuestOptions guest = options.guest().withoutLinks();
    Optional<Path> named = options.bios();
    if (named.isPresent()) {
      named = Optional.of(guest.file("--bios", named.get()));
    }
    Optional<KernelImage> bios = named.map(Programs::firmware);
    Optional<KernelImage> flat = bios.filter(b -> b.format() == KernelImage.Format.FLAT);
    return new BoardBoot(
        bios.filter(b -> b.format() == KernelImage.Format.ELF).map(KernelImage::elf),
        flat.map(f -> f.content().toArray(ValueLayout.JAVA_BYTE)).orElse(new byte[0]),
        guest.kernel().map(Programs::kernel),
        guest.initrd().map(Programs::initrd),
        guest.commandLine(""),
        options.dtb().isPresent()
            ? Optional.of(whole(guest.file("--dtb", options.dtb().get()), guest.memory().bytes()))
            : Optional.empty());
  }

  private static byte[] whole(Path file, long memory) throws IOException {
    if (Files.isDirectory(file)) {
      throw new UserError(file + ": is a directory");
    }
    long size = Files.size(file);
    if (size == 0 || size > memory || size > Integer.MAX_VALUE - 8) {
      throw new UserError(file + ": " + (size == 0 ? "is empty" : "does not fit into memory"));
    }
    return Files.readAllBytes(file);
  }

  @Override
  public Outcome run() {
    BoardOutcome outcome = board.run(boot);
    console.flush();
    return told(outcome).printed(console.failure());
  }

  private Outcome told(BoardOutcome outcome) {
    return switch (outcome) {
      case BoardOutcome.Finished(int code) when code == 0 -> Outcome.ENDED;
      case BoardOutcome.Finished(int code) ->
          new Outcome(exitCode(code), "the program finished with code " + code);
      case BoardOutcome.Reset() -> Outcome.ENDED;
      case BoardOutcome.Stopped() -> Outcome.ENDED;
      case BoardOutcome.LimitReached() ->
          Outcome.failed(
              "stopped after "
                  + board.instructions()
                  + " instructions and "
                  + board.traps()
                  + " traps");
    };
  }

  /** A code that is not 0 stays so. */
  private static int exitCode(int code) {
    return code < 0 || code > MAX_EXIT_CODE ? MAX_EXIT_CODE : code;
  }

  @Override
  public void stop() {
    board.stop();
  }

  @Override
  public long instructions() {
    return board.instructions();
  }

  @Override
  public String statistics() {
    return engine.statistics(instructions());
  }

  @Override
  public void close() {
    board.close();
    devices.close();
    console.close();
    engine.close();
  }
}
