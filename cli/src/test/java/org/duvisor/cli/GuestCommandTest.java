package org.duvisor.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code duvisor run -- COMMAND} in the project's own guest, in a process of its own. */
final class GuestCommandTest {
  private static final Path HOME = Path.of("..").toAbsolutePath().normalize();

  @TempDir private Path directory;

  private record Result(int code, String out, String err) {}

  @BeforeEach
  void images() {
    assumeTrue(Files.exists(HOME.resolve("guest/images/Image.gz")), "needs the guest's images");
  }

  private static List<String> command(String... arguments) {
    var command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "@" + HOME.resolve("cli/jvm.options"),
                "-Dduvisor.home=" + HOME,
                "-cp",
                System.getProperty("java.class.path"),
                Duvisor.class.getName(),
                "run"));
    command.addAll(List.of(arguments));
    return command;
  }

  private Process start(String input, String... arguments) throws IOException {
    return new ProcessBuilder(command(arguments))
        .redirectInput(Files.writeString(directory.resolve("in"), input).toFile())
        .redirectOutput(directory.resolve("out").toFile())
        .redirectError(directory.resolve("err").toFile())
        .start();
  }

  private Result end(Process process) throws IOException, InterruptedException {
    boolean ended = process.waitFor(60, TimeUnit.SECONDS);
    process.destroyForcibly();
    String out = Files.readString(directory.resolve("out"));
    String err = Files.readString(directory.resolve("err"));
    assertTrue(ended, out + err);
    return new Result(process.exitValue(), out, err);
  }

  private Result run(String input, String... arguments) throws IOException, InterruptedException {
    return end(start(input, arguments));
  }

  @Test
  void streamsEnvironmentFoldersAndExitCode() throws Exception {
    Path shared = Files.createDirectory(directory.resolve("shared"));
    Files.writeString(shared.resolve("file"), "of the host\n");
    String input = "0123456789abcde\n".repeat(1 << 14);
    String script =
        """
        echo "$A $B $HOME $PATH"; pwd; cat file; ls /mnt; wc -c; echo from the guest >new
        echo warning >/dev/stderr; [ -t 0 ] || echo no terminal; exit 37
        """;
    Result result =
        run(
            input,
            "--share",
            shared + "",
            "--share",
            shared + ",tag=x,ro",
            "-e",
            "A=b c",
            "--env",
            "B",
            "--env=HOME=/tmp",
            "--",
            "sh",
            "-c",
            script);
    assertEquals(
        new Result(
            37,
            "b c  /tmp /bin\n/mnt/share\nof the host\nshare\nx\n%d\nno terminal\n"
                .formatted(input.length()),
            "warning\n"),
        result);
    assertEquals("from the guest\n", Files.readString(shared.resolve("new")));
  }

  /** The guest's own file system on an image over another one, as qemu-img finds it afterwards. */
  @Test
  void aQcow2DiskKeepsWhatTheGuestWrites() throws Exception {
    assumeTrue(TerminalTest.installed("qemu-img"), "needs qemu-img, which is not installed");
    Path base = directory.resolve("base.qcow2");
    Path disk = directory.resolve("disk.qcow2");
    qemuImg("create", "-q", "-f", "qcow2", base.toString(), "64M");
    String make = "mke2fs -F /dev/vda >/dev/null && mount /dev/vda /mnt && echo kept >/mnt/a";
    assertEquals(new Result(0, "", ""), run("", "--disk", base + "", "--", "sh", "-c", make));
    qemuImg("create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", "base.qcow2", disk.toString());
    String change =
        """
        mount /dev/vda /mnt && cat /mnt/a && head -c 9000000 /dev/urandom >/mnt/b &&
        sha256sum </mnt/b >/mnt/sum && fstrim /mnt; cat /sys/block/vda/queue/discard_granularity
        """;
    assertEquals(
        new Result(0, "kept\n65536\n", ""), run("", "--disk=" + disk, "--", "sh", "-c", change));
    String look = "mount /dev/vda /mnt && cd /mnt && sha256sum <b | diff - sum && echo same; ls";
    assertEquals(
        new Result(0, "same\na\nb\nlost+found\nsum\n", ""),
        run("", "--disk=" + disk, "--", "sh", "-c", look));
    assertEquals(
        new Result(0, "a\nlost+found\n", ""),
        run("", "--disk", base + ",ro", "--", "sh", "-c", "mount -r /dev/vda /mnt && ls /mnt"));
    qemuImg("check", base.toString());
    qemuImg("check", disk.toString());
  }

  private void qemuImg(String... arguments) throws IOException, InterruptedException {
    var command = new ArrayList<>(List.of("qemu-img"));
    command.addAll(List.of(arguments));
    Path log = directory.resolve("qemu-img.log");
    var builder = new ProcessBuilder(command).redirectErrorStream(true);
    assertEquals(
        0, builder.redirectOutput(log.toFile()).start().waitFor(), () -> log.toFile() + "");
  }

  /** Two cards, the first with an address of its own and a port of this computer. */
  @Test
  void cardsAreThereInTheirOrder() throws Exception {
    assumeTrue(TerminalTest.installed("passt"), "needs passt, which is not installed");
    String user = "user,mac=52:54:00:0a:0b:0c,hostfwd=tcp:127.0.0.1:%d-:80".formatted(freePort());
    String script = "cat /sys/class/net/eth0/address; [ -e /sys/class/net/eth1 ] && echo second";
    assertEquals(
        new Result(0, "52:54:00:0a:0b:0c\nsecond\n", ""),
        run("", "--net", user, "--net=user", "--", "sh", "-c", script));
    Result taken = taken();
    assertEquals(125, taken.code());
    assertTrue(taken.err().startsWith("duvisor: passt did not start: "), taken.err());
    assertEquals(1, taken.err().lines().count(), taken.err());
  }

  /** A port that another program has. */
  private Result taken() throws IOException, InterruptedException {
    try (var other = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      String forward = "hostfwd=tcp:127.0.0.1:" + other.getLocalPort() + "-:80";
      return run("", "--net", "user," + forward, "--", "true");
    }
  }

  private static int freePort() throws IOException {
    try (var socket = new ServerSocket(0)) {
      return socket.getLocalPort();
    }
  }

  @Test
  void whatCannotBeRunIsTold() throws Exception {
    assertEquals(
        new Result(127, "", "duvisor: nonsuch: not found\n"), run("", "--", "nonsuch", "--help"));
    assertEquals(
        new Result(126, "", "duvisor: /etc/passwd: permission denied\n"),
        run("", "--", "/etc/passwd"));
    assertEquals(
        new Result(126, "", "duvisor: working directory /nope: not found\n"),
        run("", "-w", "/nope", "--", "pwd"));
  }

  @Test
  void aGuestThatFailsIsNotItsCommand() throws Exception {
    assertEquals(
        new Result(125, "", "duvisor: the guest's kernel panicked\n"),
        run(
            "",
            "--memory=64M",
            "--",
            "sh",
            "-c",
            "echo 1 >/proc/sys/vm/panic_on_oom; tail /dev/zero"));
    assertEquals(
        new Result(125, "", "duvisor: the guest ended before its command did\n"),
        run("", "--", "reboot", "-f"));
  }

  @Test
  void wrongOptionsAreNotItsCommandEither() throws Exception {
    assertEquals(new Result(125, "", "duvisor: no command after --\n"), run("", "--"));
    assertEquals(125, run("", "--bogus", "--", "true").code());
    assertEquals(125, run("", "--disk=nonsuch.img", "--", "true").code());
    assertEquals(125, run("", "--initrd=/etc/passwd", "--", "true").code());
    assertEquals(125, run("", "--env", "=x", "--", "true").code());
    assertEquals(1, run("", "--workdir", "/").code());
  }

  @Test
  void aSignalIsTheCommands() throws Exception {
    String script = "trap 'echo got it; exit 5' TERM; echo ready; while :; do :; done";
    Process process = start("", "--", "sh", "-c", script);
    while (process.isAlive() && !Files.readString(directory.resolve("out")).contains("ready")) {
      Thread.sleep(20);
    }
    process.destroy(); // SIGTERM
    assertEquals(new Result(5, "ready\ngot it\n", ""), end(process));
  }

  @Test
  void aPipeThatIsClosedEndsTheCommand() throws Exception {
    var shell = new ArrayList<>(List.of("sh", "-c", "{ \"$@\"; echo $? >&2; } | head -n 1", "sh"));
    shell.addAll(command("--", "yes"));
    Process process =
        new ProcessBuilder(shell)
            .redirectOutput(directory.resolve("out").toFile())
            .redirectError(directory.resolve("err").toFile())
            .start();
    assertEquals(new Result(0, "y\n", "141\n"), end(process));
  }

  @Test
  void onATerminalTheCommandHasOne() throws Exception {
    assumeTrue(TerminalTest.installed("expect"), "needs expect, which is not installed");
    Path dialogue =
        Files.writeString(
            directory.resolve("dialogue"),
            """
            set timeout 40
            proc want {text} { expect -ex $text {} default { puts "NO $text"; exit 3 } }
            eval spawn $argv
            exec stty rows 33 cols 101 < $spawn_out(slave,name)
            send "stty size; tty\\r"
            want "33 101"
            want "/dev/pts/0"
            want "# "
            send "sleep 1000\\r"
            want "sleep"
            after 200
            send "\\003"
            want "# "
            send "exit 9\\r"
            expect eof
            exit [lindex [wait] 3]
            """);
    var typed = new ArrayList<>(List.of("expect", dialogue.toString()));
    typed.addAll(command("--", "sh"));
    Process process =
        new ProcessBuilder(typed)
            .redirectErrorStream(true)
            .redirectOutput(directory.resolve("out").toFile())
            .redirectError(Files.createFile(directory.resolve("err")).toFile())
            .start();
    Result result = end(process);
    assertEquals(9, result.code(), result.out());
  }
}
