package org.duvisor.cli;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.duvisor.jit.RegionText;
import org.duvisor.jit.RegionTranslator;
import org.duvisor.machine.interp.Source;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** {@code duvisor lab translate}. */
@Command(
    name = "translate",
    description =
        "Translates regions that --dump-translations wrote (region-*.txt) once more, writes the"
            + " class files beside them, and says how large they are.",
    mixinStandardHelpOptions = true)
final class LabTranslateCommand implements Callable<Integer> {
  private final PrintStream out;

  @Parameters(paramLabel = "FILE", arity = "1..*", description = "Texts of regions.")
  private List<Path> files = new ArrayList<>();

  LabTranslateCommand(PrintStream out) {
    this.out = out;
  }

  @Override
  public Integer call() throws IOException {
    for (Path file : files) {
      Source source;
      try {
        source = RegionText.read(Files.readString(file));
      } catch (IllegalArgumentException e) {
        throw new UserError(file + ": " + e.getMessage());
      }
      byte[] classFile = RegionTranslator.classFile(source);
      String name = file.getFileName().toString().replaceFirst("\\.txt$", "") + ".class";
      Files.write(file.resolveSibling(name), classFile);
      out.printf(
          "%s: %d instructions, %d blocks, %d entries, class file of %d bytes%n",
          file, source.size(), source.blocks().size(), source.entries().size(), classFile.length);
    }
    return 0;
  }
}
