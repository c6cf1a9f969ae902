package org.duvisor.cli;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import org.duvisor.lab.Figures;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options that experiments on one engine have alike. */
final class LabOptions {
  @Option(
      names = "--engine",
      paramLabel = "KIND",
      defaultValue = "jit",
      description =
          "What executes guest code: ${COMPLETION-CANDIDATES}. Default: ${DEFAULT-VALUE}.")
  private Engine engine = Engine.jit;

  @Option(names = "--out", paramLabel = "FILE", description = "Write the figures there, as JSON.")
  private @Nullable Path file;

  Engine engine() {
    return engine;
  }

  /** Prints the figures, and writes them where the user wants them. */
  void publish(Figures figures, PrintStream out) throws IOException {
    out.print(figures.text());
    if (file != null) {
      figures.write(file);
    }
  }
}
