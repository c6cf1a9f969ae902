package org.duvisor.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.duvisor.lab.EngineBenchmark;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The script ./duvisor in a tree of its own, with a JDK and a Maven that only say how they were
 * called.
 */
final class LauncherTest {
  private static final Instant LONG_AGO = Instant.parse("2026-01-01T00:00:00Z");

  @TempDir private Path temporary;
  private Path tree = Path.of("");
  private Path jdk = Path.of("");
  private Path jar = Path.of("");

  @BeforeEach
  void plant() throws IOException {
    tree = Files.createDirectories(temporary.resolve("a tree"));
    Files.copy(Path.of("..", "duvisor").toRealPath(), tree.resolve("duvisor"));
    Files.setPosixFilePermissions(
        tree.resolve("duvisor"), PosixFilePermissions.fromString("rwxr-xr-x"));
    Path source = Files.createDirectories(tree.resolve("cli/src/main"));
    jar = Files.createDirectories(tree.resolve("cli/target")).resolve("duvisor.jar");
    Files.createFile(jar);
    for (Path old :
        List.of(
            Files.createFile(tree.resolve("pom.xml")),
            Files.createFile(tree.resolve("cli/pom.xml")),
            source)) {
      Files.setLastModifiedTime(old, FileTime.from(LONG_AGO));
    }
    jdk = jdk("jdk", "25.0.3");
    script(
        temporary.resolve("bin/mvn"),
        "echo mvn \"$@\" in \"$PWD\" with \"$JAVA_HOME\" >&2; : >cli/target/duvisor.jar");
  }

  private Path jdk(String name, String version) throws IOException {
    Path home = temporary.resolve(name);
    script(home.resolve("bin/java"), "printf '<%s>' \"$@\"");
    Files.writeString(
        home.resolve("release"), "IMPLEMENTOR=\"x\"\nJAVA_VERSION=\"" + version + "\"\n");
    return home;
  }

  private static void script(Path file, String text) throws IOException {
    Files.createDirectories(file.getParent());
    Files.writeString(file, "#!/bin/sh\n" + text + "\n");
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
  }

  private record Result(int code, String out, String err) {}

  private Result run(Path directory, Map<String, String> environment, String... command)
      throws IOException, InterruptedException {
    Path out = temporary.resolve("out");
    Path err = temporary.resolve("err");
    var builder =
        new ProcessBuilder(command)
            .directory(directory.toFile())
            .redirectInput(new File("/dev/null"))
            .redirectOutput(out.toFile())
            .redirectError(err.toFile());
    builder
        .environment()
        .keySet()
        .removeIf(name -> name.startsWith("DUVISOR_") || name.equals("JAVA_HOME"));
    builder.environment().put("DUVISOR_JAVA_HOME", jdk.toString());
    builder
        .environment()
        .compute("PATH", (_, path) -> temporary.resolve("bin") + File.pathSeparator + path);
    builder.environment().putAll(environment);
    Process process = builder.start();
    assertTrue(process.waitFor(60, TimeUnit.SECONDS));
    return new Result(process.exitValue(), Files.readString(out), Files.readString(err));
  }

  private String started(String... arguments) {
    return "<@%s/cli/jvm.options><-Dduvisor.home=%s><-jar><%s>".formatted(tree, tree, jar)
        + String.join("", List.of(arguments).stream().map(a -> "<" + a + ">").toList());
  }

  @Test
  void argumentsGoThroughAsTheyAre() throws Exception {
    Result result = run(tree, Map.of(), "./duvisor", "run", "--append", "a  b", "", "*");
    assertEquals(new Result(0, started("run", "--append", "a  b", "", "*"), ""), result);
  }

  @Test
  void aLinkFromAnywhereWorks() throws Exception {
    Path first = Files.createSymbolicLink(tree.resolve("inner"), Path.of("duvisor"));
    Path second = Files.createSymbolicLink(temporary.resolve("outer"), first);
    assertEquals(
        new Result(0, started("x"), ""), run(Path.of("/"), Map.of(), second.toString(), "x"));
    String path = temporary + File.pathSeparator + System.getenv("PATH");
    assertEquals(
        new Result(0, started(), ""), run(Path.of("/"), Map.of("PATH", path), "sh", "-c", "outer"));
  }

  @Test
  void optionsForTheJvmAreSplit() throws Exception {
    Result result = run(tree, Map.of("DUVISOR_JAVA_OPTS", "-Xmx2g -ea"), "./duvisor");
    assertEquals(started().replace("<-jar>", "<-Xmx2g><-ea><-jar>"), result.out());
  }

  @Test
  void aJdkThatIsTooOldIsOneLine() throws Exception {
    for (String version : List.of("17.0.1", "1.8.0_392", "24", "")) {
      Path old = jdk("old", version);
      Result result = run(tree, Map.of("DUVISOR_JAVA_HOME", old.toString()), "./duvisor");
      assertEquals(
          new Result(1, "", "duvisor: DUVISOR_JAVA_HOME=" + old + " is no JDK 25 or newer\n"),
          result);
    }
    Path young = jdk("young", "26-ea");
    assertEquals(0, run(tree, Map.of("DUVISOR_JAVA_HOME", young.toString()), "./duvisor").code());
  }

  @Test
  void aChangedSourceIsBuiltOnce() throws Exception {
    Files.createFile(tree.resolve("cli/src/main/New.java"));
    Files.setLastModifiedTime(jar, FileTime.from(LONG_AGO));
    Result result = run(tree, Map.of(), "./duvisor", "x");
    assertEquals(
        new Result(0, started("x"), "duvisor: building (once, and after a change) ...\n"), result);
    String log = Files.readString(tree.resolve("cli/target/duvisor.log"));
    assertTrue(log.contains("-pl cli -am package in " + tree + " with " + jdk), log);
    assertEquals(new Result(0, started("x"), ""), run(tree, Map.of(), "./duvisor", "x"));
  }

  @Test
  void aFailedBuildShowsWhyAndDoesNotRun() throws Exception {
    Files.delete(jar);
    script(temporary.resolve("bin/mvn"), "echo cannot compile; exit 1");
    Result result = run(tree, Map.of(), "./duvisor", "x");
    assertEquals(1, result.code());
    assertEquals("", result.out());
    assertTrue(
        result.err().endsWith("cannot compile\nduvisor: the build failed; see above\n"),
        result.err());
  }

  @Test
  void theCacheOfClassesIsUsedWhenItIsNewerThanTheJar() throws Exception {
    Path cache = Files.writeString(tree.resolve("cli/target/duvisor.aot"), "classes");
    Files.setLastModifiedTime(cache, FileTime.from(LONG_AGO));
    assertFalse(run(tree, Map.of(), "./duvisor").out().contains("AOT"));
    Files.setLastModifiedTime(cache, FileTime.from(Instant.now().plusSeconds(60)));
    assertTrue(
        run(tree, Map.of(), "./duvisor")
            .out()
            .contains("<-XX:AOTCache=" + cache + "><-Xlog:aot=off><-jar>"));
  }

  /** Two starts at once: the second waits, and finds what the first has built. */
  @Test
  void twoStartsBuildOnce() throws Exception {
    Files.delete(jar);
    script(
        temporary.resolve("bin/mvn"),
        "echo '[INFO] Building one 1.0 [1/2]'; printf '\\033[0m'; echo x >>built; mkdir going ||"
            + " exit 1; sleep 1; rmdir going; : >cli/target/duvisor.jar");
    Result both = run(tree, Map.of(), "sh", "-c", "./duvisor x & ./duvisor x & wait $! && wait");
    assertEquals(started("x") + started("x"), both.out(), both.err());
    assertEquals("x\n", Files.readString(tree.resolve("built")));
    assertTrue(both.err().contains("duvisor: building 1/2: one\n"), both.err());
    assertTrue(both.err().contains("duvisor: waiting for another build ...\n"), both.err());
  }

  @Test
  void aBuildWithoutANetworkIsOneLine() throws Exception {
    Files.delete(jar);
    script(
        temporary.resolve("bin/mvn"),
        "echo '[ERROR] x'; echo '[FATAL] Could not transfer artifact a:b: Unknown host c'; exit 1");
    Result result = run(tree, Map.of(), "./duvisor", "x");
    assertEquals(1, result.code());
    assertEquals(2, result.err().lines().count(), result.err());
    assertTrue(result.err().contains("there is no network"), result.err());
  }

  /** The tree of root, say, started by nobody. */
  private Result asNobody(String... arguments) throws Exception {
    boolean root = System.getProperty("user.name").equals("root");
    assumeTrue(root && EngineBenchmark.onPath("setpriv").isPresent(), "needs root and setpriv");
    Files.setPosixFilePermissions(temporary, PosixFilePermissions.fromString("rwxr-xr-x"));
    List<String> command =
        new ArrayList<>(List.of("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"));
    command.addAll(List.of(arguments));
    return run(tree, Map.of(), command.toArray(String[]::new));
  }

  @Test
  void someoneElsesTreeStartsWithoutACache() throws Exception {
    Path images = Files.createDirectories(tree.resolve("guest/images"));
    Files.createFile(images.resolve("Image.gz"));
    assertEquals(new Result(0, started("x"), ""), asNobody("./duvisor", "x"));
  }

  @Test
  void someoneElsesTreeThatIsStaleIsOneLine() throws Exception {
    Files.delete(jar);
    Result result = asNobody("./duvisor", "x");
    assertEquals(1, result.code());
    assertEquals(1, result.err().lines().count(), result.err());
    assertTrue(result.err().contains("cannot be written"), result.err());
  }

  /** A full disk, say; it is said once, with the way back, and remembered. */
  @Test
  void aPreparationThatFailsIsSaid() throws Exception {
    Path images = Files.createDirectories(tree.resolve("guest/images"));
    Files.createFile(images.resolve("Image.gz"));
    script(
        jdk.resolve("bin/java"), "case $* in *CacheOutput*) exit 1;; esac; printf '<%s>' \"$@\"");
    Result result = run(tree, Map.of(), "./duvisor", "x");
    assertEquals(started("x"), result.out());
    Path cache = tree.resolve("cli/target/duvisor.aot");
    assertTrue(result.err().contains("to try again, remove " + cache), result.err());
    Files.setLastModifiedTime(cache, FileTime.from(Instant.now().plusSeconds(60)));
    assertEquals(new Result(0, started("x"), ""), run(tree, Map.of(), "./duvisor", "x"));
  }

  @Test
  void wrongOptionsForTheJvmAreOneLine() throws Exception {
    script(
        jdk.resolve("bin/java"),
        "echo Error occurred during initialization; echo Unrecognized option: -Xoo; echo more;"
            + " exit 1");
    Result result = run(tree, Map.of("DUVISOR_JAVA_OPTS", "-Xoo"), "./duvisor", "x");
    assertEquals(
        new Result(1, "", "duvisor: DUVISOR_JAVA_OPTS=-Xoo: Unrecognized option: -Xoo\n"), result);
  }

  /** Where names would be ASCII only, they are UTF-8; any other locale is the user's. */
  @Test
  void namesAreUtf8InTheLocaleC() throws Exception {
    assumeTrue(EngineBenchmark.onPath("locale").isPresent(), "needs locale");
    script(jdk.resolve("bin/java"), "printf '%s' \"${LC_ALL-none}\"");
    for (String ascii : List.of("C", "POSIX")) {
      assertEquals(
          "C.UTF-8",
          run(tree, Map.of("LC_ALL", "", "LC_CTYPE", "", "LANG", ascii), "./duvisor").out());
    }
    assertEquals("C.UTF-8", run(tree, Map.of("LC_ALL", "C.UTF-8"), "./duvisor").out());
    assertEquals(
        "", run(tree, Map.of("LC_ALL", "", "LC_CTYPE", "C.UTF-8", "LANG", "C"), "./duvisor").out());
  }
}
