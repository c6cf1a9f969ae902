package org.duvisor.conformance.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.platform.commons.JUnitException;
import org.opentest4j.AssertionFailedError;

/**
 * What the full stack boots, built before by {@code duvisor host}: guest/full-stack.sh says where.
 *
 * @param firmware for M-mode
 * @param kernel the host's
 * @param initrd with the host's modules
 * @param root the host's root file system, as built
 */
public record StackImages(Path firmware, Path kernel, Path initrd, Path root) {
  private static final Path HOME =
      Files.isDirectory(Path.of("guest")) ? Path.of("") : Path.of("..");

  /** The images; ends the test as not run when they are not there or not up to date. */
  public static StackImages find() throws IOException, InterruptedException {
    Path jars = HOME.resolve("cli/target");
    assumeTrue(Files.exists(jars.resolve("lib")), "needs the command, packaged (mvn package)");
    Process where = start(HOME.resolve("guest/full-stack.sh"), "--where", "--jars", jars);
    String text = text(where);
    assumeTrue(where.waitFor() == 0, "needs the images of the full stack: ./duvisor host\n" + text);
    Map<String, Path> files = new HashMap<>();
    text.lines()
        .map(line -> line.split("=", 2))
        .filter(words -> words.length == 2)
        .forEach(words -> files.put(words[0], Path.of(words[1])));
    return new StackImages(
        files.get("firmware"), files.get("kernel"), files.get("initrd"), files.get("root"));
  }

  /** The root file system with what training added, if it is there and not older. */
  public Path trained() throws IOException {
    Path trained = root.resolveSibling(root.getFileName() + ".trained");
    return Files.exists(trained)
            && Files.getLastModifiedTime(trained).compareTo(Files.getLastModifiedTime(root)) >= 0
        ? trained
        : root;
  }

  /**
   * A disk for the host with what this module brings: its scripts, and the contract's classes with
   * what they need of JUnit. It is expected at /mnt.
   *
   * @param scratch a folder that is empty
   */
  public static Path suites(Path scratch) throws IOException, InterruptedException {
    Path tree = Files.createDirectories(scratch.resolve("tree"));
    Path classes = codeOf(StackImages.class);
    copy(classes.resolve("stack"), tree);
    copy(
        classes.resolve("org/duvisor/conformance/platform"),
        tree.resolve("classes/org/duvisor/conformance/platform"));
    Path lib = Files.createDirectories(tree.resolve("lib"));
    for (Class<?> needed : List.of(Test.class, AssertionFailedError.class, JUnitException.class)) {
      Path jar = codeOf(needed);
      Files.copy(jar, lib.resolve(jar.getFileName()));
    }
    Path disk = scratch.resolve("suites.img");
    Process mke2fs = start("mke2fs", "-q", "-t", "ext4", "-d", tree, disk, "16m");
    String said = text(mke2fs);
    assertEquals(0, mke2fs.waitFor(), said);
    return disk;
  }

  private static Path codeOf(Class<?> c) {
    return Path.of(c.getProtectionDomain().getCodeSource().getLocation().getPath());
  }

  private static void copy(Path from, Path to) throws IOException {
    Files.createDirectories(to);
    try (var files = Files.newDirectoryStream(from)) {
      for (Path file : files) {
        Files.copy(file, to.resolve(file.getFileName()));
      }
    }
  }

  private static Process start(Object... command) throws IOException {
    List<String> words = new ArrayList<>();
    for (Object word : command) {
      words.add(word.toString());
    }
    return new ProcessBuilder(words).redirectErrorStream(true).start();
  }

  private static String text(Process process) throws IOException {
    return new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
  }
}
