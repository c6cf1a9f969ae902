package org.duvisor.cli;

import picocli.CommandLine.Option;

/** {@code --engine}, of every command that executes something. */
final class EngineOption {
  @Option(
      names = "--engine",
      paramLabel = "KIND",
      defaultValue = "jit",
      description =
          "What executes guest code: ${COMPLETION-CANDIDATES}. Default: ${DEFAULT-VALUE}.")
  private Engine engine = Engine.jit;

  Engine get() {
    return engine;
  }
}
