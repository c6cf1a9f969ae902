package org.duvisor.lab;

import java.io.IOException;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.duvisor.machine.Clock;
import org.duvisor.machine.Engine;
import org.duvisor.machine.Hart;
import org.duvisor.machine.TrapCounts;
import org.duvisor.machine.board.Board;
import org.duvisor.machine.board.EventQueue;
import org.duvisor.machine.board.InterruptController;

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

  /**
   * How to measure.
   *
   * @param interrupts the interrupt controllers of the board, and of the guests
   * @param loads which, in this order
   */
  public record Options(InterruptController interrupts, List<Load> loads) {}

  private static final String GUEST_PROMPT = "/ # ";
  private static final long TICKS = Clock.HERTZ;

  /** After the mark on the console, until what has written it is at rest. */
  private static final long SETTLING = TICKS / 2;

  private final Map<System, Map<Load, ExitReport.Cell>> measured = new EnumMap<>(System.class);
  private final PrintStream progress;
  private final HostStack stack;
  private final Dialogue console;
  private final Board board;
  private boolean measuring;

  private ExitBenchmark(HostStack stack, PrintStream progress) {
    this.stack = stack;
    this.console = stack.console();
    this.board = stack.board();
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
      HostStack.Images images,
      Options options,
      Function<Hart, Engine> engine,
      Map<String, String> about,
      PrintStream progress)
      throws IOException {
    var stack = new HostStack(images, 1, options.interrupts, engine);
    return new ExitBenchmark(stack, progress).measure(options, about);
  }

  private ExitReport measure(Options options, Map<String, String> about) throws IOException {
    script(options);
    stack.run();
    List<ExitReport.Row> rows = new ArrayList<>();
    for (Load load : options.loads) {
      rows.add(
          new ExitReport.Row(
              load.name(),
              measured.get(System.duvisor).get(load),
              measured.get(System.kvm).get(load)));
    }
    return new ExitReport(stack.about(about), rows);
  }

  private void script(Options options) {
    console.answer(HostStack.PROMPT, "dd if=/dev/urandom of=/tmp/disk bs=1M count=8");
    boolean files = options.interrupts == InterruptController.APLIC_IMSIC;
    for (System system : System.values()) {
      console.answer(HostStack.PROMPT, system.command(files));
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
        console.answer(HostStack.PROMPT, "rmmod kvm");
      }
    }
    console.answer(HostStack.PROMPT, "poweroff -f");
  }

  private void begin(System system, Load load) {
    measuring = true;
    EventQueue events = board.events();
    events.after(
        SETTLING,
        () -> {
          List<TrapCounts> before = counts();
          long instructions = board.instructions();
          events.after(
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
      stack.fail("a load was over before its second");
    }
  }

  private List<TrapCounts> counts() {
    return board.harts().stream().map(h -> h.traps().counts().copy()).toList();
  }
}
