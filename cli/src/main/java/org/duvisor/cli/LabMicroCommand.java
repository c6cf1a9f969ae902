package org.duvisor.cli;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.duvisor.lab.EmbeddedMicro;
import org.duvisor.lab.MicroBenchmark;
import org.duvisor.lab.MicroReport;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code duvisor lab micro}. */
@Command(
    name = "micro",
    description =
        "Measures what single exits cost, under DuVisor and under KVM, on the full stack; or under"
            + " DuVisor in this process.",
    sortOptions = false,
    footer = {
      "",
      "Boots what \"duvisor host\" boots, on a deterministic board, and counts the instructions of"
          + " its harts.",
      "",
      "Examples:",
      "  duvisor lab micro --out micro.json --svg micro.svg",
      "  duvisor lab micro --aia aplic-imsic --smp 2",
      "  duvisor lab micro --embedded",
    })
final class LabMicroCommand implements Callable<Integer> {
  private final Images images;
  private final Boards boards;
  private final Path home;
  private final PrintStream out;
  private final PrintStream err;

  @Option(
      names = "--embedded",
      description = "On simulated harts in this process, in nanoseconds; without KVM.")
  private boolean embedded;

  @Option(
      names = "--smp",
      paramLabel = "N",
      defaultValue = "1",
      description = "Harts of the board and vCPUs of the guest, 1 to 4. Default: ${DEFAULT-VALUE}.")
  private int harts;

  @Option(
      names = "--aia",
      paramLabel = "KIND",
      defaultValue = "none",
      description =
          "Interrupts of board and guest: none, a PLIC; aplic-imsic. Default: ${DEFAULT-VALUE}.")
  private Aia aia = Aia.none;

  @Option(
      names = "--turn",
      paramLabel = "N",
      defaultValue = "10",
      description =
          "Instructions of a turn of the board's harts while one answers another: how exact that"
              + " is. Default: ${DEFAULT-VALUE}.")
  private long turn;

  @Option(
      names = "--neighbour",
      description = "Another guest, a Linux that keeps busy, runs under DuVisor all the while.")
  private boolean neighbour;

  @Option(
      names = "--svg",
      paramLabel = "FILE",
      converter = WrittenFile.class,
      description = "Draw the medians there.")
  private @Nullable Path drawing;

  @Mixin private LabOptions options = new LabOptions();

  LabMicroCommand(Boards boards, Path home, PrintStream out, PrintStream err) {
    this.boards = boards;
    this.images = new Images(home);
    this.home = home;
    this.out = out;
    this.err = err;
  }

  @Override
  public Integer call() throws IOException, InterruptedException {
    if (harts < 1 || harts > (embedded ? 2 : 4)) {
      throw new UserError(embedded ? "--smp is 1 or 2 with --embedded" : "--smp is 1 to 4");
    }
    if (embedded && neighbour) {
      throw new UserError("--neighbour is for the full stack, not --embedded");
    }
    if (aia == Aia.aplic) {
      throw new UserError("--aia is none or aplic-imsic");
    }
    if (turn < 1 || turn > 5000) {
      throw new UserError("--turn is 1 to 5000");
    }
    try (Engine.Running running = options.engine().start(!embedded, Optional.empty())) {
      MicroReport report = embedded ? embedded(running) : stack(running);
      options.publish(report, out);
      if (drawing != null) {
        report.draw(drawing);
      }
    }
    return 0;
  }

  private MicroReport embedded(Engine.Running running) throws IOException {
    return EmbeddedMicro.run(images.micro(), harts, aia == Aia.imsic, running.harts(), about());
  }

  private MicroReport stack(Engine.Running running) throws IOException, InterruptedException {
    FullStack stack = FullStack.build(home, false);
    return MicroBenchmark.run(
        new Training(boards, err).images(stack),
        images.micro(),
        new MicroBenchmark.Options(aia.controller(), harts, turn, neighbour),
        running.harts(),
        about(),
        err);
  }

  private Map<String, String> about() throws IOException {
    return Map.of("revision", Version.revision(), "engine", options.engine().toString());
  }
}
