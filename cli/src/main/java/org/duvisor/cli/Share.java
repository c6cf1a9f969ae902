package org.duvisor.cli;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.duvisor.virtio.p9.P9;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/**
 * A host folder for the guest.
 *
 * @param readOnly whether the guest may only read it
 * @param tag what the guest mounts it by; empty for a name by position
 */
public record Share(Path folder, boolean readOnly, Optional<String> tag) {
  private static final String TAG = "tag=";

  /**
   * Looks at the folder, before anything slow.
   *
   * @throws UserError when it is not there
   */
  void check() {
    if (!Files.exists(folder)) {
      throw new UserError("shared folder " + Suffixes.missing(folder, "ro, tag=TAG"));
    }
    if (!Files.isDirectory(folder)) {
      throw new UserError("shared folder " + folder + ": not a folder");
    }
  }

  /**
   * What the guest mounts each by.
   *
   * @throws UserError when two have the same
   */
  static List<String> tags(List<Share> shares) {
    List<String> tags = new ArrayList<>();
    for (Share share : shares) {
      int i = tags.size();
      String tag = share.tag().orElse(i == 0 ? "share" : "share" + i);
      if (tags.contains(tag)) {
        throw new UserError("two shared folders have the tag " + tag);
      }
      tags.add(tag);
    }
    return tags;
  }

  /** Reads DIR[,OPT]... from the command line. */
  public static final class Converter implements ITypeConverter<Share> {
    @Override
    public Share convert(String text) {
      Suffixes parts = Suffixes.split(text, o -> o.equals("ro") || o.startsWith(TAG));
      Optional<String> tag =
          parts.options().stream()
              .filter(o -> o.startsWith(TAG))
              .map(o -> o.substring(TAG.length()))
              .findFirst();
      if (parts.file().isEmpty()) {
        throw new TypeConversionException("'" + text + "' names no folder (DIR or DIR,OPT)");
      }
      if (tag.isPresent() && !tag.get().matches("[A-Za-z0-9._-]{1," + P9.MAX_TAG + "}")) {
        throw new TypeConversionException(
            "'"
                + tag.get()
                + "' is no tag (1 to "
                + P9.MAX_TAG
                + " letters, digits, '.', '_', '-')");
      }
      return new Share(FileName.path(parts.file()), parts.options().contains("ro"), tag);
    }
  }
}
