package org.duvisor.cli;

import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The {@code duvisor} command. */
@Command(
    name = "duvisor",
    description = {
      "A hypervisor in user mode through delegated virtualization, with the RISC-V machine it runs"
          + " on."
    },
    versionProvider = Version.class,
    mixinStandardHelpOptions = true,
    footer = {"", "'duvisor run' starts a small Linux guest. 'duvisor COMMAND --help' says more."})
public final class Duvisor implements Runnable {
  @Spec private CommandSpec spec = CommandSpec.create();

  private Duvisor() {}

  /** Runs the command and ends the process with its exit code. */
  public static void main(String[] arguments) {
    var home = Path.of(System.getProperty("duvisor.home", ""));
    boolean debug = System.getenv().getOrDefault("DUVISOR_DEBUG", "").equals("1");
    int code = run(arguments, Wiring::vm, new Wiring.Board(), home, debug, System.out, System.err);
    if (System.out.checkError() && code == 0) {
      System.err.println("duvisor: standard output does not take what was printed");
      code = Failures.FAILURE;
    }
    System.exit(code);
  }

  /**
   * Runs the command.
   *
   * @param vm how {@code run} sets up a VM
   * @param boards how {@code machine} sets up a board
   * @param home the project's folder, for the images that come with it
   * @param debug whether failures show a stack trace
   * @return the exit code
   */
  static int run(
      String[] arguments,
      Session.Opener<VmOptions> vm,
      Boards boards,
      Path home,
      boolean debug,
      PrintStream out,
      PrintStream err) {
    int end = List.of(arguments).indexOf("--");
    boolean forCommand = end > 0 && arguments[0].equals("run");
    String[] options = forCommand ? Arrays.copyOf(arguments, end) : arguments;
    List<String> command =
        forCommand ? List.of(arguments).subList(end + 1, arguments.length) : List.of();
    var failures = new Failures(err, debug, forCommand);
    try {
      if (forCommand && command.isEmpty()) {
        throw new UserError("no command after --");
      }
      var attended = new Attended(err);
      Map<String, Supplier<CommandLine>> all = new LinkedHashMap<>();
      all.put(
          "run", () -> new CommandLine(new RunCommand(vm, attended, new Images(home), command)));
      all.put("machine", () -> new CommandLine(new MachineCommand(boards, attended)));
      all.put("host", () -> new CommandLine(new HostCommand(boards, home, err)));
      all.put(
          "lab",
          () ->
              lab(
                  new LabEngineCommand(new Images(home), out, err),
                  new LabBootCommand(home, out, err),
                  new LabMicroCommand(boards, home, out, err),
                  new LabExitsCommand(boards, home, out, err),
                  new LabTranslateCommand(out)));
      all.put("completion", () -> new CommandLine(new CompletionCommand(out)));
      var duvisor = new CommandLine(new Duvisor());
      wanted(options, all)
          .forEach((name, make) -> duvisor.addSubcommand(name, standard(make.get())));
      return duvisor
          .setOut(new PrintWriter(out, true, StandardCharsets.UTF_8))
          .setErr(new PrintWriter(err, true, StandardCharsets.UTF_8))
          .setParameterExceptionHandler(failures::usage)
          .setExecutionExceptionHandler((e, _, _) -> failures.failure(e))
          .setUsageHelpLongOptionsMaxWidth(28) // after the next it would run stty, help or not
          .setUsageHelpAutoWidth(true)
          .setExpandAtFiles(false) // a file's name may begin with @
          .registerConverter(Path.class, FileName::path)
          .execute(words(options, all.keySet()));
    } catch (Throwable e) {
      return failures.failure(e);
    }
  }

  /** Takes "help", "help COMMAND..." and "version" as the options that they stand for. */
  private static String[] words(String[] arguments, Set<String> commands) {
    List<String> words = new ArrayList<>(List.of(arguments));
    if (words.equals(List.of("version"))) {
      words.set(0, "--version");
    } else if (!words.isEmpty() && words.getFirst().equals("help")) {
      words.removeFirst();
      if (words.isEmpty() || commands.contains(words.getFirst())) {
        words.add("--help");
      }
    }
    return words.toArray(String[]::new);
  }

  /**
   * The one command that the arguments name, or all when they name none: reading what a command
   * looks like is a good part of a short run.
   */
  private static Map<String, Supplier<CommandLine>> wanted(
      String[] arguments, Map<String, Supplier<CommandLine>> all) {
    Supplier<CommandLine> named = arguments.length == 0 ? null : all.get(arguments[0]);
    return named == null || named == all.get("completion") ? all : Map.of(arguments[0], named);
  }

  static CommandLine standard(CommandLine command) {
    command.getCommandSpec().mixinStandardHelpOptions(true).versionProvider(new Version());
    return command;
  }

  /** The experiments, each with its command. */
  private static CommandLine lab(Object... experiments) {
    CommandLine lab = new CommandLine(new LabCommand());
    for (Object experiment : experiments) {
      lab.addSubcommand(standard(new CommandLine(experiment)));
    }
    return lab;
  }

  @Override
  public void run() {
    throw new ParameterException(
        spec.commandLine(), "missing command: run, machine, host, lab or completion");
  }
}
