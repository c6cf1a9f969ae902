package org.duvisor.cli;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * What the full stack boots, built by guest/full-stack.sh.
 *
 * @param firmware for M-mode
 * @param kernel the host's
 * @param initrd with the host's modules
 * @param root the host's root file system, as built
 */
record FullStack(Path firmware, Path kernel, Path initrd, Path root) {
  /**
   * Has the script build what is missing or stale. Its progress goes to the user.
   *
   * @param home the project's folder
   * @param stock whether the host's kernel is Debian's own, of which nothing has to be compiled
   */
  static FullStack build(Path home, boolean stock) throws IOException, InterruptedException {
    Path script = home.resolve("guest/full-stack.sh");
    Path jars = home.resolve("cli/target");
    if (!Files.isExecutable(script) || !Files.isReadable(jars.resolve("duvisor.jar"))) {
      throw new UserError(
          "the full stack is built from the project's sources, and "
              + home
              + " does not hold them");
    }
    List<String> command = new ArrayList<>(List.of(script.toString(), "--jars", jars.toString()));
    if (stock) {
      command.add("--stock");
    }
    Process process =
        new ProcessBuilder(command)
            .redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()))
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    Map<String, Path> files = new HashMap<>();
    for (String line :
        new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8)
            .lines()
            .toList()) {
      int equals = line.indexOf('=');
      files.put(line.substring(0, Math.max(equals, 0)), Path.of(line.substring(equals + 1)));
    }
    if (process.waitFor() != 0
        || !files.keySet().containsAll(List.of("firmware", "kernel", "initrd", "root"))) {
      throw new UserError("the images of the full stack could not be built; see above");
    }
    return new FullStack(
        files.get("firmware"), files.get("kernel"), files.get("initrd"), files.get("root"));
  }
}
