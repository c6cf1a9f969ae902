package org.duvisor.devices.images;

import java.nio.file.Path;

/** A user's file cannot be used; the message is one line, complete, to be printed as it is. */
public final class ImageException extends RuntimeException {
  private static final long serialVersionUID = 1;

  /** An error about a file, told as "file: reason". */
  public ImageException(Path file, String reason) {
    this(file + ": " + reason);
  }

  /** An error told by a whole line. */
  public ImageException(String line) {
    super(line);
  }
}
