package org.duvisor.conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import java.io.ByteArrayOutputStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.LongStream;
import org.duvisor.isa.Extension;
import org.duvisor.jit.RegionTranslator;
import org.duvisor.machine.interp.CodeBudget;
import org.duvisor.machine.interp.Interpreter;
import org.duvisor.nativecode.NativeCode;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Random instructions on our machine and on another implementation, QEMU. More of them: {@code
 * -Dduvisor.differential.seed=N -Dduvisor.differential.blocks=N -Dduvisor.differential.length=N};
 * with another QEMU, which from 10 on knows more extensions: {@code -Dduvisor.qemu=PATH}.
 * Adversary: a misreading of the specification that our tests share with our code, and the
 * translator's view of registers at traps and forward branches.
 */
final class QemuDifferentialTest {
  private static final String PROPERTY = "duvisor.differential.";
  private static final long SEED = Long.getLong(PROPERTY + "seed", 1);
  private static final int BLOCKS = Integer.getInteger(PROPERTY + "blocks", 60);
  private static final int LENGTH = Integer.getInteger(PROPERTY + "length", 400);

  /** What every QEMU's rv64 has. */
  private static final Set<Extension> GENERAL =
      Set.of(
          Extension.I,
          Extension.M,
          Extension.ZAAMO,
          Extension.ZALRSC,
          Extension.F,
          Extension.D,
          Extension.ZCA,
          Extension.ZCD,
          Extension.ZICSR);

  /** What 7.2 can have besides. */
  private static final Set<Extension> NAMED =
      Set.of(
          Extension.ZBA,
          Extension.ZBB,
          Extension.ZBS,
          Extension.ZBC,
          Extension.ZBKB,
          Extension.ZBKX,
          Extension.ZKND,
          Extension.ZKNE,
          Extension.ZKNH,
          Extension.ZKSED,
          Extension.ZKSH,
          Extension.ZFHMIN,
          Extension.ZFH);

  private static final int NEWER = 10;
  private static final Set<Extension> NAMED_NEWER =
      Set.of(
          Extension.ZFA,
          Extension.ZACAS,
          Extension.ZABHA,
          Extension.ZICOND,
          Extension.ZCB,
          Extension.ZIMOP,
          Extension.ZCMOP);

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

  @Test
  void qemuAndOurEnginesAgree() throws Exception {
    Bare.assumeQemu();
    boolean newer = Bare.qemuVersion() >= NEWER;
    Set<Extension> extensions = EnumSet.copyOf(NAMED);
    List<String> options = new ArrayList<>();
    if (newer) {
      extensions.addAll(NAMED_NEWER);
      options.addAll(List.of("-accel", "tcg,one-insn-per-tb=on")); // 10.0 dies of a folded division
    }
    options.addAll(List.of("-cpu", cpu(extensions, newer)));
    extensions.addAll(GENERAL);
    List<byte[]> records =
        LongStream.range(SEED, SEED + BLOCKS)
            .mapToObj(seed -> RandomBlock.record(seed, LENGTH, extensions))
            .toList();
    Program program = Program.of(records);
    List<String> theirs = Bare.onQemu(program.bytes, folder, options.toArray(String[]::new));
    assertEquals(BLOCKS, theirs.size(), "lines of output of QEMU");
    compare("interpreter", program, theirs, Bare.onBoard(program.bytes, Interpreter::new));
    for (int threshold = 1; threshold <= 2; threshold++) {
      try (var translator = new RegionTranslator(threshold, false)) {
        List<String> lines = Bare.onBoard(program.bytes, hart -> new Interpreter(hart, translator));
        compare("translator, threshold " + threshold, program, theirs, lines);
      }
      if (NativeCode.isAvailable()) {
        var code = new NativeCode(threshold, NativeCode.LEAST_BYTES, CodeBudget.PROCESS);
        compare(
            "native, threshold " + threshold, program, theirs, Bare.onBoard(program.bytes, code));
      }
    }
  }

  private static String cpu(Set<Extension> extensions, boolean newer) {
    StringBuilder cpu = new StringBuilder("rv64");
    for (Extension e : extensions) {
      String name = newer ? e.isaName() : e.isaName().replaceFirst("^zf", "Zf");
      cpu.append(',').append(name).append("=true");
    }
    return cpu.toString();
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
