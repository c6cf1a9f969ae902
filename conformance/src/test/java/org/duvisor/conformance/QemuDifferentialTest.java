package org.duvisor.conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;
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
import java.util.regex.Pattern;
import java.util.stream.LongStream;
import org.duvisor.devices.chardev.CharBackend;
import org.duvisor.jit.RegionTranslator;
import org.duvisor.machine.Engine;
import org.duvisor.machine.Hart;
import org.duvisor.machine.board.Board;
import org.duvisor.machine.board.BoardBoot;
import org.duvisor.machine.board.BoardConfig;
import org.duvisor.machine.board.BoardOutcome;
import org.duvisor.machine.interp.Interpreter;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Random instructions on our machine and on another implementation, QEMU. More of them: {@code
 * -Dduvisor.differential.seed=N -Dduvisor.differential.blocks=N -Dduvisor.differential.length=N}.
 * Adversary: a misreading of the specification that our tests share with our code, and the
 * translator's view of registers at traps and forward branches.
 */
final class QemuDifferentialTest {
  private static final String QEMU = "qemu-system-riscv64";
  private static final String PROPERTY = "duvisor.differential.";
  private static final long SEED = Long.getLong(PROPERTY + "seed", 1);
  private static final int BLOCKS = Integer.getInteger(PROPERTY + "blocks", 60);
  private static final int LENGTH = Integer.getInteger(PROPERTY + "length", 400);

  /** So many instructions mean that a block never ends. */
  private static final long INSTRUCTIONS = 1_000_000_000;

  @TempDir private Path folder;

  /** A program, and where its records are in it. */
  private record Program(byte[] bytes, List<byte[]> records, List<Long> addresses) {
    static Program of(List<byte[]> records) {
      var out = new ByteArrayOutputStream();
      out.writeBytes(DifferentialRuntime.code());
      List<Long> addresses = new ArrayList<>();
      for (byte[] r : records) {
        addresses.add(DifferentialRuntime.BASE + out.size());
        out.writeBytes(r);
      }
      out.writeBytes(new byte[] {1, 0, 0, 0, 0, 0, 0, 0});
      assertTrue(out.size() <= DifferentialRuntime.LIMIT, "fewer or shorter blocks, please");
      return new Program(out.toByteArray(), records, addresses);
    }
  }

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

  @Test
  void qemuAndOurEnginesAgree() throws Exception {
    assumeTrue(onPath(), "needs " + QEMU + ", which is not installed (Debian: qemu-system-misc)");
    List<byte[]> records =
        LongStream.range(SEED, SEED + BLOCKS)
            .mapToObj(seed -> RandomBlock.record(seed, LENGTH))
            .toList();
    Program program = Program.of(records);
    List<String> theirs = qemu(program);
    assertEquals(BLOCKS, theirs.size(), "lines of output of " + QEMU);
    compare("interpreter", program, theirs, ours(program, Interpreter::new));
    for (int threshold = 1; threshold <= 2; threshold++) {
      try (var translator = new RegionTranslator(threshold, false)) {
        List<String> lines = ours(program, hart -> new Interpreter(hart, translator));
        compare("translator, threshold " + threshold, program, theirs, lines);
      }
    }
  }

  private static boolean onPath() {
    return Pattern.compile(Pattern.quote(File.pathSeparator))
        .splitAsStream(Optional.ofNullable(System.getenv("PATH")).orElse(""))
        .anyMatch(folder -> Files.isExecutable(Path.of(folder, QEMU)));
  }

  private List<String> qemu(Program program) throws IOException, InterruptedException {
    Path image = Files.write(folder.resolve("program.bin"), program.bytes);
    Path serial = folder.resolve("serial");
    Path log = folder.resolve("log");
    List<String> command =
        new ArrayList<>(List.of(QEMU, "-M", "virt", "-cpu", "rv64,zba=true,zbb=true,zbs=true"));
    command.addAll(List.of("-m", "64", "-display", "none", "-monitor", "none", "-nodefaults"));
    command.addAll(List.of("-bios", image.toString(), "-serial", "file:" + serial));
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

  private static List<String> ours(Program program, Function<Hart, Engine> engine) {
    var console = new Console(new ByteArrayOutputStream());
    var config = BoardConfig.of(1, 64 << 20, console).engine(engine).deterministic(true).build();
    try (var board = new Board(config)) {
      board.limit(INSTRUCTIONS);
      var boot =
          new BoardBoot(
              Optional.empty(),
              program.bytes,
              Optional.empty(),
              Optional.empty(),
              "",
              Optional.empty());
      BoardOutcome outcome = board.run(boot);
      assertEquals(new BoardOutcome.Finished(0), outcome, console.out::toString);
    }
    return console.out.toString(StandardCharsets.US_ASCII).lines().toList();
  }

  /** Fails with the first block whose results differ. */
  private static void compare(
      String engine, Program program, List<String> theirs, List<String> ours) {
    for (int i = 0; i < theirs.size(); i++) {
      String line = i < ours.size() ? ours.get(i) : "";
      if (!line.equals(theirs.get(i))) {
        fail(
            "seed %d, %s:%n%s%n%s"
                .formatted(
                    SEED + i,
                    engine,
                    difference(theirs.get(i), line),
                    RandomBlock.disassembly(program.records.get(i), program.addresses.get(i))));
      }
    }
  }

  private static String difference(String theirs, String ours) {
    List<String> names = DifferentialRuntime.names();
    List<String> a = Pattern.compile(" ").splitAsStream(theirs).toList();
    List<String> b = Pattern.compile(" ").splitAsStream(ours).toList();
    if (a.size() != names.size() || b.size() != names.size()) {
      return "QEMU: " + theirs + "\nours: " + ours;
    }
    StringBuilder out = new StringBuilder();
    for (int i = 0; i < names.size(); i++) {
      if (!a.get(i).equals(b.get(i))) {
        out.append("%s: QEMU %s, ours %s%n".formatted(names.get(i), a.get(i), b.get(i)));
      }
    }
    return out.toString();
  }
}
