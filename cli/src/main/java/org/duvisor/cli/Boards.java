package org.duvisor.cli;

import java.io.IOException;
import java.nio.file.Path;

/** What the command needs of the bare board. */
public interface Boards extends Session.Opener<BoardOptions> {
  /** Writes the device tree of the board that the options describe. */
  void dumpDeviceTree(BoardOptions options, Path file) throws IOException;
}
