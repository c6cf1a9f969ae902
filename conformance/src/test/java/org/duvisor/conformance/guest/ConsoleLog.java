package org.duvisor.conformance.guest;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.duvisor.devices.chardev.CharBackend;

/** A console that is also written to a file: long tests can be watched. */
record ConsoleLog(CharBackend console, OutputStream log) implements CharBackend {
  /** Logs to a file of the module's build folder, anew. */
  static ConsoleLog of(CharBackend console, String name) throws IOException {
    Path folder = Files.createDirectories(Path.of("target"));
    return new ConsoleLog(
        console, new BufferedOutputStream(Files.newOutputStream(folder.resolve(name))));
  }

  @Override
  public void transmit(byte value) {
    console.transmit(value);
    try {
      log.write(value);
      if (value == '\n') {
        log.flush();
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void flush() {
    console.flush();
  }

  @Override
  public int receive(byte[] into, int offset, int length) {
    return console.receive(into, offset, length);
  }

  @Override
  public void onInput(Runnable listener) {
    console.onInput(listener);
  }
}
