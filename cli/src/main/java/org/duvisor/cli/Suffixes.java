package org.duvisor.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;

/**
 * An argument FILE,OPT,OPT. A file's name may have commas too: only what is known as an option is
 * taken off its end.
 *
 * @param file what is left
 * @param options from left to right
 */
record Suffixes(String file, List<String> options) {
  static Suffixes split(String text, Predicate<String> known) {
    String file = text;
    List<String> options = new ArrayList<>();
    int comma = file.lastIndexOf(',');
    while (comma >= 0 && known.test(file.substring(comma + 1))) {
      options.addFirst(file.substring(comma + 1));
      file = file.substring(0, comma);
      comma = file.lastIndexOf(',');
    }
    return new Suffixes(file, options);
  }

  /**
   * What to say of a file that is not there: perhaps its name was not meant to have a comma.
   *
   * @param known the options that there are, for the user
   */
  static String missing(Path file, String known) {
    String name = file.toString();
    int comma = name.lastIndexOf(',');
    return comma < 0
        ? name + ": no such file"
        : name + ": no such file, and '" + name.substring(comma + 1) + "' is none of " + known;
  }
}
