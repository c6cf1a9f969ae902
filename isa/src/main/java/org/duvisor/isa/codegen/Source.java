package org.duvisor.isa.codegen;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;

/** The text of a generated class. */
final class Source {
  private final StringBuilder out = new StringBuilder(50_000);

  /** Adds a line at a depth of indentation. */
  void line(int depth, String text) {
    out.append("  ".repeat(text.isEmpty() ? 0 : depth)).append(text).append('\n');
  }

  String text() {
    return out.toString();
  }

  /**
   * Writes a class below a directory. An unchanged file keeps its time stamp, so that nothing is
   * recompiled.
   */
  static void write(Path directory, String className, String source) throws IOException {
    Path file = directory.resolve(className.replace('.', '/') + ".java");
    if (Files.exists(file) && Files.readString(file).equals(source)) {
      return;
    }
    Files.createDirectories(file.getParent());
    Files.writeString(file, source);
  }

  /** "mstatus" and "software-pending" as a method: "mstatus", "softwarePending". */
  static String method(String name) {
    StringBuilder method = new StringBuilder();
    boolean upper = false;
    for (int i = 0; i < name.length(); i++) {
      char c = name.charAt(i);
      if (c != '-') {
        method.append(upper ? Character.toUpperCase(c) : c);
      }
      upper = c == '-';
    }
    return method.toString();
  }

  /** The same as a constant: "SOFTWARE_PENDING". */
  static String constant(String name) {
    return name.toUpperCase(Locale.ROOT).replace('-', '_');
  }

  /** A long literal. */
  static String hex(long value) {
    return "0x" + Long.toHexString(value) + "L";
  }

  /** {@link #method(String)} with a prefix: "readMstatus". */
  static String method(String prefix, String name) {
    return method(prefix + "-" + name);
  }
}
