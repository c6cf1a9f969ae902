package org.duvisor.cli;

import java.io.File;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.duvisor.virtio.net.StreamNet;

/**
 * A passt process: the host's network for one guest, with nothing to set up and no rights needed.
 * It ends with its one connection, and at the latest with {@link #close}.
 */
final class Passt implements AutoCloseable {
  private static final long START_NANOS = 10_000_000_000L;
  private static final long POLL_MILLIS = 5;
  private static final long END_SECONDS = 2;

  private final Path directory;
  private final Process process;

  private Passt(Path directory, Process process) {
    this.directory = directory;
    this.process = process;
  }

  /**
   * Starts a process and waits for its socket.
   *
   * @throws UserError when passt is not installed, or ends at once
   */
  static Passt start() throws IOException {
    Path directory = Files.createTempDirectory("duvisor-net");
    if (System.getProperty("user.name").equals("root")) {
      // Started by root, passt becomes "nobody", who has to make the socket there.
      Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwx-wx-wx"));
    }
    Path log = directory.resolve("log");
    var command =
        new ProcessBuilder(
            List.of(
                "passt", "--foreground", "--one-off", "--socket", socket(directory).toString()));
    command.redirectInput(new File("/dev/null")).redirectErrorStream(true);
    command.redirectOutput(log.toFile());
    Passt passt;
    try {
      passt = new Passt(directory, command.start());
    } catch (IOException e) {
      delete(directory);
      throw new UserError("--net user needs passt, which is not installed (Debian: passt)");
    }
    passt.awaitSocket();
    return passt;
  }

  private static Path socket(Path directory) {
    return directory.resolve("socket");
  }

  private void awaitSocket() throws IOException {
    long deadline = System.nanoTime() + START_NANOS;
    while (!Files.exists(socket(directory))) {
      if (!process.isAlive() || System.nanoTime() - deadline > 0) {
        String said = lastLine();
        close();
        throw new UserError("passt did not start: " + said);
      }
      try {
        Thread.sleep(POLL_MILLIS);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        close();
        throw new UserError("interrupted while passt started");
      }
    }
  }

  private String lastLine() throws IOException {
    try (Stream<String> lines = Files.lines(directory.resolve("log"))) {
      return lines
          .filter(l -> !l.isBlank() && !l.startsWith("Failed to send"))
          .reduce((_, last) -> last)
          .orElse("it said nothing");
    }
  }

  /** The guest's end of the connection; called once. */
  StreamNet connect() throws IOException {
    return StreamNet.connect(UnixDomainSocketAddress.of(socket(directory)));
  }

  @Override
  public void close() {
    process.destroy();
    try {
      if (!process.waitFor(END_SECONDS, TimeUnit.SECONDS)) {
        process.destroyForcibly();
      }
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
    delete(directory);
  }

  private static void delete(Path directory) {
    for (Path file : List.of(socket(directory), directory.resolve("log"), directory)) {
      try {
        Files.deleteIfExists(file);
      } catch (IOException e) {
        // An empty folder in /tmp is left: not worth a word to the user.
      }
    }
  }
}
