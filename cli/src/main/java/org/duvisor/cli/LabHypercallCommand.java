package org.duvisor.cli;

import java.io.PrintStream;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.duvisor.lab.HypercallBenchmark;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code duvisor lab hypercall}. */
@Command(
    name = "hypercall",
    description = "Measures a null hypercall: from the guest to DuVisor's SBI handler and back.",
    mixinStandardHelpOptions = true)
final class LabHypercallCommand implements Callable<Integer> {
  private final PrintStream out;

  @Option(
      names = "--rounds",
      paramLabel = "N",
      defaultValue = "5",
      description = "Measurements, 1 to 100. Default: ${DEFAULT-VALUE}.")
  private int rounds;

  @Mixin private LabOptions options = new LabOptions();

  LabHypercallCommand(PrintStream out) {
    this.out = out;
  }

  @Override
  public Integer call() throws Exception {
    if (rounds < 1 || rounds > 100) {
      throw new UserError("--rounds is 1 to 100");
    }
    try (Engine.Running running = options.engine().start(false, Optional.empty())) {
      var report =
          HypercallBenchmark.run(
              rounds, running.harts(), options.engine().name(), Version.revision());
      options.publish(report, out);
    }
    return 0;
  }
}
