package org.duvisor.cli;

import java.io.Console;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.function.Supplier;
import org.duvisor.cli.command.GuestCommand;
import org.duvisor.cli.terminal.UserTerminal;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code duvisor run}. */
@Command(
    name = "run",
    description = "Runs a Linux guest under DuVisor.",
    sortOptions = false,
    customSynopsis = "duvisor run [OPTION]... [-- COMMAND [ARGUMENT]...]%n",
    footer = {
      "",
      "After --, a command: the guest that comes with the project runs it instead of a",
      "shell. Its output, errors and input are those of duvisor, a terminal if input",
      "and output are one; signals are passed on. --share folders are at /mnt/TAG, and",
      "it starts in the first. Its exit code is duvisor's: 127 when it is not there,",
      "126 when it cannot be run, 125 when the guest or duvisor failed.",
      "",
      "Keys while the guest runs: Ctrl-A x stops it, Ctrl-A s shows statistics,",
      "Ctrl-A h lists them. With standard input from a pipe or a file there are no",
      "keys, and its end does not end the guest. With --console none, Ctrl-C stops it.",
      "Exit code: 0 when the guest powered off or was stopped, 1 when it failed,",
      "2 for a wrong option.",
      "",
      "Examples:",
      "  duvisor run",
      "      the guest that comes with the project: a small Linux with a shell",
      "  duvisor run --kernel Image --initrd root.cpio.gz --cpus 2 --memory 1G",
      "  duvisor run --kernel Image --disk root.img --append \"root=/dev/vda\"",
      "  duvisor run --disk root.qcow2,snapshot --share src,ro",
      "  echo 'uname -a; poweroff' | duvisor run --net user --stats",
      "  duvisor run --share . -- sh -c 'uname -a; ls -l'",
    })
final class RunCommand implements Callable<Integer> {
  private final Session.Opener<VmOptions> vm;
  private final Attended attended;
  private final Images images;
  private final List<String> words;

  @Mixin private SharedOptions shared = new SharedOptions();

  @Option(
      names = "--cpus",
      paramLabel = "N",
      defaultValue = "1",
      description = "vCPUs. Default: ${DEFAULT-VALUE}.")
  private int cpus;

  @Option(
      names = "--aia",
      paramLabel = "KIND",
      defaultValue = "none",
      converter = Aia.OfVm.class,
      completionCandidates = Aia.OfVm.class,
      description =
          "Advanced interrupts: none, a PLIC; aplic-imsic, on guest interrupt files of the harts."
              + " Default: ${DEFAULT-VALUE}.")
  private Aia aia = Aia.none;

  @Option(
      names = "--console",
      paramLabel = "KIND",
      description =
          "Console: ${COMPLETION-CANDIDATES}. Default: uart. With a command: none; another one's"
              + " output goes to standard error.")
  private VmOptions.@Nullable Console console;

  @Option(
      names = {"-e", "--env"},
      paramLabel = "NAME=VALUE",
      description = "A variable of the command's environment; NAME alone takes duvisor's own.")
  private List<String> variables = new ArrayList<>();

  @Option(
      names = {"-w", "--workdir"},
      paramLabel = "DIR",
      description = "Where the command runs. Default: the first shared folder, or /.")
  private @Nullable String workdir;

  @Option(
      names = "--harts",
      paramLabel = "KIND",
      defaultValue = "auto",
      description =
          "What the VM runs on: ${COMPLETION-CANDIDATES}. Default: the host's harts if it has"
              + " DV-ext and the driver, simulated ones otherwise.")
  private Harts.Choice harts = Harts.Choice.auto;

  @Option(
      names = "--leaf",
      paramLabel = "SIZE",
      defaultValue = "1G",
      converter = Size.Converter.class,
      description =
          "The largest leaf of the guest's stage-2 tables: 4K, 2M or 1G. Default:"
              + " ${DEFAULT-VALUE}.")
  private Size leaf = new Size(1);

  @Option(names = "--verbose", description = "Say when the guest starts.")
  private boolean verbose;

  /**
   * The command.
   *
   * @param words what the guest runs instead of a shell, if any
   */
  RunCommand(Session.Opener<VmOptions> vm, Attended attended, Images images, List<String> words) {
    this.vm = vm;
    this.words = words;
    this.attended = attended;
    this.images = images;
  }

  @Override
  public Integer call() throws Exception {
    GuestOptions guest = shared.guest();
    Optional<GuestCommand> command = command(guest);
    if (guest.kernel().isEmpty() || command.isPresent()) {
      Path kernel = guest.kernel().orElseGet(images::kernel);
      Optional<Path> initrd = guest.initrd();
      guest = guest.with(kernel, Optional.of(initrd.orElseGet(images::initrd)));
    }
    VmOptions options = asked(guest, command);
    return attended.run(vm, options, terminal(options), Attended.Say.of(verbose, shared.stats()));
  }

  private static Supplier<UserTerminal> terminal(VmOptions options) {
    if (options.command().isPresent()) {
      return options.command().get().terminal() ? UserTerminal::open : UserTerminal::piped;
    }
    return options.console() == VmOptions.Console.none
        ? UserTerminal::outputOnly
        : UserTerminal::open;
  }

  private Optional<GuestCommand> command(GuestOptions guest) {
    if (words.isEmpty()) {
      if (!variables.isEmpty() || workdir != null) {
        throw new UserError("--env and --workdir are for a command: duvisor run ... -- COMMAND");
      }
      return Optional.empty();
    }
    if (guest.initrd().isPresent()) {
      throw new UserError("a command after -- runs in the project's guest: leave out --initrd");
    }
    boolean terminal = isTerminal();
    return Optional.of(
        new GuestCommand(words, environment(terminal), Optional.ofNullable(workdir), terminal));
  }

  /** Whether input and output both are the user's terminal. */
  @SuppressWarnings("SystemConsoleNull") // since JDK 25 it may be null again
  private static boolean isTerminal() {
    Console user = System.console();
    return user != null && user.isTerminal();
  }

  private List<String> environment(boolean terminal) {
    Map<String, String> all = new LinkedHashMap<>(Map.of("HOME", "/root", "PATH", "/bin"));
    if (terminal) {
      all.put("TERM", Optional.ofNullable(System.getenv("TERM")).orElse("vt100"));
    }
    for (String variable : variables) {
      int sign = variable.indexOf('=');
      String name = sign < 0 ? variable : variable.substring(0, sign);
      if (name.isEmpty()) {
        throw new UserError("--env '" + variable + "' is not NAME=VALUE");
      }
      if (sign >= 0) {
        all.put(name, variable.substring(sign + 1));
      } else if (System.getenv(name) != null) {
        all.put(name, System.getenv(name));
      }
    }
    return all.entrySet().stream().map(e -> e.getKey() + "=" + e.getValue()).toList();
  }

  /** What the options say; a kernel that they do not name is not there. */
  VmOptions asked() {
    return asked(shared.guest(), Optional.empty());
  }

  private VmOptions asked(GuestOptions guest, Optional<GuestCommand> command) {
    VmOptions.Console kind =
        console != null
            ? console
            : command.isPresent() ? VmOptions.Console.none : VmOptions.Console.uart;
    return new VmOptions(
        guest, cpus, aia == Aia.imsic, kind, harts, leaf.bytes(), shared.stats(), command);
  }
}
