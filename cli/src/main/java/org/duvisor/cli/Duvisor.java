package org.duvisor.cli;

import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import picocli.AutoComplete.GenerateCompletion;
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
    System.exit(
        run(arguments, Wiring::vm, new Wiring.Board(), home, debug, System.out, System.err));
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
    var failures = new Failures(err, debug);
    try {
      var attended = new Attended(err);
      return new CommandLine(new Duvisor())
          .addSubcommand(standard(new CommandLine(new RunCommand(vm, attended, new Images(home)))))
          .addSubcommand(standard(new CommandLine(new MachineCommand(boards, attended))))
          .addSubcommand(
              lab(
                  new LabEngineCommand(new Images(home), out, err),
                  new LabBootCommand(home, out, err),
                  new LabHypercallCommand(out),
                  new LabTranslateCommand(out)))
          .addSubcommand("completion", completion())
          .setOut(new PrintWriter(out, true, StandardCharsets.UTF_8))
          .setErr(new PrintWriter(err, true, StandardCharsets.UTF_8))
          .setParameterExceptionHandler(failures::usage)
          .setExecutionExceptionHandler((e, _, _) -> failures.failure(e))
          .setUsageHelpAutoWidth(true)
          .setUsageHelpLongOptionsMaxWidth(28)
          .execute(arguments);
    } catch (Throwable e) {
      return failures.failure(e);
    }
  }

  private static CommandLine standard(CommandLine command) {
    command.getCommandSpec().mixinStandardHelpOptions(true);
    return command;
  }

  /** The experiments, each with its command. */
  private static CommandLine lab(Object... experiments) {
    CommandLine lab = standard(new CommandLine(new LabCommand()));
    for (Object experiment : experiments) {
      lab.addSubcommand(standard(new CommandLine(experiment)));
    }
    return lab;
  }

  private static CommandLine completion() {
    var command = new CommandLine(new GenerateCompletion());
    command
        .getCommandSpec()
        .usageMessage()
        .description("Prints a completion script for bash and zsh: source <(duvisor completion)");
    return command;
  }

  @Override
  public void run() {
    throw new ParameterException(
        spec.commandLine(), "missing command: run, machine, lab or completion");
  }
}
