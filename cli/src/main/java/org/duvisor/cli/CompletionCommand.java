package org.duvisor.cli;

import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Spec;

/**
 * {@code duvisor completion}. The script itself is a resource; here it gets the commands and what
 * their options take.
 */
@Command(
    name = "completion",
    description = "Prints a completion script for bash and zsh: source <(duvisor completion)")
final class CompletionCommand implements Callable<Integer> {
  /** What begins with a file's name. */
  private static final Set<Class<?>> FILES = Set.of(Disk.class, Share.class, Path.class);

  private final PrintStream out;

  @Spec private @Nullable CommandSpec spec;

  CompletionCommand(PrintStream out) {
    this.out = out;
  }

  @Override
  public Integer call() throws IOException {
    List<String> values = new ArrayList<>();
    List<String> words = new ArrayList<>();
    describe("", spec.root(), values, words);
    try (InputStream script =
        Objects.requireNonNull(CompletionCommand.class.getResourceAsStream("completion.sh"))) {
      out.print(
          new String(script.readAllBytes(), StandardCharsets.UTF_8)
              .replace("#VALUES#", String.join("\n    ", values))
              .replace("#WORDS#", String.join("\n    ", words)));
    }
    return 0;
  }

  /**
   * Adds a case for each option's values, and one for the words of the command.
   *
   * @param name of the command, without the program's
   */
  private static void describe(
      String name, CommandSpec command, List<String> values, List<String> words) {
    List<String> own = new ArrayList<>(command.subcommands().keySet());
    for (OptionSpec option : command.options()) {
      own.add(option.longestName());
      if (option.arity().max() > 0) {
        values.add("'%s %s') %s ;;".formatted(name, option.longestName(), value(option)));
      }
    }
    boolean files = command.positionalParameters().stream().anyMatch(CompletionCommand::isFile);
    words.add("'%s') words='%s' files=%s ;;".formatted(name, String.join(" ", own), files));
    for (CommandLine sub : command.subcommands().values()) {
      describe((name + " " + sub.getCommandName()).strip(), sub.getCommandSpec(), values, words);
    }
  }

  private static String value(OptionSpec option) {
    if (option.completionCandidates() == null) {
      return "files=" + isFile(option);
    }
    return "words='" + String.join(" ", option.completionCandidates()) + "'";
  }

  private static boolean isFile(ArgSpec argument) {
    return FILES.contains(
        argument.typeInfo().isMultiValue() ? argument.auxiliaryTypes()[0] : argument.type());
  }
}
