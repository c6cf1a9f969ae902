package org.duvisor.lab;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.zip.GZIPInputStream;
import org.duvisor.virtio.host.Scratch;

/**
 * The speed of the execution engines, next to QEMU: every workload of {@code /bench} in a process
 * of its own per engine and round, engines in turn, so that a change of the machine's load meets
 * all of them.
 */
public final class EngineBenchmark {
  /** Workloads that a run without a choice takes; the program has more. */
  public static final List<String> WORKLOADS =
      List.of(
          "core",
          "integer",
          "dhry",
          "chase",
          "memcpy-far",
          "memcpy-libc",
          "memcpy-shift",
          "stream",
          "nbody",
          "mandel",
          "getpid",
          "mmap",
          "pipe",
          "fork",
          "exec");

  private static final Duration BOOT_LIMIT = Duration.ofSeconds(120);
  private static final Duration COUNT_LIMIT = Duration.ofMinutes(15);

  /**
   * What to run.
   *
   * @param workloads names that the program knows
   * @param warmup from the start line to the window
   * @param window length of the steady-state window
   * @param fromStart length of the window that begins with the process; zero leaves that figure out
   * @param rounds 1 or more
   * @param engines interpreter, jit
   * @param on board or vm
   * @param bios firmware of the board
   * @param qemu QEMU's program, when it is to be compared with
   * @param kernel the guest's
   * @param initrd its initramfs; the file of counts, {@code bench.json}, lies beside it
   * @param jvm the program and options of the child JVM
   * @param revision of this project
   */
  public record Options(
      List<String> workloads,
      Duration warmup,
      Duration window,
      Duration fromStart,
      int rounds,
      List<String> engines,
      String on,
      Path bios,
      Optional<Path> qemu,
      Path kernel,
      Path initrd,
      List<String> jvm,
      String revision) {
    /**
     * The guest with an uncompressed kernel, which is all that QEMU takes; unpacked into a file for
     * this run only.
     */
    Emulator.Guest guest() throws IOException {
      byte[] bytes = Files.readAllBytes(kernel);
      if (bytes.length < 2 || bytes[0] != 0x1f || bytes[1] != (byte) 0x8b) {
        return new Emulator.Guest(kernel, initrd);
      }
      Path plain = Files.createTempFile(Scratch.folder(), "duvisor-lab-", "-Image");
      plain.toFile().deleteOnExit();
      try (var in = new GZIPInputStream(new ByteArrayInputStream(bytes))) {
        Files.copy(in, plain, StandardCopyOption.REPLACE_EXISTING);
      }
      return new Emulator.Guest(plain, initrd);
    }

    Path counts() {
      return initrd.resolveSibling("bench.json");
    }

    private List<Emulator> emulators() {
      List<Emulator> all = new ArrayList<>();
      engines.forEach(e -> all.add(new Emulator.Duvisor(e, on, bios, jvm, false)));
      qemu.ifPresent(q -> all.add(new Emulator.Qemu(q)));
      return all;
    }
  }

  private EngineBenchmark() {}

  /**
   * Counts the instructions of every workload on the deterministic board and writes the file of
   * counts.
   */
  public static InstructionCounts count(Options options) throws IOException {
    var board = new Emulator.Duvisor("interpreter", "board", options.bios, options.jvm, true);
    GuestProcess.Seen seen =
        GuestProcess.run(
            board.command(options.guest(), "count"), COUNT_LIMIT, COUNT_LIMIT, COUNT_LIMIT);
    InstructionCounts counts =
        InstructionCounts.of(sha256(options.kernel), sha256(options.initrd), seen.lines());
    counts.write(options.counts());
    return counts;
  }

  /** Measures; says on {@code progress} how far it is. */
  public static EngineReport run(Options options, PrintStream progress) throws IOException {
    InstructionCounts counts = InstructionCounts.read(options.counts());
    if (!counts.initrd().equals(sha256(options.initrd))
        || !counts.kernel().equals(sha256(options.kernel))) {
      throw new LabException(
          options.counts() + " counts other images; renew it with duvisor lab engine --count");
    }
    List<Emulator> emulators = options.emulators();
    if (emulators.isEmpty()) {
      throw new LabException("no engine to measure");
    }
    options.workloads.forEach(counts::work);
    Emulator.Guest guest = options.guest();
    Map<String, List<EngineReport.Cell>> cells = new LinkedHashMap<>();
    for (String workload : options.workloads) {
      List<EngineReport.Cell> row = new ArrayList<>();
      emulators.forEach(
          _ -> row.add(new EngineReport.Cell(new ArrayList<>(), new ArrayList<>(), false)));
      for (int round = 0; round < options.rounds; round++) {
        for (int e = 0; e < emulators.size(); e++) {
          progress.println(workload + ", round " + (round + 1) + ", " + emulators.get(e).label());
          row.set(e, measure(options, guest, counts, workload, emulators.get(e), row.get(e)));
        }
      }
      cells.put(workload, row);
    }
    List<EngineReport.Row> rows = new ArrayList<>();
    cells.forEach(
        (name, row) -> rows.add(new EngineReport.Row(name, counts.work(name).iteration(), row)));
    return new EngineReport(about(options), emulators.stream().map(Emulator::label).toList(), rows);
  }

  /** The program of that name on the search path. */
  public static Optional<Path> onPath(String program) {
    return Arrays.stream(System.getenv().getOrDefault("PATH", "").split(":"))
        .map(folder -> Path.of(folder, program))
        .filter(Files::isExecutable)
        .findFirst();
  }

  private static EngineReport.Cell measure(
      Options options,
      Emulator.Guest guest,
      InstructionCounts counts,
      String workload,
      Emulator emulator,
      EngineReport.Cell before)
      throws IOException {
    long from = options.warmup.toNanos();
    Duration length = options.warmup.plus(options.window);
    GuestProcess.Seen seen =
        GuestProcess.run(
            emulator.command(guest, workload + " 0"),
            length,
            options.fromStart,
            BOOT_LIMIT.plus(length));
    InstructionCounts.Work work = counts.work(workload);
    List<Double> warm = new ArrayList<>(before.warm());
    List<Double> fromStart = new ArrayList<>(before.fromStart());
    seen.timeline().mips(work, from, length.toNanos()).ifPresent(warm::add);
    seen.timeline()
        .mipsSinceBirth(work, counts.boot(), options.fromStart.toNanos())
        .ifPresent(fromStart::add);
    return new EngineReport.Cell(
        warm, fromStart, before.wrong() || !seen.check().equals(work.check()));
  }

  private static Map<String, String> about(Options options) throws IOException {
    Map<String, String> about = new TreeMap<>();
    about.put("revision", options.revision);
    about.put("seed", "fixed in the guest's program");
    about.put("kernel", options.kernel.getFileName() + " " + sha256(options.kernel));
    about.put("initrd", options.initrd.getFileName() + " " + sha256(options.initrd));
    about.put("guest", "one hart, 512 MiB, " + options.on);
    about.put("warm-up", options.warmup.toMillis() + " ms");
    about.put("window", options.window.toMillis() + " ms");
    about.put("from start", options.fromStart.toMillis() + " ms");
    about.put("rounds", Integer.toString(options.rounds));
    about.put("jvm", jvmName());
    about.put("jvm options", String.join(" ", jvmOptions(options.jvm)));
    about.put("machine", machineName());
    about.put("load average at the end", Double.toString(loadAverage()));
    if (options.qemu.isPresent()) {
      about.put("qemu", firstLine(List.of(options.qemu.get().toString(), "--version")));
    }
    return about;
  }

  /**
   * The options alone: without the program and the class path, which name folders of one machine.
   */
  private static List<String> jvmOptions(List<String> jvm) {
    int classPath = jvm.indexOf("-cp");
    return jvm.subList(1, classPath < 0 ? jvm.size() : classPath);
  }

  /** The JVM of this process, which is that of its children. */
  static String jvmName() {
    return System.getProperty("java.vm.name") + " " + System.getProperty("java.runtime.version");
  }

  /** Processors and operating system. */
  static String machineName() throws IOException {
    return Runtime.getRuntime().availableProcessors()
        + " CPUs, "
        + processor()
        + ", "
        + System.getProperty("os.name");
  }

  private static double loadAverage() {
    return java.lang.management.ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage();
  }

  private static String processor() throws IOException {
    Path info = Path.of("/proc/cpuinfo");
    if (!Files.isReadable(info)) {
      return System.getProperty("os.arch");
    }
    try (var lines = Files.lines(info)) {
      return lines
          .filter(l -> l.startsWith("model name"))
          .map(l -> l.substring(l.indexOf(':') + 1).strip())
          .findFirst()
          .orElse("unknown CPU");
    }
  }

  private static String firstLine(List<String> command) throws IOException {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    try (var output = process.inputReader()) {
      return String.valueOf(output.readLine());
    }
  }

  /** SHA-256 of a file in hexadecimal. */
  static String sha256(Path file) throws IOException {
    try {
      return HexFormat.of()
          .formatHex(MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(file)));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }
}
