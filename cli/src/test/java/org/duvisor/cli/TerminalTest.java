package org.duvisor.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The command on a real pseudo-terminal, typed at by expect, and on a pipe. */
final class TerminalTest {
  /**
   * Compares the terminal's state before and after, and says the exit code, all inside the
   * terminal.
   */
  private static final String SHELL =
      """
      trap : INT; stty sane; before=$(stty -g)
      "$@"
      echo "code $?"
      if [ "$(stty -g)" = "$before" ]; then echo "terminal restored"; else echo "terminal broken"; fi
      """;

  private static final String EXPECT =
      """
      set timeout 30
      proc want {text} {
        expect {
          -ex $text {}
          timeout { puts "TIMEOUT waiting for $text"; exit 3 }
          eof { puts "END waiting for $text"; exit 4 }
        }
      }
      eval spawn [list sh [lindex $argv 0]] [lrange $argv 1 end]
      expect -re "pid (\\[0-9\\]+) ready"
      set pid $expect_out(1,string)
      """;

  @TempDir private Path directory;

  private String[] guest() {
    return new String[] {
      Path.of(System.getProperty("java.home"), "bin", "java").toString(),
      "-XX:TieredStopAtLevel=1",
      "-XX:-UsePerfData",
      "-cp",
      System.getProperty("java.class.path"),
      EchoGuest.class.getName(),
      "run",
      "--kernel",
      "none",
      "--append",
      go().toString(),
    };
  }

  /** Lets a guest read again. */
  private Path go() {
    return directory.resolve("go");
  }

  static boolean installed(String tool) {
    return Stream.of(System.getenv().getOrDefault("PATH", "").split(File.pathSeparator, -1))
        .anyMatch(folder -> Files.isExecutable(Path.of(folder, tool)));
  }

  /** Types at the guest as the lines of expect say, and returns what the terminal showed. */
  private String dialogue(String lines, String... options)
      throws IOException, InterruptedException {
    assumeTrue(installed("expect") && installed("stty"), "needs expect, which is not installed");
    Path script =
        Files.writeString(directory.resolve("dialogue"), EXPECT + lines + "\nexpect eof\n");
    Path shell = Files.writeString(directory.resolve("shell"), SHELL);
    var command = new ArrayList<String>(List.of("expect", script.toString(), shell.toString()));
    command.addAll(List.of(guest()));
    command.addAll(List.of(options));
    Path shown = directory.resolve("shown");
    Process process =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectInput(new File("/dev/null"))
            .redirectOutput(shown.toFile())
            .start();
    boolean ended = process.waitFor(60, TimeUnit.SECONDS);
    process.destroyForcibly();
    String text = Files.readString(shown, StandardCharsets.ISO_8859_1);
    assertTrue(ended, text);
    assertEquals(0, process.exitValue(), text);
    return text.replaceAll("\033\\[[?0-9]*[a-z]", "");
  }

  @ParameterizedTest
  @CsvSource({
    "the user leaves,       'send \"\\001x\"',          code 0",
    "the guest ends,        'send \"q\"',               code 0",
    "the VM breaks,         'send \"b\"',               code 1",
    "a polite signal,       'exec kill -TERM $pid',     code 143",
    "the terminal hangs up, 'exec kill -HUP $pid',      code 129",
    "an interrupt,          'exec kill -INT $pid',      code 130",
  })
  void theTerminalIsGivenBack(String ending, String typed, String code) throws Exception {
    String shown = dialogue(typed);
    assertTrue(shown.contains("\n" + code), ending + ": " + shown); // on a line of its own
    assertTrue(shown.contains("terminal restored"), ending + ": " + shown);
  }

  @Test
  void everyKeyGoesThroughAtOnceAndUnechoed() throws Exception {
    String shown =
        dialogue(
            """
            send "a"
            want {[61]}
            send "\\003"
            want {[03]}
            send "\\r"
            want {[0d]}
            send "\\001\\001"
            want {[01]}
            send "\\032\\034\\021\\023"
            want {[1a][1c][11][13]}
            send "q"
            """);
    assertTrue(shown.contains("[61][03][0d][01][1a][1c][11][13][71]"), shown);
  }

  @Test
  void commandsAnswerAndDoNotReachTheGuest() throws Exception {
    String shown =
        dialogue(
            """
            send "\\001h"
            want {stop the guest and leave}
            send "\\001s"
            want {statistics: none}
            send "\\001zq"
            want {[71]}
            """);
    assertTrue(shown.contains("code 0"), shown);
    assertTrue(
        !shown.contains("[68]") && !shown.contains("[73]") && !shown.contains("[7a]"), shown);
  }

  /** A megabyte, to a guest that does not read before it has been sent. */
  @Test
  void whatIsPastedIsNotLost() throws Exception {
    String shown =
        dialogue(
            """
            send "p"
            want {[pause]}
            set paste [string repeat "0123456789abcde\r" 65536]
            send -- $paste
            exec touch %s
            send "q"
            want {[typed 1048576]}
            """
                .formatted(go()));
    assertTrue(shown.contains("code 0"), shown);
  }

  /** Adversary: a guest that reads nothing of a megabyte. */
  @Test
  void theEscapeKeyWorksBehindAPaste() throws Exception {
    String shown =
        dialogue(
            """
            send "p"
            want {[pause]}
            set paste [string repeat "0123456789abcde\r" 65536]
            send -- $paste
            send "\001x"
            want {code 0}
            """);
    assertTrue(shown.contains("terminal restored"), shown);
  }

  /** A shell makes the terminal its own when a job stops, and does not give it back as it was. */
  @Test
  void afterAStopTheTerminalIsRawAgain() throws Exception {
    String shown =
        dialogue(
            """
            exec kill -STOP $pid
            while {![regexp {State:.T} [exec cat /proc/$pid/status]]} { after 10 }
            exec stty sane < $spawn_out(slave,name)
            send "a"
            want {a}
            exec kill -CONT $pid
            want {[61]}
            send "\003"
            want {[03]}
            send "q"
            """);
    assertTrue(shown.contains("code 0"), shown);
    assertTrue(shown.contains("terminal restored"), shown);
  }

  /** Without a console there are no keys: the interrupt is a signal. */
  @Test
  void withoutAConsoleAnInterruptEndsTheGuest() throws Exception {
    String shown = dialogue("send \"\\003\"", "--console", "none");
    assertTrue(shown.contains("code 130"), shown);
    assertTrue(shown.contains("terminal restored"), shown);
  }

  /** A pipe has no keys and no escapes: Ctrl-A x is the guest's input, and so is the end. */
  @Test
  void aPipeIsTheGuestsAsItIs() throws Exception {
    Path typed = Files.write(directory.resolve("typed"), new byte[] {1, 'x', 3, '\n'});
    Path shown = directory.resolve("shown");
    Process process =
        new ProcessBuilder(guest())
            .redirectInput(typed.toFile())
            .redirectOutput(shown.toFile())
            .redirectErrorStream(true)
            .start();
    assertTrue(process.waitFor(60, TimeUnit.SECONDS));
    String text = Files.readString(shown);
    assertTrue(text.endsWith("ready\n[01][78][03][0a][end]"), text);
    assertEquals(0, process.exitValue());
  }
}
