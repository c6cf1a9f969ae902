package org.duvisor.cli;

import java.io.File;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.file.FileSystem;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.duvisor.virtio.net.StreamNet;

/** Starts passt, which gives a guest the host's network without rights, and connects to it. */
final class Passt {
  private static final long START_MILLIS = 5000;
  private static final long POLL_MILLIS = 5;

  private Passt() {}

  /**
   * A network of its own for one guest; passt ends with the connection.
   *
   * @throws UserError when passt is not installed or does not start
   */
  static StreamNet connect() throws IOException {
    Path directory = Files.createTempDirectory("duvisor-net");
    Path socket = directory.resolve("socket");
    try {
      give(directory);
      Process passt = start(socket);
      await(passt, socket);
      return StreamNet.connect(UnixDomainSocketAddress.of(socket));
    } finally {
      // Once connected the name is not needed; passt may have removed it itself.
      Files.deleteIfExists(socket);
      Files.deleteIfExists(directory);
    }
  }

  /** Started by root, passt becomes nobody before it makes its socket. */
  private static void give(Path directory) throws IOException {
    if (System.getProperty("user.name").equals("root")) {
      FileSystem system = directory.getFileSystem();
      Files.setOwner(
          directory, system.getUserPrincipalLookupService().lookupPrincipalByName("nobody"));
    }
  }

  private static Process start(Path socket) {
    try {
      return new ProcessBuilder(
              "passt", "--foreground", "--quiet", "--one-off", "--socket", socket.toString())
          .redirectInput(new File("/dev/null"))
          .redirectOutput(ProcessBuilder.Redirect.DISCARD)
          .redirectError(ProcessBuilder.Redirect.DISCARD)
          .start();
    } catch (IOException e) {
      throw new UserError(
          "--net user needs passt; install it (Debian: passt), or use another --net");
    }
  }

  private static void await(Process passt, Path socket) {
    try {
      for (long waited = 0; !Files.exists(socket); waited += POLL_MILLIS) {
        if (passt.waitFor(POLL_MILLIS, TimeUnit.MILLISECONDS)) {
          throw new UserError(
              "passt ended with code " + passt.exitValue() + " before it had a network");
        }
        if (waited > START_MILLIS) {
          passt.destroy();
          throw new UserError("passt did not make its socket in " + START_MILLIS + " ms");
        }
      }
    } catch (InterruptedException e) {
      passt.destroy();
      Thread.currentThread().interrupt();
      throw new UserError("interrupted");
    }
  }
}
