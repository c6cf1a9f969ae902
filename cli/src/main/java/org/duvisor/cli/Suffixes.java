package org.duvisor.cli;

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
}
