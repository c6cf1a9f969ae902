package org.duvisor.cli;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.security.SecureRandom;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import org.duvisor.cli.command.CommandPort;
import org.duvisor.cli.command.GuestCommand;
import org.duvisor.devices.Timers;
import org.duvisor.devices.chardev.CharBackend;
import org.duvisor.devices.chardev.StreamBackend;
import org.duvisor.devices.images.KernelImage;
import org.duvisor.hypervisor.vm.Vm;
import org.duvisor.hypervisor.vm.VmConfig;
import org.duvisor.hypervisor.vm.VmOutcome;
import org.duvisor.virtio.QueueWorker.Serving;
import org.duvisor.virtio.console.Console;

/** A VM under DuVisor. */
final class VmSession implements Session {
  /** For stage-2 tables, which need 1/512 of the memory at most, and alignment. */
  private static final long HOST_EXTRA = 64 << 20;

  private static final int TERMINAL_COLUMNS = 80;
  private static final int TERMINAL_ROWS = 24;

  private final Harts harts;
  private final Devices devices;
  private final StreamBackend console;
  private final Optional<CommandPort> command;
  private final Vm vm;
  private volatile boolean stopped;

  private VmSession(
      Harts harts, Devices devices, StreamBackend console, Optional<CommandPort> command, Vm vm) {
    this.harts = harts;
    this.devices = devices;
    this.console = console;
    this.command = command;
    this.vm = vm;
    command.ifPresent(port -> port.onBroken(vm::stop));
  }

  /** Opens everything the options name and makes the VM. */
  static VmSession open(VmOptions options, InputStream input, OutputStream output)
      throws IOException {
    GuestOptions guest = options.guest().withoutLinks();
    KernelImage kernel = Programs.guestKernel(guest.kernel().orElseThrow());
    var builder = VmConfig.of(kernel);
    guest.initrd().ifPresent(file -> builder.initrd(Programs.initrd(file)));
    Optional<CommandPort> command =
        options.command().map(c -> port(c, Share.tags(guest.shares()), input, output));
    var random = new SecureRandom();
    var devices = new Devices(Serving.THREAD, random);
    try {
      devices.open(guest);
      var stream =
          command.isEmpty()
              ? new StreamBackend(input, output)
              : new StreamBackend(InputStream.nullInputStream(), System.err);
      builder
          .append(guest.commandLine(commandLine(options)))
          .cpus(options.cpus())
          .aia(options.aia())
          .memoryBytes(guest.memory().bytes())
          .console(console(options.console(), stream, devices))
          .debugConsole(options.console() == VmOptions.Console.uart) // else it would be hvc0
          .clock(InstantSource.system(), Timers.host())
          .random(random)
          .largestLeaf(options.largestLeaf())
          .timed(options.timed())
          .reboot(guest.reboot() && command.isEmpty());
      command.ifPresent(port -> devices.add(Console.port(CommandPort.NAME, port, Serving.INLINE)));
      VmConfig config = builder.virtio(devices.list()).build();
      return create(options, config, devices, stream, command);
    } catch (IOException | RuntimeException | OutOfMemoryError e) {
      devices.close();
      throw e;
    }
  }

  private static VmSession create(
      VmOptions options,
      VmConfig config,
      Devices devices,
      StreamBackend console,
      Optional<CommandPort> command) {
    long memory = config.memoryBytes() + config.memoryBytes() / 256 + HOST_EXTRA;
    Harts harts = Harts.of(options, memory);
    try {
      return new VmSession(harts, devices, console, command, Vm.create(harts.open(), config));
    } catch (RuntimeException | OutOfMemoryError e) {
      harts.close();
      throw e;
    }
  }

  private static CommandPort port(
      GuestCommand command, List<String> tags, InputStream input, OutputStream output) {
    try {
      return new CommandPort(command, tags, input, output, System.err);
    } catch (IllegalArgumentException e) {
      throw new UserError(e.getMessage());
    }
  }

  /** What UART and SBI console are connected to; adds the virtio console when it is asked for. */
  private static CharBackend console(
      VmOptions.Console kind, StreamBackend stream, Devices devices) {
    return switch (kind) {
      case uart -> stream;
      case virtio -> {
        // Linux writes an echo a character at a time and spins until each is taken, which the
        // way to another thread and back made half as long again.
        devices.add(new Console(TERMINAL_COLUMNS, TERMINAL_ROWS, stream, Serving.INLINE));
        yield CharBackend.none();
      }
      case none -> CharBackend.none();
    };
  }

  /** Kernel panics are told apart from reboots by a warm reset, and do not wait for anyone. */
  private static String commandLine(VmOptions options) {
    boolean quiet = options.command().isPresent() && options.console() == VmOptions.Console.none;
    String always =
        "panic=-1 reboot=panic_warm"
            + (options.command().isPresent() ? " " + CommandPort.NAME : "")
            + (quiet ? " quiet" : "");
    return switch (options.console()) {
      case uart -> "console=ttyS0 earlycon=sbi " + always;
      case virtio -> "console=hvc0 " + always;
      case none -> always;
    };
  }

  @Override
  public Outcome run() {
    if (command.isEmpty()) {
      VmOutcome outcome = vm.run();
      console.flush();
      return told(outcome).printed(console.failure());
    }
    CommandPort port = command.get();
    try (var _ = new SignalRelay(port::signal)) {
      VmOutcome outcome = vm.run();
      return told(outcome, port);
    }
  }

  /** How the command ended, if it was said before the guest did. */
  private Outcome told(VmOutcome outcome, CommandPort port) {
    if (port.exitCode().isPresent()) {
      return new Outcome(port.exitCode().getAsInt(), "");
    }
    String reason =
        port.isBroken() ? "what the guest says of its command is nonsense" : told(outcome).reason();
    return new Outcome(
        Failures.NO_COMMAND, reason.isEmpty() ? "the guest ended before its command did" : reason);
  }

  private Outcome told(VmOutcome outcome) {
    return switch (outcome) {
      case VmOutcome.Poweroff() -> Outcome.ENDED;
      case VmOutcome.Reboot(boolean warm) when warm ->
          Outcome.failed("the guest's kernel panicked");
      case VmOutcome.Reboot(_) -> Outcome.ENDED;
      case VmOutcome.Failed(int code) -> Outcome.failed("the guest failed with code " + code);
      case VmOutcome.Crashed(String report) -> Outcome.failed("the VM crashed: " + report.strip());
      case VmOutcome.Refused(String why) -> Outcome.failed(why);
      case VmOutcome.Killed() ->
          stopped ? Outcome.ENDED : Outcome.failed("the VM was killed by its host");
    };
  }

  @Override
  public void stop() {
    stopped = true;
    vm.stop();
  }

  @Override
  public void resize(int columns, int rows) {
    command.ifPresent(port -> port.resize(columns, rows));
  }

  @Override
  public long instructions() {
    return harts.instructions();
  }

  @Override
  public String statistics() {
    return vm.stats().text() + harts.statistics();
  }

  @Override
  public void close() {
    vm.close();
    devices.close();
    command.ifPresent(CommandPort::end);
    console.close();
    harts.close();
  }
}
