package org.duvisor.cli;

import java.io.IOException;
import java.io.InputStream;
import java.util.Properties;
import picocli.CommandLine.IVersionProvider;

/** What {@code duvisor --version} says. */
final class Version implements IVersionProvider {
  @Override
  public String[] getVersion() throws IOException {
    var build = new Properties();
    load(build, "build.properties");
    load(build, "revision.properties");
    return new String[] {
      "duvisor "
          + build.getProperty("version", "unknown")
          + " (revision "
          + build.getProperty("revision", "unknown")
          + ")",
      "JVM: " + System.getProperty("java.vm.name") + " " + System.getProperty("java.vm.version"),
    };
  }

  /** The revision of the sources, or unknown. */
  static String revision() throws IOException {
    var build = new Properties();
    load(build, "revision.properties");
    return build.getProperty("revision", "unknown");
  }

  private static void load(Properties into, String resource) throws IOException {
    try (InputStream in = Version.class.getResourceAsStream(resource)) {
      if (in != null) {
        into.load(in);
      }
    }
  }
}
