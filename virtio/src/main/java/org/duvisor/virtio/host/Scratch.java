package org.duvisor.virtio.host;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.Optional;
import java.util.Set;

/** Temporary files. */
public final class Scratch {
  private static final SecureRandom RANDOM = new SecureRandom();

  private Scratch() {}

  /**
   * Where temporary files go that may grow: the folder that TMPDIR names; otherwise /var/tmp, which
   * is on a disk where /tmp may be memory.
   */
  public static Path folder() {
    Optional<Path> named =
        Optional.ofNullable(System.getenv("TMPDIR")).filter(t -> !t.isEmpty()).map(Path::of);
    Path usual = Path.of("/var/tmp");
    return named.orElseGet(
        () -> Files.isWritable(usual) ? usual : Path.of(System.getProperty("java.io.tmpdir")));
  }

  /**
   * A new file without a name, to read and write, which is gone when it is closed and when this
   * process is. It was never another's: not followed by a link, not there before, for its owner
   * only.
   */
  public static FileChannel open(Path folder) throws IOException {
    byte[] name = new byte[16];
    RANDOM.nextBytes(name);
    Set<OpenOption> options =
        Set.of(
            StandardOpenOption.CREATE_NEW,
            StandardOpenOption.READ,
            StandardOpenOption.WRITE,
            StandardOpenOption.DELETE_ON_CLOSE, // at once, on a Unix
            LinkOption.NOFOLLOW_LINKS);
    FileAttribute<?>[] owners =
        folder.getFileSystem().supportedFileAttributeViews().contains("posix")
            ? new FileAttribute<?>[] {
              PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"))
            }
            : new FileAttribute<?>[0];
    return FileChannel.open(
        folder.resolve("duvisor-" + HexFormat.of().formatHex(name)), options, owners);
  }
}
