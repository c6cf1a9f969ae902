package org.duvisor.cli;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.duvisor.lab.BootBenchmark;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code duvisor lab boot}. */
@Command(
    name = "boot",
    description = "Measures a cold boot: from the start of the process to the guest's prompt.",
    sortOptions = false,
    footer = {
      "",
      "With the launcher's cache of classes, and without; the two take turns.",
      "",
      "Example:",
      "  duvisor lab boot --runs 10 --out boot.json",
    })
final class LabBootCommand implements Callable<Integer> {
  private static final int MAX_RUNS = 1000;

  private final Path home;
  private final PrintStream out;
  private final PrintStream err;

  @Option(
      names = "--runs",
      paramLabel = "N",
      defaultValue = "5",
      description = "Boots of each kind. Default: ${DEFAULT-VALUE}.")
  private int runs;

  @Mixin private LabOptions options = new LabOptions();

  LabBootCommand(Path home, PrintStream out, PrintStream err) {
    this.home = home;
    this.out = out;
    this.err = err;
  }

  @Override
  public Integer call() throws IOException {
    if (runs < 1 || runs > MAX_RUNS) {
      throw new UserError("--runs is 1 to " + MAX_RUNS);
    }
    Map<String, List<String>> ways = new LinkedHashMap<>();
    List<String> cache =
        LabEngineCommand.arguments().stream().filter(a -> a.startsWith("-XX:AOTCache")).toList();
    if (!cache.isEmpty()) {
      ways.put("with cache", command(List.of(cache.getFirst(), "-Xlog:aot=off")));
    }
    ways.put("without", command(List.of()));
    BootBenchmark.Report report = BootBenchmark.run(ways, runs, Version.revision(), err);
    options.publish(report, out);
    return 0;
  }

  private List<String> command(List<String> cache) {
    List<String> command = new ArrayList<>(LabEngineCommand.jvm());
    command.addAll(1, cache);
    command.add("-Dduvisor.home=" + home);
    command.addAll(
        List.of(
            Duvisor.class.getName(),
            "run",
            "--append",
            "quiet",
            "--engine",
            options.engine().toString()));
    return command;
  }
}
