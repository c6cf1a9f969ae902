package org.duvisor.cli;

import java.nio.file.Path;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** A disk: a file, or a block device, and whether the guest may write to it. */
public record Disk(Path file, boolean readOnly) {
  /** Reads FILE[,ro] from the command line. */
  public static final class Converter implements ITypeConverter<Disk> {
    @Override
    public Disk convert(String text) {
      boolean readOnly = text.endsWith(",ro");
      String file = readOnly ? text.substring(0, text.length() - ",ro".length()) : text;
      if (file.isEmpty()) {
        throw new TypeConversionException("'" + text + "' names no file (FILE or FILE,ro)");
      }
      return new Disk(Path.of(file), readOnly);
    }
  }
}
