package org.duvisor.conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.duvisor.devices.chardev.CharBackend;
import org.duvisor.machine.Engine;
import org.duvisor.machine.Hart;
import org.duvisor.machine.board.Board;
import org.duvisor.machine.board.BoardBoot;
import org.duvisor.machine.board.BoardConfig;
import org.duvisor.machine.board.BoardOutcome;
import org.duvisor.virtio.VirtioDevice;

/**
 * Runs a flat program at the start of RAM, in M-mode from the first instruction on, on QEMU's virt
 * board and on ours: what it prints, as lines. It ends by the test finisher.
 */
final class Bare {
  /** A newer one than that on the PATH knows more instructions. */
  private static final String QEMU = System.getProperty("duvisor.qemu", "qemu-system-riscv64");

  /** So many instructions mean that a program never ends. */
  private static final long INSTRUCTIONS = 1_000_000_000;

  private Bare() {}

  private record Console(ByteArrayOutputStream out) implements CharBackend {
    @Override
    public void transmit(byte value) {
      out.write(value);
    }

    @Override
    public void flush() {}

    @Override
    public int receive(byte[] into, int offset, int length) {
      return END;
    }

    @Override
    public void onInput(Runnable listener) {}
  }

  /** Ends the test as not run when there is no QEMU. */
  static void assumeQemu() {
    boolean found =
        Pattern.compile(Pattern.quote(File.pathSeparator))
            .splitAsStream(Optional.ofNullable(System.getenv("PATH")).orElse(""))
            .anyMatch(folder -> Files.isExecutable(Path.of(folder).resolve(QEMU)));
    assumeTrue(found, "needs " + QEMU + ", which is not installed (Debian: qemu-system-misc)");
  }

  /** The major version of QEMU. */
  static int qemuVersion() throws IOException, InterruptedException {
    Process process = new ProcessBuilder(QEMU, "--version").redirectErrorStream(true).start();
    String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);
    process.waitFor();
    Matcher version = Pattern.compile("version (\\d+)").matcher(text);
    assertTrue(version.find(), text);
    return Integer.parseInt(version.group(1));
  }

  /** On QEMU, with more options; {@code folder} is for its files. */
  static List<String> onQemu(byte[] program, Path folder, String... options)
      throws IOException, InterruptedException {
    Path image = Files.write(folder.resolve("program.bin"), program);
    Path serial = folder.resolve("serial");
    Path log = folder.resolve("log");
    List<String> command = new ArrayList<>(List.of(QEMU, "-M", "virt", "-m", "64"));
    command.addAll(List.of("-display", "none", "-monitor", "none", "-nodefaults"));
    command.addAll(List.of("-bios", image.toString(), "-serial", "file:" + serial));
    command.addAll(List.of(options));
    Process process =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile()).start();
    try {
      assertTrue(process.waitFor(60, TimeUnit.SECONDS), QEMU + " does not end");
    } finally {
      process.destroyForcibly();
    }
    assertEquals(0, process.exitValue(), Files.readString(log));
    return Files.readAllLines(serial, StandardCharsets.US_ASCII);
  }

  /** On our board. */
  static List<String> onBoard(
      byte[] program, Function<Hart, Engine> engine, VirtioDevice... devices) {
    var console = new Console(new ByteArrayOutputStream());
    var config =
        BoardConfig.of(1, 64 << 20, console)
            .engine(engine)
            .virtio(List.of(devices))
            .deterministic(true)
            .build();
    try (var board = new Board(config)) {
      board.limit(INSTRUCTIONS);
      var boot =
          new BoardBoot(
              Optional.empty(), program, Optional.empty(), Optional.empty(), "", Optional.empty());
      BoardOutcome outcome = board.run(boot);
      assertEquals(new BoardOutcome.Finished(0), outcome, console.out::toString);
    }
    return console.out.toString(StandardCharsets.US_ASCII).lines().toList();
  }
}
