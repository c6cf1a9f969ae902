package org.duvisor.cli;

import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code duvisor lab}: the parent of the experiments. */
@Command(name = "lab", description = "Experiments and benchmarks.")
final class LabCommand implements Runnable {
  @Spec private @Nullable CommandSpec spec;

  @Override
  public void run() {
    throw new ParameterException(
        spec.commandLine(),
        "missing experiment: " + String.join(", ", spec.subcommands().keySet()));
  }
}
