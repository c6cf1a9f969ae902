package org.duvisor.cli;

import java.io.IOException;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.duvisor.lab.EngineBenchmark;
import org.duvisor.lab.EngineReport;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code duvisor lab engine}. */
@Command(
    name = "engine",
    description =
        "Measures the execution engines with a Linux guest, next to QEMU when it is there.",
    sortOptions = false,
    footer = {
      "",
      "The figures are guest MIPS: instructions of the guest, its kernel's included, per second of"
          + " CPU",
      "time of the emulator's process, in millions. Every measurement is a process of its own; the",
      "engines take turns. About 15 s for each workload, round and engine.",
      "",
      "Examples:",
      "  duvisor lab engine",
      "  duvisor lab engine --workloads core,stream --engine jit --rounds 5 --out results",
    })
final class LabEngineCommand implements Callable<Integer> {
  private static final Path FIRMWARE =
      Path.of("/usr/share/qemu/opensbi-riscv64-generic-fw_dynamic.elf");

  private final Images images;
  private final PrintStream out;
  private final PrintStream err;

  @Option(
      names = "--workloads",
      paramLabel = "NAMES",
      split = ",",
      description = "Which ones, with commas between. Default: all.")
  private List<String> workloads = new ArrayList<>();

  @Option(
      names = "--seconds",
      paramLabel = "N",
      defaultValue = "6",
      description = "Length of the steady-state window. Default: ${DEFAULT-VALUE}.")
  private double seconds;

  @Option(
      names = "--warmup",
      paramLabel = "N",
      defaultValue = "4",
      description = "Seconds before that window. Default: ${DEFAULT-VALUE}.")
  private double warmup;

  @Option(
      names = "--from-start",
      paramLabel = "N",
      defaultValue = "10",
      description =
          "Seconds of the second figure, from the start of the process; 0: none. Default:"
              + " ${DEFAULT-VALUE}.")
  private double fromStart;

  @Option(
      names = "--rounds",
      paramLabel = "N",
      defaultValue = "3",
      description = "Measurements of each, for the median. Default: ${DEFAULT-VALUE}.")
  private int rounds;

  @Option(
      names = "--engine",
      paramLabel = "NAMES",
      split = ",",
      defaultValue = "interpreter,jit",
      description = "${COMPLETION-CANDIDATES}, with commas between. Default: ${DEFAULT-VALUE}.")
  private List<Engine> engines = new ArrayList<>();

  @Option(
      names = "--on",
      paramLabel = "MACHINE",
      defaultValue = "auto",
      description =
          "board, vm, or auto: the board when there is firmware for it, else a VM under DuVisor.")
  private String on = "auto";

  @Option(
      names = "--bios",
      paramLabel = "FILE",
      description = "OpenSBI for the board, an ELF file. Default: the one that QEMU brings.")
  private Path bios = FIRMWARE;

  @Option(
      names = "--qemu",
      paramLabel = "PROGRAM",
      defaultValue = "auto",
      description =
          "QEMU to compare with: auto (when installed), none, or its path. Default:"
              + " ${DEFAULT-VALUE}.")
  private String qemu = "auto";

  @Option(names = "--kernel", paramLabel = "FILE", description = "Another kernel; needs --count.")
  private @Nullable Path kernel;

  @Option(
      names = "--initrd",
      paramLabel = "FILE",
      description = "Another initramfs with /bench; needs --count.")
  private @Nullable Path initrd;

  @Option(
      names = "--out",
      paramLabel = "DIR",
      converter = WrittenFile.Folder.class,
      description = "Write engine.json, engine.svg and engine.html there.")
  private @Nullable Path folder;

  @Option(
      names = "--count",
      description =
          "First count the instructions of every workload, into bench.json beside the initramfs.")
  private boolean count;

  LabEngineCommand(Images images, PrintStream out, PrintStream err) {
    this.images = images;
    this.out = out;
    this.err = err;
  }

  @Override
  public Integer call() throws IOException {
    if (rounds < 1
        || rounds > 1000
        || !(seconds > 0 && seconds <= 3600)
        || !(warmup >= 0 && warmup <= 3600)
        || !(fromStart >= 0 && fromStart <= 3600)) {
      throw new UserError(
          "--rounds is 1 to 1000; --seconds, --warmup and --from-start are up to 3600");
    }
    EngineBenchmark.Options options = options();
    if (count) {
      EngineBenchmark.count(options);
      err.println("duvisor: counted the instructions of every workload");
      if (workloads.isEmpty()) {
        return 0;
      }
    }
    EngineReport report = EngineBenchmark.run(options, err);
    out.print(report.text());
    if (folder != null) {
      report.write(folder);
    }
    return 0;
  }

  private EngineBenchmark.Options options() throws IOException {
    return new EngineBenchmark.Options(
        workloads.isEmpty() ? EngineBenchmark.WORKLOADS : workloads,
        duration(warmup),
        duration(seconds),
        duration(fromStart),
        rounds,
        engines.stream().map(Engine::toString).toList(),
        machine(),
        bios,
        peer(),
        kernel != null ? kernel : images.kernel(),
        initrd != null ? initrd : images.bench(),
        jvm(),
        Version.revision());
  }

  private static Duration duration(double seconds) {
    return Duration.ofNanos((long) (seconds * 1e9));
  }

  private String machine() {
    return switch (on) {
      case "board", "vm" -> on;
      case "auto" -> Files.isReadable(bios) ? "board" : "vm";
      default -> throw new UserError("--on is board, vm or auto, not " + on);
    };
  }

  private Optional<Path> peer() {
    return switch (qemu) {
      case "none" -> Optional.empty();
      case "auto" -> EngineBenchmark.onPath("qemu-system-riscv64");
      default -> {
        if (!Files.isExecutable(FileName.path(qemu))) {
          throw new UserError("--qemu is auto, none or a program, not " + qemu);
        }
        yield Optional.of(FileName.path(qemu));
      }
    };
  }

  /** What the JVM that runs this was started with. */
  static List<String> arguments() {
    return ManagementFactory.getRuntimeMXBean().getInputArguments();
  }

  /** The JVM that runs this, with its options. */
  static List<String> jvm() {
    List<String> jvm =
        new ArrayList<>(
            List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString()));
    arguments().stream()
        .filter(
            a ->
                !a.startsWith("-XX:AOTCache")
                    && !a.startsWith("-Xlog:aot")
                    && !a.startsWith("-Dduvisor.home"))
        .forEach(jvm::add);
    jvm.addAll(List.of("-cp", System.getProperty("java.class.path")));
    return jvm;
  }
}
