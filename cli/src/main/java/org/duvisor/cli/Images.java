package org.duvisor.cli;

import java.nio.file.Files;
import java.nio.file.Path;

/** The guest images that come with the project. */
final class Images {
  private final Path directory;

  /** The images below the project's folder. */
  Images(Path home) {
    directory = home.resolve("guest").resolve("images");
  }

  Path kernel() {
    return present("Image.gz", "--kernel");
  }

  Path initrd() {
    return present("initramfs.cpio.gz", "--initrd");
  }

  /** The initramfs with the benchmark program. */
  Path bench() {
    return present("bench.cpio.gz", "--initrd");
  }

  /** The guest of {@code lab micro}. */
  Path micro() {
    return present("micro.elf", "--kernel");
  }

  private Path present(String name, String option) {
    Path file = directory.resolve(name);
    if (!Files.isReadable(file)) {
      throw new UserError(file + " is missing; name another with " + option);
    }
    return file;
  }
}
