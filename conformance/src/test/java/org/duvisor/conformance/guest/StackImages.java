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
import java.util.Optional;
import org.duvisor.devices.images.ElfImage;
import org.duvisor.devices.images.Initrd;
import org.duvisor.devices.images.KernelImage;
import org.duvisor.machine.board.BoardBoot;
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
    Map<String, Path> files = new HashMap<>();
    where("full-stack.sh", "--where", "--jars", jars)
        .lines()
        .map(line -> line.split("=", 2))
        .filter(words -> words.length == 2)
        .forEach(words -> files.put(words[0], Path.of(words[1])));
    return new StackImages(
        files.get("firmware"), files.get("kernel"), files.get("initrd"), files.get("root"));
  }

  /** The same with Debian's own kernel for the host. */
  StackImages withStockKernel() throws IOException, InterruptedException {
    Path stock = Path.of(where("host.sh", "--where", "--stock", "full").strip());
    return new StackImages(
        firmware, stock.resolve("Image"), stock.resolve("initramfs.cpio.gz"), root);
  }

  /** What a board boots of it, with more for the kernel's command line. */
  BoardBoot boot(String append) throws IOException {
    return new BoardBoot(
        Optional.of(ElfImage.open(firmware)),
        new byte[0],
        Optional.of(KernelImage.openAny(kernel)),
        Optional.of(Initrd.open(initrd)),
        ("console=ttyS0 quiet " + append).strip(),
        Optional.empty());
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
    return ext4(tree, scratch.resolve("suites.img"));
  }

  /** Makes a disk with a folder's content. */
  static Path ext4(Path tree, Path disk) throws IOException, InterruptedException {
    Process mke2fs = start("mke2fs", "-q", "-t", "ext4", "-d", tree, disk, "16m");
    String said = text(mke2fs);
    assertEquals(0, mke2fs.waitFor(), said);
    return disk;
  }

  /** Where the classes of a class are. */
  static Path codeOf(Class<?> c) {
    return Path.of(c.getProtectionDomain().getCodeSource().getLocation().getPath());
  }

  /** Copies the files of a folder. */
  static void copy(Path from, Path to) throws IOException {
    Files.createDirectories(to);
    try (var files = Files.newDirectoryStream(from)) {
      for (Path file : files) {
        Files.copy(file, to.resolve(file.getFileName()));
      }
    }
  }

  /** What a script of guest/ says; ends the test as not run when it fails. */
  private static String where(String script, Object... options)
      throws IOException, InterruptedException {
    List<Object> command = new ArrayList<>(List.of(HOME.resolve("guest").resolve(script)));
    command.addAll(List.of(options));
    Process where = start(command.toArray());
    String text = text(where);
    assumeTrue(where.waitFor() == 0, "needs the images of the full stack: ./duvisor host\n" + text);
    return text;
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
