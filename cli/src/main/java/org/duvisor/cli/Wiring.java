package org.duvisor.cli;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Path;

/**
 * The one place where options become VMs and boards: which platform, which engine, which back ends.
 */
final class Wiring {
  private Wiring() {}

  /** A VM under DuVisor on the embedded platform. */
  static Session vm(VmOptions options, InputStream input, OutputStream output) throws IOException {
    throw new UserError("'run' is not wired to the hypervisor yet");
  }

  /** The bare board. */
  static final class Board implements Boards {
    @Override
    public Session open(BoardOptions options, InputStream input, OutputStream output)
        throws IOException {
      throw new UserError("'machine' is not wired to the board yet");
    }

    @Override
    public void dumpDeviceTree(BoardOptions options, Path file) throws IOException {
      throw new UserError("'machine' is not wired to the board yet");
    }
  }
}
