package org.duvisor.cli;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import picocli.CommandLine;
import picocli.CommandLine.UnmatchedArgumentException;

/** What a user may have meant by a word that is none of those there are. */
final class Nearby {
  private static final int MOST_SLIPS = 2;

  private Nearby() {}

  /** Options or commands that are nearly what was not understood first, nearest ones alone. */
  static List<String> of(UnmatchedArgumentException e) {
    String word = e.getUnmatched().getFirst().replaceFirst("=.*", "");
    CommandLine command = e.getCommandLine();
    List<String> names = new ArrayList<>(command.getSubcommands().keySet());
    if (word.startsWith("-")) {
      names = new ArrayList<>(command.getCommandSpec().optionsMap().keySet());
    }
    return of(word, names);
  }

  /** Those of the names that fewest slips lead to, at most two, and at most half of its letters. */
  static List<String> of(String word, Collection<String> names) {
    int fewest = Math.min(MOST_SLIPS, word.length() / 2);
    List<String> nearest = new ArrayList<>();
    for (String name : names) {
      int slips = slips(word, name);
      if (slips < fewest) {
        nearest.clear();
        fewest = slips;
      }
      if (slips == fewest) {
        nearest.add(name);
      }
    }
    return nearest;
  }

  /** Letters left out, added, mistaken, or changed in order: the restricted edit distance. */
  private static int slips(String from, String to) {
    int[][] cost = new int[from.length() + 1][to.length() + 1];
    for (int i = 0; i <= from.length(); i++) {
      for (int j = 0; j <= to.length(); j++) {
        if (i == 0 || j == 0) {
          cost[i][j] = i + j;
          continue;
        }
        int mistaken = from.charAt(i - 1) == to.charAt(j - 1) ? 0 : 1;
        int least = Math.min(cost[i - 1][j], cost[i][j - 1]) + 1;
        least = Math.min(least, cost[i - 1][j - 1] + mistaken);
        if (i > 1
            && j > 1
            && from.charAt(i - 1) == to.charAt(j - 2)
            && from.charAt(i - 2) == to.charAt(j - 1)) {
          least = Math.min(least, cost[i - 2][j - 2] + 1);
        }
        cost[i][j] = least;
      }
    }
    return cost[from.length()][to.length()];
  }
}
