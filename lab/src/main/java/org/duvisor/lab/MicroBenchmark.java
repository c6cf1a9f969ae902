package org.duvisor.lab;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import org.duvisor.devices.images.ElfImage;
import org.duvisor.machine.Engine;
import org.duvisor.machine.Hart;
import org.duvisor.machine.board.Board;
import org.duvisor.machine.board.InterruptController;

/**
 * What each kind of exit costs, in instructions of the harts: one bare guest under KVM and under
 * DuVisor, in one run of the full stack on a deterministic board. The harts are observed; nothing
 * in host, hypervisor or guest is instrumented.
 */
public final class MicroBenchmark {
  /** The guest's last words. */
  private static final String DONE = "micro: done";

  private static final String GUEST = "/usr/share/duvisor/guest/images/micro.elf";

  /** In the order of measurement: with AIA, KVM has the guest interrupt files until it leaves. */
  private enum Run {
    KVM("KVM", "", qemu("", "")),
    KVM_AIA("KVM", "", qemu(",aia=aplic-imsic", ",riscv-aia=emul")),
    KVM_FILES("KVM, files", "", qemu(",aia=aplic-imsic", ",riscv-aia=hwaccel")),
    DUVISOR("DuVisor", "", "duvisor run --kernel " + GUEST + " --memory 256M --cpus %d"),
    DUVISOR_AIA(
        "DuVisor",
        "rmmod kvm",
        "duvisor run --kernel " + GUEST + " --memory 256M --aia aplic-imsic --cpus %d"),
    SMALL_LEAVES(
        "DuVisor",
        "",
        "duvisor run --kernel "
            + GUEST
            + " --memory 256M --leaf 4K --append just-memory --cpus %d");

    private static final List<Run> PLIC = List.of(KVM, DUVISOR, SMALL_LEAVES);
    private static final List<Run> AIA = List.of(KVM_AIA, KVM_FILES, DUVISOR_AIA, SMALL_LEAVES);

    private final String system;
    private final String before;
    private final String command;

    Run(String system, String before, String command) {
      this.system = system;
      this.before = before;
      this.command = command;
    }

    private static String qemu(String machine, String accelerator) {
      return "qemu-system-riscv64 -M virt"
          + machine
          + " -accel kvm"
          + accelerator
          + " -cpu host -m 256M -nographic -kernel "
          + GUEST
          + " -global virtio-mmio.force-legacy=false -device virtio-rng-device -smp %d";
    }

    /** Whether the guest must have interrupt files of the harts. */
    private boolean files() {
      return this == KVM_FILES || this == DUVISOR_AIA;
    }

    /** Stage-2 faults whose leaf size this run does not have. */
    private Operation foreign() {
      return this == DUVISOR || this == DUVISOR_AIA ? Operation.FAULT_4K : Operation.FAULT_2M;
    }
  }

  /**
   * How to measure.
   *
   * @param interrupts the interrupt controllers of the board, and of the guests: not APLIC
   * @param harts of the board, and vCPUs of the guest: 1 to 4, two of which do something
   * @param turn instructions of a turn of the board's harts while one answers another
   * @param neighbour whether another guest of DuVisor is busy all the while
   */
  public record Options(InterruptController interrupts, int harts, long turn, boolean neighbour) {}

  /** A Linux under DuVisor that starts processes and reads files for ever. */
  private static final String NEIGHBOUR =
      "(echo 'while :; do cat /proc/*/stat; done >/dev/null 2>&1'; sleep 999999)"
          + " | duvisor run --memory 64M --append quiet >/tmp/neighbour 2>&1 &";

  private static final String NEIGHBOUR_READY =
      "until grep -q 'DuVisor guest ready' /tmp/neighbour; do sleep 1; done";

  private final HostStack stack;
  private final Options options;
  private final OperationWatch watch;
  private final PrintStream progress;
  private final Map<String, Map<Operation, List<OperationWatch.Sample>>> seen = new TreeMap<>();

  private MicroBenchmark(HostStack stack, ElfImage guest, Options options, PrintStream progress) {
    this.stack = stack;
    this.options = options;
    this.progress = progress;
    Board board = stack.board();
    this.watch = new OperationWatch(guest, h -> h.retired, board::instant);
    watch.at(guest, "peers_begin", () -> board.turn(options.turn));
    watch.at(guest, "peers_end", () -> board.turn(Board.TURN));
    board.harts().forEach(h -> h.traps().listener(watch));
  }

  /**
   * Measures.
   *
   * @param guest guest/images/micro.elf, as it is in the host's root file system
   * @param engine what executes for the harts
   * @param about what it takes to repeat the run, besides what is known here
   * @param progress gets a line for each run of the guest
   * @throws LabException when something does not come as expected
   */
  public static MicroReport run(
      HostStack.Images images,
      Path guest,
      Options options,
      Function<Hart, Engine> engine,
      Map<String, String> about,
      PrintStream progress)
      throws IOException {
    var elf = ElfImage.open(guest);
    var stack = new HostStack(images, options.harts, options.interrupts, engine);
    return new MicroBenchmark(stack, elf, options, progress).measure(about);
  }

  private MicroReport measure(Map<String, String> about) throws IOException {
    List<Run> runs = options.interrupts == InterruptController.APLIC_IMSIC ? Run.AIA : Run.PLIC;
    if (options.neighbour) {
      stack.console().answer(HostStack.PROMPT, NEIGHBOUR);
      stack.console().answer(HostStack.PROMPT, NEIGHBOUR_READY);
    }
    for (Run run : runs) {
      if (!run.before.isEmpty()) {
        stack.console().answer(HostStack.PROMPT, run.before);
      }
      stack
          .console()
          .expect(
              HostStack.PROMPT,
              () -> {
                beware();
                watch.take();
                stack.console().type(run.command.formatted(options.harts));
              });
      stack.console().expect(DONE, () -> keep(run));
    }
    stack.console().answer(HostStack.PROMPT, "poweroff -f");
    stack.run();
    Map<String, String> all = stack.about(about);
    all.put("neighbour", options.neighbour ? "a busy Linux under DuVisor" : "none");
    all.put("turn", options.turn + " instructions while harts answer each other");
    List<String> systems = runs.stream().map(r -> r.system).distinct().toList();
    return new MicroReport(
        all, "instructions", systems, MicroReport.rows(systems.stream().map(seen::get).toList()));
  }

  private void beware() {
    stack.watch(() -> "; the guest's latest operation: " + watch.latest());
  }

  private void keep(Run run) {
    if (watch.filesSeen() != run.files()) {
      stack.fail(run + ": the guest has interrupt files of the harts: " + watch.filesSeen());
      return;
    }
    beware();
    var samples = watch.take();
    samples.remove(run.foreign());
    samples.values().removeIf(List::isEmpty);
    progress.println(
        run + ": " + samples.values().stream().mapToInt(List::size).sum() + " operations");
    seen.computeIfAbsent(run.system, _ -> new EnumMap<>(Operation.class)).putAll(samples);
  }
}
