package org.duvisor.cli;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import org.duvisor.lab.Figures;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** The options that experiments on one engine have alike. */
final class LabOptions {
  @Mixin private EngineOption engine = new EngineOption();

  @Option(
      names = "--out",
      paramLabel = "FILE",
      converter = WrittenFile.class,
      description = "Write the figures there, as JSON.")
  private @Nullable Path file;

  Engine engine() {
    return engine.get();
  }

  /** Prints the figures, and writes them where the user wants them. */
  void publish(Figures figures, PrintStream out) throws IOException {
    out.print(figures.text());
    if (file != null) {
      figures.write(file);
    }
  }
}
