package org.duvisor.cli;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Path;

/**
 * The one place that names which session serves which command. The sessions choose platform, engine
 * and back ends.
 */
final class Wiring {
  private Wiring() {}

  /** A VM under DuVisor on the embedded platform. */
  static Session vm(VmOptions options, InputStream input, OutputStream output) throws IOException {
    return VmSession.open(options, input, output);
  }

  /** The bare board. */
  static final class Board implements Boards {
    @Override
    public Session open(BoardOptions options, InputStream input, OutputStream output)
        throws IOException {
      return BoardSession.open(options, input, output);
    }

    @Override
    public void dumpDeviceTree(BoardOptions options, Path file) throws IOException {
      BoardSession.dumpDeviceTree(options, file);
    }
  }
}
