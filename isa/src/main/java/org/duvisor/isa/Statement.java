package org.duvisor.isa;

import java.util.ArrayList;
import java.util.List;

/**
 * One statement of an assembly text.
 *
 * @param line the line, from 1
 * @param labels labels defined here, without the colon
 * @param mnemonic instruction or directive, lower case; empty when there are only labels
 * @param operands the rest, trimmed
 */
record Statement(int line, List<String> labels, String mnemonic, String operands) {
  /**
   * Splits a text into statements; comments start with # or //, and a semicolon separates
   * statements of a line.
   */
  static List<Statement> read(String text) {
    List<Statement> statements = new ArrayList<>();
    int line = 0;
    for (String source : text.split("\n", -1)) {
      line++;
      int start = 0;
      boolean quoted = false;
      int i = 0;
      for (; i < source.length(); i++) {
        char c = source.charAt(i);
        if (quoted && c == '\\') {
          i++;
        } else if (c == '"') {
          quoted = !quoted;
        } else if (!quoted
            && c == '\''
            && i + 2 < source.length()
            && source.charAt(i + 2) == '\'') {
          i += 2; // a character constant, perhaps of a separator
        } else if (!quoted && c == ';') {
          add(statements, line, source.substring(start, i).trim());
          start = i + 1;
        } else if (!quoted && (c == '#' || source.startsWith("//", i))) {
          break;
        }
      }
      if (quoted) {
        throw new AssemblyException(line, "the string does not end");
      }
      add(statements, line, source.substring(start, Math.min(i, source.length())).trim());
    }
    return statements;
  }

  private static void add(List<Statement> statements, int line, String source) {
    List<String> labels = new ArrayList<>(1);
    String rest = source;
    for (int end = wordEnd(rest);
        end > 0 && end < rest.length() && rest.charAt(end) == ':';
        end = wordEnd(rest)) {
      labels.add(rest.substring(0, end));
      rest = rest.substring(end + 1).trim();
    }
    if (labels.isEmpty() && rest.isEmpty()) {
      return;
    }
    int end = 0;
    while (end < rest.length() && !Character.isWhitespace(rest.charAt(end))) {
      end++;
    }
    String mnemonic = rest.substring(0, end).toLowerCase(java.util.Locale.ROOT);
    statements.add(new Statement(line, List.copyOf(labels), mnemonic, rest.substring(end).trim()));
  }

  private static int wordEnd(String text) {
    int end = 0;
    while (end < text.length() && Reader.symbolPart(text.charAt(end))) {
      end++;
    }
    return end;
  }
}
