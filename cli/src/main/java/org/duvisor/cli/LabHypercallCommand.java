package org.duvisor.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.duvisor.lab.HypercallBenchmark;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
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

  @Option(
      names = "--engine",
      paramLabel = "KIND",
      defaultValue = "jit",
      description =
          "What executes guest code: ${COMPLETION-CANDIDATES}. Default: ${DEFAULT-VALUE}.")
  private Engine engine = Engine.jit;

  @Option(names = "--out", paramLabel = "FILE", description = "Write the figures there, as JSON.")
  private @Nullable Path file;

  LabHypercallCommand(PrintStream out) {
    this.out = out;
  }

  @Override
  public Integer call() throws Exception {
    if (rounds < 1 || rounds > 100) {
      throw new UserError("--rounds is 1 to 100");
    }
    try (Engine.Running running = engine.start(false, Optional.empty())) {
      var report =
          HypercallBenchmark.run(rounds, running.harts(), engine.name(), Version.revision());
      out.print(report.text());
      if (file != null) {
        new ObjectMapper()
            .enable(SerializationFeature.INDENT_OUTPUT)
            .writeValue(file.toFile(), report);
      }
    }
    return 0;
  }
}
