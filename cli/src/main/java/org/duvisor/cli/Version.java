package org.duvisor.cli;

import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Properties;
import picocli.CommandLine.IVersionProvider;

/** What {@code duvisor --version} says. */
final class Version implements IVersionProvider {
  @Override
  public String[] getVersion() throws IOException {
    var build = new Properties();
    try (InputStream in = Version.class.getResourceAsStream("build.properties")) {
      if (in != null) {
        build.load(in);
      }
    }
    return new String[] {
      "duvisor " + build.getProperty("version", "unknown") + " (revision " + revision() + ")",
      "JVM: " + System.getProperty("java.vm.name") + " " + System.getProperty("java.vm.version"),
    };
  }

  /** The revision of the sources, or unknown. It is in a file beside the classes. */
  static String revision() throws IOException {
    URI code =
        URI.create(Version.class.getProtectionDomain().getCodeSource().getLocation().toString());
    Path file = Path.of(code).resolveSibling("revision.properties");
    var build = new Properties();
    if (Files.exists(file)) {
      try (InputStream in = Files.newInputStream(file)) {
        build.load(in);
      }
    }
    return build.getProperty("revision", "unknown");
  }
}
