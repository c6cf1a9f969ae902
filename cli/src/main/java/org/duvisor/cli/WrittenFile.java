package org.duvisor.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** A file that is written at the end of a long run: what is in its way is told at the beginning. */
final class WrittenFile implements ITypeConverter<Path> {
  @Override
  public Path convert(String text) {
    Path file = Path.of(text);
    if (text.isEmpty() || Files.isDirectory(file)) {
      throw new TypeConversionException("'" + text + "' is no file");
    }
    if (Files.exists(file) ? !opens(file) : !mayHold(file.toAbsolutePath().getParent())) {
      throw new TypeConversionException("'" + text + "' cannot be written");
    }
    return file;
  }

  private static boolean opens(Path file) {
    if (!Files.isRegularFile(file)) { // a pipe would be waited for
      return Files.isWritable(file);
    }
    try (var _ = Files.newByteChannel(file, StandardOpenOption.WRITE)) {
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  /** By trying: root has every permission, and may still not. */
  private static boolean mayHold(@Nullable Path folder) {
    if (folder == null) {
      return false;
    }
    try {
      Files.delete(Files.createTempFile(folder, ".duvisor", null));
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  /** The same for a folder of such files, which is made with those above it. */
  static final class Folder implements ITypeConverter<Path> {
    @Override
    public Path convert(String text) {
      Path folder = Path.of(text);
      Path there = folder.toAbsolutePath();
      while (there != null && !Files.exists(there)) {
        there = there.getParent();
      }
      if (text.isEmpty() || !mayHold(there)) {
        throw new TypeConversionException("'" + text + "' is no folder that can be written");
      }
      return folder;
    }
  }
}
