package org.duvisor.cli;

import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import picocli.CommandLine.TypeConversionException;

/** File names as users write them. */
final class FileName {
  private FileName() {}

  /**
   * The file of that name.
   *
   * @throws TypeConversionException when it is empty, or cannot be said in the JVM's locale
   */
  static Path path(String name) {
    if (name.isEmpty()) {
      throw new TypeConversionException("an empty name is no file's");
    }
    try {
      return Path.of(name);
    } catch (InvalidPathException e) {
      throw new TypeConversionException(
          "'" + name + "' is no file name in this locale (LC_ALL=C.UTF-8 has them all)");
    }
  }
}
