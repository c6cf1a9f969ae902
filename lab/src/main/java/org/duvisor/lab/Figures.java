package org.duvisor.lab;

import java.io.IOException;
import java.nio.file.Path;

/** What an experiment found: a record. */
public interface Figures {
  /** For the reader: lines, each ended. */
  String text();

  /** For programs: all of it as JSON. */
  default void write(Path file) throws IOException {
    Json.write(file, this);
  }
}
