package org.duvisor.cli;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.duvisor.virtio.blk.DiskImage.Format;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/**
 * A disk in a file.
 *
 * @param format of the file; empty to go by its name
 * @param readOnly whether the guest may only read it
 * @param snapshot whether what the guest writes is kept elsewhere and forgotten at the end
 * @param anyBacking whether backing files may be in another folder than their image
 */
public record Disk(
    Path file, Optional<Format> format, boolean readOnly, boolean snapshot, boolean anyBacking) {
  private static final List<String> OPTIONS =
      List.of("ro", "snapshot", "format=raw", "format=qcow2", "backing=any");

  /** Whether the guest's writes go to the file. */
  boolean isWritten() {
    return !readOnly && !snapshot;
  }

  /**
   * Looks at the file, before anything slow.
   *
   * @throws UserError when it is not there
   */
  void check() {
    if (!Files.exists(file)) {
      throw new UserError("disk image " + Suffixes.missing(file, String.join(", ", OPTIONS)));
    }
  }

  /** A disk in a file whose name says its format. */
  static Disk of(Path file, boolean readOnly) {
    return new Disk(file, Optional.empty(), readOnly, false, false);
  }

  /** Reads FILE[,OPT]... from the command line. */
  public static final class Converter implements ITypeConverter<Disk> {
    @Override
    public Disk convert(String text) {
      Suffixes parts = Suffixes.split(text, OPTIONS::contains);
      List<String> options = parts.options();
      if (parts.file().isEmpty()) {
        throw new TypeConversionException("'" + text + "' names no file (FILE or FILE,OPT)");
      }
      boolean raw = options.contains("format=raw");
      boolean qcow2 = options.contains("format=qcow2");
      if (raw && qcow2) {
        throw new TypeConversionException("'" + text + "' has two formats");
      }
      if (options.contains("ro") && options.contains("snapshot")) {
        throw new TypeConversionException(
            "'" + text + "': either ro (writes are refused) or snapshot (they are forgotten)");
      }
      return new Disk(
          FileName.path(parts.file()),
          raw ? Optional.of(Format.raw) : qcow2 ? Optional.of(Format.qcow2) : Optional.empty(),
          options.contains("ro"),
          options.contains("snapshot"),
          options.contains("backing=any"));
    }
  }
}
