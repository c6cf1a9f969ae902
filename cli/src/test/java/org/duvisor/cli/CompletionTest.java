package org.duvisor.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.duvisor.lab.EngineBenchmark;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The completion script in real shells, which are typed at by expect. */
final class CompletionTest {
  /** Typed before a tab, and what then stands there. */
  private static final String[][] ONE = {
    {"duvisor ru", "duvisor run"},
    {"duvisor lab mi", "duvisor lab micro"},
    {"duvisor run --eng", "duvisor run --engine"},
    {"duvisor run --engine in", "duvisor run --engine interpreter"},
    {"duvisor run --engine=in", "duvisor run --engine=interpreter"},
    {"duvisor machine --engine in", "duvisor machine --engine interpreter"},
    {"duvisor machine --aia n", "duvisor machine --aia none"},
    {"duvisor run --console v", "duvisor run --console virtio"},
    {"duvisor run --harts s", "duvisor run --harts simulated"},
    {"duvisor run --disk ot", "duvisor run --disk other.raw"},
    {"duvisor run --disk=ot", "duvisor run --disk=other.raw"},
    {"duvisor run --disk ro", "duvisor run --disk root disk.img"},
    {"duvisor run --share im", "duvisor run --share images"},
    {"duvisor run --kernel ot", "duvisor run --kernel other.raw"},
    {"duvisor machine ot", "duvisor machine other.raw"},
  };

  private static final String EXPECT =
      """
      set timeout 20
      cd [lindex $argv 0]
      set env(PS1) "READY> "
      set env(TERM) dumb
      proc want {text} {
        expect {
          -ex $text {}
          timeout { puts "TIMEOUT waiting for $text"; exit 3 }
          eof { puts "END waiting for $text"; exit 4 }
        }
      }
      spawn {*}[lrange $argv 1 end]
      want "READY> "
      send "source ./script\\r"
      want "READY> "
      """;

  @TempDir private Path directory;

  private static String script() {
    var out = new ByteArrayOutputStream();
    var stream = new PrintStream(out, true, StandardCharsets.UTF_8);
    int code =
        Duvisor.run(
            new String[] {"completion"},
            (_, _, _) -> {
              throw new AssertionError("no guest");
            },
            new Wiring.Board(),
            Path.of(""),
            false,
            stream,
            stream);
    assertEquals(0, code);
    return out.toString(StandardCharsets.UTF_8);
  }

  @ParameterizedTest
  @ValueSource(strings = {"bash --norc --noprofile -i", "zsh -f -i"})
  void completes(String shell) throws Exception {
    String[] command = shell.split(" ");
    assumeTrue(
        EngineBenchmark.onPath("expect").isPresent()
            && EngineBenchmark.onPath(command[0]).isPresent(),
        "needs expect and " + command[0]);
    Files.writeString(directory.resolve("script"), script());
    Files.createFile(directory.resolve("root disk.img"));
    Files.createFile(directory.resolve("other.raw"));
    Files.createDirectory(directory.resolve("images"));
    var dialogue = new StringBuilder(EXPECT);
    for (String[] row : ONE) {
      String added = row[1].substring(row[0].length()).split(" ", -1)[0];
      dialogue.append("send \"%s\\t\"\nwant \"%s\"\n".formatted(row[0], added));
      // The shell prints the line as it reads it, after a dot.
      dialogue.append("send \"\\001echo .\\005.\\r\"\nwant \".%s\"\n".formatted(row[1]));
      dialogue.append("want \"READY> \"\n");
    }
    dialogue.append("send \"exit\\r\"\nexpect eof\n");
    Path lines = Files.writeString(directory.resolve("lines"), dialogue);
    var process = new ProcessBuilder("expect", lines.toString(), directory.toString());
    process.command().addAll(List.of(command));
    Path shown = directory.resolve("shown");
    Process started =
        process
            .redirectErrorStream(true)
            .redirectInput(new File("/dev/null"))
            .redirectOutput(shown.toFile())
            .start();
    boolean ended = started.waitFor(120, TimeUnit.SECONDS);
    started.destroyForcibly();
    String text = Files.readString(shown, StandardCharsets.ISO_8859_1);
    assertTrue(ended, text);
    assertEquals(0, started.exitValue(), text);
  }
}
