package org.duvisor.cli;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.duvisor.lab.ExitBenchmark;
import org.duvisor.lab.ExitReport;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code duvisor lab exits}. */
@Command(
    name = "exits",
    description =
        "Counts VM exits and entries into the host's kernel, under DuVisor and under KVM, on the"
            + " full stack.",
    sortOptions = false,
    footer = {
      "",
      "Boots what \"duvisor host\" boots, on a deterministic board: how busy the computer is does"
          + " not matter.",
      "",
      "Example:",
      "  duvisor lab exits --loads cpu,disk --out exits.json",
    })
final class LabExitsCommand implements Callable<Integer> {
  private final Boards boards;
  private final Path home;
  private final PrintStream out;
  private final PrintStream err;

  @Option(
      names = "--loads",
      paramLabel = "LOAD",
      split = ",",
      description = "What the guest does: ${COMPLETION-CANDIDATES}. Default: all.")
  private List<ExitBenchmark.Load> loads = List.of(ExitBenchmark.Load.values());

  @Option(
      names = "--aia",
      paramLabel = "KIND",
      defaultValue = "none",
      converter = Aia.OfBoard.class,
      completionCandidates = Aia.OfBoard.class,
      description =
          "The board's interrupt controllers, as for \"duvisor machine\"."
              + " Default: ${DEFAULT-VALUE}.")
  private Aia aia = Aia.none;

  @Mixin private LabOptions options = new LabOptions();

  LabExitsCommand(Boards boards, Path home, PrintStream out, PrintStream err) {
    this.boards = boards;
    this.home = home;
    this.out = out;
    this.err = err;
  }

  @Override
  public Integer call() throws IOException, InterruptedException {
    FullStack stack = FullStack.build(home, false);
    var images = new Training(boards, err).images(stack);
    try (Engine.Running running = options.engine().start(true, Optional.empty())) {
      ExitReport report =
          ExitBenchmark.run(
              images,
              new ExitBenchmark.Options(aia.controller(), loads),
              running.harts(),
              Map.of("revision", Version.revision(), "engine", options.engine().toString()),
              err);
      options.publish(report, out);
    }
    return 0;
  }
}
