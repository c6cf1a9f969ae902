package org.duvisor.cli.terminal;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;

/** Standard output that knows whether the cursor of its terminal is within a line. */
final class ShownOutput extends FileOutputStream {
  private volatile boolean withinLine;

  ShownOutput() {
    super(FileDescriptor.out);
  }

  @Override
  public void write(int b) throws IOException {
    super.write(b);
    withinLine = b != '\n';
  }

  @Override
  public void write(byte[] bytes) throws IOException {
    write(bytes, 0, bytes.length);
  }

  @Override
  public void write(byte[] bytes, int offset, int length) throws IOException {
    super.write(bytes, offset, length);
    if (length > 0) {
      withinLine = bytes[offset + length - 1] != '\n';
    }
  }

  /** Ends the line that a guest left, for what follows; a file stays as the guest made it. */
  synchronized void endLine() {
    try {
      if (withinLine && isTerminal()) {
        write('\n');
      }
    } catch (IOException e) {
      // The terminal is gone, and with it the line.
    }
  }

  private static boolean isTerminal() throws IOException {
    Process test =
        new ProcessBuilder("test", "-t", "1")
            .redirectOutput(ProcessBuilder.Redirect.INHERIT)
            .start();
    try {
      return test.waitFor() == 0;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }
}
