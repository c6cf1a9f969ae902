package org.duvisor.cli;

import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import org.duvisor.cli.terminal.UserTerminal;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code duvisor host}. */
@Command(
    name = "host",
    description =
        "Boots the full stack: the board, a host Linux with the driver, and in it DuVisor on a"
            + " riscv64 JVM with a guest.",
    sortOptions = false,
    footer = {
      "",
      "The first time, and after changes, the images are built: guest/full-stack.sh says what of"
          + " and needs the network. Keys as for \"duvisor machine\".",
      "",
      "Examples:",
      "  duvisor host",
      "      ends in the shell of a guest",
      "  duvisor host -- --cpus 2 --memory 256M",
      "      the same; what comes after -- is given to \"duvisor run\" on the host",
      "  duvisor host --aia aplic-imsic -- --aia aplic-imsic",
      "      the same with advanced interrupts on the board and in the guest",
      "  duvisor host --shell",
      "      ends in the host's shell, where \"duvisor run\" and KVM are ready",
    })
final class HostCommand implements Callable<Integer> {
  private static final String KERNEL_LINE = "console=ttyS0 quiet";
  private static final List<Stages.Stage> TO_THE_GUEST =
      List.of(
          Stages.HOST,
          new Stages.Stage("JVM and DuVisor", Attended.STARTS),
          new Stages.Stage("guest Linux", "DuVisor guest ready"));

  private final Boards boards;
  private final Path home;
  private final PrintStream err;

  @Spec private @Nullable CommandSpec spec;

  @Option(names = "--shell", description = "End in the host's shell, without a guest.")
  private boolean shell;

  @Option(
      names = "--smp",
      paramLabel = "N",
      defaultValue = "1",
      description = "Harts of the board. Default: ${DEFAULT-VALUE}.")
  private int harts;

  @Option(
      names = "--aia",
      paramLabel = "KIND",
      defaultValue = "none",
      converter = Aia.OfBoard.class,
      completionCandidates = Aia.OfBoard.class,
      description =
          "Advanced interrupts of the board: ${COMPLETION-CANDIDATES}; with aplic-imsic, guests can"
              + " have them too (-- --aia aplic-imsic). Default: ${DEFAULT-VALUE}.")
  private Aia aia = Aia.none;

  @Option(
      names = "--memory",
      paramLabel = "SIZE",
      defaultValue = "1G",
      converter = Size.Converter.class,
      description = "Memory of the board. Default: ${DEFAULT-VALUE}.")
  private Size memory = new Size(1);

  @Mixin private LinkOptions links = new LinkOptions();

  @Mixin private CpuOption cpu = new CpuOption();

  @Mixin private EngineOption engine = new EngineOption();

  @Option(
      names = "--deterministic",
      description = "All harts on one thread, in virtual time: the same run each time.")
  private boolean deterministic;

  @Option(
      names = "--no-training",
      description = "Do without the cache that makes the JVM on the host start faster.")
  private boolean noTraining;

  @Option(
      names = "--stock",
      description =
          "Debian's own kernel on the host: half a minute of preparation in place of a compile.")
  private boolean stock;

  @Option(names = "--stats", description = "Print statistics at the end.")
  private boolean stats;

  @Parameters(
      paramLabel = "OPTION",
      description = "Options of \"duvisor run\" on the host, after --.")
  private List<String> guest = new ArrayList<>();

  HostCommand(Boards boards, Path home, PrintStream err) {
    this.boards = boards;
    this.home = home;
    this.err = err;
  }

  @Override
  public Integer call() throws Exception {
    String arguments = String.join(",", checked());
    FullStack stack = FullStack.build(home, stock);
    Path root = noTraining ? stack.root() : new Training(boards, err).root(stack);
    String line = KERNEL_LINE + (shell ? "" : " duvisor.run=" + arguments);
    BoardOptions options = options(stack, Disk.of(root, true), line);
    List<Stages.Stage> stages = shell ? List.of(Stages.HOST) : TO_THE_GUEST;
    return new Attended(err)
        .run(
            (o, input, output) -> watched(o, input, new Stages(output, err, stages)),
            options,
            UserTerminal::open,
            Attended.Say.of(false, stats));
  }

  /**
   * What "duvisor run" gets, which is to be one word of the kernel's command line. All options are
   * checked here: what follows takes minutes.
   */
  private List<String> checked() throws IOException {
    for (String argument : guest) {
      if (!argument.matches("[A-Za-z0-9=:./_+-]+")) {
        throw new ParameterException(
            spec.commandLine(),
            "'" + argument + "': options for the guest may hold letters, digits and =:./_+- only");
      }
    }
    List<String> all = new ArrayList<>(List.of("--verbose"));
    addUnlessGiven(all, "--append", "quiet");
    addUnlessGiven(all, "--memory", "256M");
    all.addAll(guest);
    var options = new StackOptions(harts, memory, cpu.get(), aia, links);
    options.check();
    options.check(asked(all));
    if (shell && !guest.isEmpty()) {
      throw new UserError("--shell starts no guest, for which the options after -- would be");
    }
    return all;
  }

  /** What "duvisor run" would read from its arguments. */
  private VmOptions asked(List<String> arguments) {
    Session.Opener<VmOptions> none =
        (_, _, _) -> {
          throw new IllegalStateException("a guest is not run here");
        };
    var run = new RunCommand(none, new Attended(err), new Images(home), List.of());
    try {
      var read = Duvisor.standard(new CommandLine(run)).parseArgs(arguments.toArray(String[]::new));
      if (read.isUsageHelpRequested() || read.isVersionHelpRequested()) {
        throw new UserError("help for the options after -- is in: duvisor run --help");
      }
    } catch (ParameterException e) {
      throw new ParameterException(spec.commandLine(), "after --: " + e.getMessage());
    }
    return run.asked();
  }

  private void addUnlessGiven(List<String> all, String option, String value) {
    if (guest.stream().noneMatch(a -> a.equals(option) || a.startsWith(option + "="))) {
      all.add(option);
      all.add(value);
    }
  }

  private BoardOptions options(FullStack stack, Disk root, String append) {
    var guest =
        new GuestOptions(
            GuestOptions.Boot.of(stack.kernel(), stack.initrd(), append),
            memory,
            List.of(root),
            links.shares(),
            links.nets(),
            new GuestOptions.Execution(cpu.get(), engine.get(), Optional.empty()),
            true);
    return new BoardOptions(
        Optional.of(stack.firmware()),
        guest,
        harts,
        Optional.empty(),
        deterministic,
        aia,
        OptionalInt.empty(),
        0);
  }

  private Session watched(BoardOptions options, InputStream input, Stages output)
      throws IOException {
    Session session = boards.open(options, input, output);
    output.count(session::instructions);
    return session;
  }
}
