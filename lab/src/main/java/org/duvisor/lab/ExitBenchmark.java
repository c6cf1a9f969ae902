package org.duvisor.lab;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.function.Function;
import org.duvisor.devices.images.ElfImage;
import org.duvisor.devices.images.Initrd;
import org.duvisor.devices.images.KernelImage;
import org.duvisor.machine.Clock;
import org.duvisor.machine.Engine;
import org.duvisor.machine.Hart;
import org.duvisor.machine.TrapCounts;
import org.duvisor.machine.board.Board;
import org.duvisor.machine.board.BoardBoot;
import org.duvisor.machine.board.BoardConfig;
import org.duvisor.machine.board.BoardOutcome;
import org.duvisor.machine.board.InterruptController;
import org.duvisor.virtio.QueueWorker.Serving;
import org.duvisor.virtio.blk.Blk;
import org.duvisor.virtio.blk.RawFile;
import org.duvisor.virtio.rng.Rng;

/**
 * How often a guest is left, and how often that enters the host's kernel: the same guest with the
 * same load under DuVisor and under KVM, in one run of the full stack on a deterministic board. The
 * harts count their traps; nothing in host or guest is instrumented.
 */
public final class ExitBenchmark {
  /** What the guest does. A load lasts from before its second to after it. */
  public enum Load {
    /** A loop in the guest's user mode; the guest's timer ticks. */
    cpu("timeout 3 sh -c 'while :; do :; done'"),
    /** A loop that reads a register of a device, the UART's modem status: one exit each. */
    registers("timeout 3 sh -c 'while read -r x </proc/tty/driver/serial; do :; done'"),
    /** System calls, pages and processes of the guest. */
    processes("timeout 3 sh -c 'while :; do /bin/true; done'"),
    /** The guest sleeps for a millisecond, again and again. */
    sleeps("timeout 3 sh -c 'while :; do usleep 1000; done'"),
    /** Memory that the guest has not touched before. */
    memory(
        "usleep 700000; dd if=/dev/zero of=/tmp/fresh bs=1M count=32; rm /tmp/fresh; usleep"
            + " 999999"),
    /** Reads of a virtio disk, past the guest's cache. */
    disk(
        "timeout 3 sh -c 'while :; do dd if=/dev/vda of=/dev/null bs=64k;"
            + " echo 3 >/proc/sys/vm/drop_caches; done' 2>/dev/null"),
    /** Characters to a UART. */
    console("timeout 2 sh -c 'while :; do echo 0123456789; done'");

    private final String command;

    Load(String command) {
      this.command = command;
    }
  }

  /** In the order of measurement: with AIA, KVM has the guest interrupt files until it leaves. */
  private enum System {
    kvm(
        "qemu-kvm -M virt%s -m 128M -nographic"
            + " -kernel /usr/share/duvisor/Image -initrd /usr/share/duvisor/initramfs.cpio.gz"
            + " -append 'console=ttyS0 quiet' -drive file=/tmp/disk,format=raw,if=none,id=d"
            + " -device virtio-blk-device,drive=d -device virtio-rng-device",
        ",aia=aplic-imsic"),
    duvisor("duvisor run --memory 128M --append quiet --disk /tmp/disk%s", " --aia aplic-imsic");

    private final String command;
    private final String withFiles;

    System(String command, String withFiles) {
      this.command = command;
      this.withFiles = withFiles;
    }

    String command(boolean files) {
      return command.formatted(files ? withFiles : "");
    }
  }

  /** What the board boots, all of it built by guest/full-stack.sh. */
  public record Images(Path firmware, Path kernel, Path initrd, Path root) {}

  /**
   * How to measure.
   *
   * @param interrupts the interrupt controllers of the board, and of the guests
   * @param loads which, in this order
   */
  public record Options(InterruptController interrupts, List<Load> loads) {}

  private static final long MEMORY = 1L << 30;
  private static final long SEED = 1;
  private static final String HOST_PROMPT = "host:~ # ";
  private static final String GUEST_PROMPT = "/ # ";
  private static final long TICKS = Clock.HERTZ;

  /** After the mark on the console, until what has written it is at rest. */
  private static final long SETTLING = TICKS / 2;

  /** When something hangs: some hours of a computer. */
  private static final long LIMIT = 400_000_000_000L;

  private final Dialogue console = new Dialogue();
  private final Map<System, Map<Load, ExitReport.Cell>> measured = new EnumMap<>(System.class);
  private final PrintStream progress;
  private Board board;
  private boolean measuring;
  private String failure = "";

  private ExitBenchmark(PrintStream progress) {
    this.progress = progress;
  }

  /**
   * Measures.
   *
   * @param engine what executes for the harts
   * @param about what it takes to repeat the run, besides what is known here
   * @param progress gets a line for each measurement
   * @throws LabException when something does not come as expected
   */
  public static ExitReport run(
      Images images,
      Options options,
      Function<Hart, Engine> engine,
      Map<String, String> about,
      PrintStream progress)
      throws IOException {
    return new ExitBenchmark(progress).measure(images, options, engine, about);
  }

  private ExitReport measure(
      Images images, Options options, Function<Hart, Engine> engine, Map<String, String> about)
      throws IOException {
    var boot =
        new BoardBoot(
            Optional.of(ElfImage.open(images.firmware)),
            new byte[0],
            Optional.of(KernelImage.openAny(images.kernel)),
            Optional.of(Initrd.open(images.initrd)),
            "console=ttyS0 quiet",
            Optional.empty());
    var random = new SplittableRandom(SEED);
    var config =
        BoardConfig.of(1, MEMORY, console)
            .engine(engine)
            .virtio(
                List.of(
                    new Rng(random),
                    new Blk("vda", RawFile.open(images.root, true), Serving.INLINE)))
            .deterministic(true)
            .interrupts(options.interrupts)
            .build();
    try (var itsBoard = new Board(config)) {
      board = itsBoard;
      board.seed(random);
      board.limit(LIMIT);
      console.at(board);
      script(options);
      BoardOutcome outcome = board.run(boot);
      if (!failure.isEmpty()) {
        throw new LabException(failure);
      }
      if (!console.over()) {
        throw new LabException("the stack has ended (" + outcome + "): " + console.state());
      }
    }
    Map<String, String> all = new TreeMap<>(about);
    all.put("interrupts", options.interrupts.name());
    all.put("seed", Long.toString(SEED));
    all.put("host's harts", "1, deterministic");
    all.put("jvm", EngineBenchmark.jvmName());
    all.put("machine", EngineBenchmark.machineName());
    List<ExitReport.Row> rows = new ArrayList<>();
    for (Load load : options.loads) {
      rows.add(
          new ExitReport.Row(
              load.name(),
              measured.get(System.duvisor).get(load),
              measured.get(System.kvm).get(load)));
    }
    return new ExitReport(all, rows);
  }

  private void script(Options options) {
    console.answer(HOST_PROMPT, "dd if=/dev/urandom of=/tmp/disk bs=1M count=8");
    boolean files = options.interrupts == InterruptController.APLIC_IMSIC;
    for (System system : System.values()) {
      console.answer(HOST_PROMPT, system.command(files));
      // The guest's kernel asks its entropy device at times of its own.
      console.answer(GUEST_PROMPT, "echo none >/sys/class/misc/hw_random/rng_current");
      console.answer(GUEST_PROMPT, Load.registers.command); // compiles what exits take
      for (Load load : options.loads) {
        // The marks are printed by arithmetic: what is typed is echoed, and must not look like
        // them.
        console.answer(
            GUEST_PROMPT, "echo begin-$((40 + 2)); " + load.command + "; echo end-$((40 + 2))");
        console.expect("begin-42", () -> begin(system, load));
        console.expect("end-42", this::ended);
      }
      console.answer(GUEST_PROMPT, "poweroff -f");
      if (system == System.kvm) {
        console.answer(HOST_PROMPT, "rmmod kvm");
      }
    }
    console.answer(HOST_PROMPT, "poweroff -f");
  }

  private void begin(System system, Load load) {
    measuring = true;
    board.after(
        SETTLING,
        () -> {
          List<TrapCounts> before = counts();
          long instructions = board.instructions();
          board.after(
              TICKS,
              () -> {
                List<TrapCounts.Kind> traps = new ArrayList<>();
                List<TrapCounts> after = counts();
                for (int i = 0; i < before.size(); i++) {
                  traps.addAll(after.get(i).since(before.get(i)).kinds());
                }
                keep(system, load, ExitReport.Cell.of(board.instructions() - instructions, traps));
              });
        });
  }

  private void keep(System system, Load load, ExitReport.Cell cell) {
    measuring = false;
    measured.computeIfAbsent(system, _ -> new EnumMap<>(Load.class)).put(load, cell);
    progress.println(system + ", " + load + ": " + cell.counts());
  }

  private void ended() {
    if (measuring) {
      failure = "a load was over before its second";
      board.stop();
    }
  }

  private List<TrapCounts> counts() {
    return board.harts().stream().map(h -> h.traps().counts().copy()).toList();
  }
}
