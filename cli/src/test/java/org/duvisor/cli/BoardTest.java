package org.duvisor.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.duvisor.isa.Assembler;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** {@code duvisor machine} with real boards. */
@Timeout(60)
final class BoardTest {
  /** Prints the device tree, and ends. */
  private static final String PRINT_TREE =
      """
        csrr t0, mhartid
        bnez t0, .
        lwu t0, 4(a1)          # its length, big-endian
        li t1, 0x10000000
        rev8 t0, t0
        srli t0, t0, 32
        add t0, t0, a1
      1:
        lbu t2, (a1)
        sb t2, (t1)
        addi a1, a1, 1
        bne a1, t0, 1b
        li t0, 0x100000
        li t1, 0x5555
        sw t1, (t0)
        j .
      """;

  @TempDir private Path folder;
  private final ByteArrayOutputStream printed = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();

  /** Boards whose output is kept. */
  private final class Kept implements Boards {
    private final Boards real = new Wiring.Board();

    @Override
    public Session open(BoardOptions options, InputStream input, OutputStream output)
        throws IOException {
      return real.open(options, InputStream.nullInputStream(), printed);
    }

    @Override
    public void dumpDeviceTree(BoardOptions options, Path file) throws IOException {
      real.dumpDeviceTree(options, file);
    }
  }

  private int machine(List<String> more, String... arguments) {
    List<String> all = new ArrayList<>(List.of("machine", "--memory", "64M", "--deterministic"));
    all.addAll(more);
    all.addAll(List.of(arguments));
    var stream = new PrintStream(err, true, StandardCharsets.UTF_8);
    return Duvisor.run(
        all.toArray(String[]::new), Wiring::vm, new Kept(), folder, false, stream, stream);
  }

  private String file(String name, byte[] content) throws IOException {
    return Files.write(folder.resolve(name), content).toString();
  }

  private String program() throws IOException {
    return file("print.bin", new Assembler(0x8000_0000L).asm(PRINT_TREE).bytes());
  }

  @Test
  void theDumpedTreeIsThatOfARun() throws IOException {
    String program = program();
    String disk = file("disk.img", new byte[1 << 20]);
    String other = file("other.img", new byte[1 << 20]);
    String initrd = file("initrd", "070701 and more".getBytes(StandardCharsets.US_ASCII));
    List<List<String>> runs =
        List.of(
            List.of(),
            List.of("--smp", "3", "--append", "a=b"),
            List.of("--disk", disk, "--disk", other + ",ro", "--share", folder + ",ro"),
            List.of("--initrd", initrd, "--aia", "aplic-imsic"));
    for (List<String> options : runs) {
      Path tree = folder.resolve("tree.dtb");
      if (options.contains("--share") && !System.getProperty("os.name").equals("Linux")) {
        continue;
      }
      assertEquals(0, machine(options, program, "--dump-dtb", tree.toString()), err::toString);
      printed.reset();
      assertEquals(0, machine(options, program), err::toString);
      assertArrayEquals(Files.readAllBytes(tree), printed.toByteArray(), options.toString());
    }
    assertEquals("", err.toString(StandardCharsets.UTF_8));
  }

  @Test
  void aTreeNeedsNoProgramAndRealDisks() throws IOException {
    Path tree = folder.resolve("tree.dtb");
    assertEquals(0, machine(List.of("--smp", "2"), "--dump-dtb", tree.toString()));
    assertTrue(Files.size(tree) > 1000);
    String missing = folder.resolve("missing").toString();
    assertEquals(1, machine(List.of("--disk", missing), "--dump-dtb", tree.toString()));
    assertEquals(
        "duvisor: disk image " + missing + ": no such file",
        err.toString(StandardCharsets.UTF_8).strip());
  }

  private void assertRefused(String what, List<String> options) {
    err.reset();
    int code = machine(options);
    String line = err.toString(StandardCharsets.UTF_8).strip();
    assertEquals(1, code, line);
    assertEquals(1, line.lines().count(), line);
    assertTrue(line.contains(what), line);
  }

  @Test
  void filesThatAreNoProgramsAreRefusedWithALine() throws IOException {
    byte[] text = "# read me\n".getBytes(StandardCharsets.US_ASCII);
    byte[] random = new byte[10_000];
    new Random(4).nextBytes(random);
    String good = program();
    String[][] files = {
      {"is text; it is not a RISC-V kernel", file("text", text)},
      {"is data of no known form", file("random", random)},
      {"is data of no known form", file("ones", new byte[] {-1, -1, -1, -1, -1, -1})},
      {"is nothing but zeros", file("zeros", new byte[4096])},
      {"is empty", file("empty", new byte[0])},
      {"is a directory", folder.toString()},
    };
    for (String[] f : files) {
      assertRefused(f[0], List.of(f[1]));
      assertRefused(f[0], List.of("--bios", f[1]));
      assertRefused(f[0], List.of(good, "--kernel", f[1]));
    }
  }

  @Test
  void namesMustNotBeEmpty() {
    for (String option : new String[] {"--bios", "--kernel", "--initrd", "--dtb"}) {
      err.reset();
      assertEquals(2, machine(List.of(option, "")));
      assertTrue(err.toString(StandardCharsets.UTF_8).contains("an empty name is no file's"));
    }
  }

  @Test
  void trapLoopsEndAtTheLimit() throws IOException {
    String loop =
        file("loop.bin", new Assembler(0x8000_0000L).asm("csrw mtvec, zero\n ecall").bytes());
    assertEquals(1, machine(List.of(loop, "--max-instructions", "100000")));
    String line = err.toString(StandardCharsets.UTF_8).strip();
    assertTrue(line.matches("duvisor: stopped after \\d+ instructions and \\d+ traps"), line);
  }
}
