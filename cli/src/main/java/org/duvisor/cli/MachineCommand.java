package org.duvisor.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code duvisor machine}. */
@Command(
    name = "machine",
    description = "Runs a program or an operating system on the bare RISC-V board.",
    sortOptions = false,
    footer = {
      "",
      "The board has the memory map of QEMU's \"virt\". Keys: Ctrl-A x stops it, Ctrl-A h lists the"
          + " others.",
      "Exit code: what the program gave the test finisher, 0 when stopped, 1 for a failure, 2 for a"
          + " wrong option.",
      "",
      "Examples:",
      "  duvisor machine rv64ui-p-add",
      "      a bare ELF program in M-mode",
      "  duvisor machine --bios fw_jump.elf --kernel Image --smp 2",
      "  duvisor machine --bios fw_jump.elf --kernel Image --deterministic --max-instructions"
          + " 200000000",
      "  duvisor machine --smp 4 --dump-dtb board.dtb",
    })
final class MachineCommand implements Callable<Integer> {
  private final Boards boards;
  private final Attended attended;

  @Spec private @Nullable CommandSpec spec;

  @Parameters(paramLabel = "ELF", arity = "0..1", description = "The same as --bios ELF.")
  private @Nullable Path program;

  @Option(
      names = "--bios",
      paramLabel = "FILE",
      description = "Firmware for M-mode: ELF or flat binary.")
  private @Nullable Path bios;

  @Option(
      names = "--kernel",
      paramLabel = "FILE",
      description = "What the firmware starts: Linux Image or ELF.")
  private @Nullable Path kernel;

  @Option(names = "--initrd", paramLabel = "FILE", description = "Initial RAM disk of the kernel.")
  private @Nullable Path initrd;

  @Option(
      names = "--append",
      paramLabel = "TEXT",
      defaultValue = "",
      description = "The kernel's command line.")
  private String append = "";

  @Option(
      names = "--smp",
      paramLabel = "N",
      defaultValue = "1",
      description = "Harts. Default: ${DEFAULT-VALUE}.")
  private int harts;

  @Option(
      names = "--aia",
      paramLabel = "KIND",
      defaultValue = "none",
      description =
          "Advanced interrupts: ${COMPLETION-CANDIDATES}; none is a PLIC. Default:"
              + " ${DEFAULT-VALUE}.")
  private Aia aia = Aia.none;

  @Option(
      names = "--aia-guests",
      paramLabel = "N",
      description = "Guest interrupt files of a hart, 0 to 63, with --aia aplic-imsic. Default: 7.")
  private @Nullable Integer guestFiles;

  @Option(
      names = "--memory",
      paramLabel = "SIZE",
      defaultValue = "512M",
      converter = Size.Converter.class,
      description = "Memory, such as 512M or 2G. Default: ${DEFAULT-VALUE}.")
  private Size memory = new Size(1);

  @Option(
      names = "--disk",
      paramLabel = "FILE[,ro]",
      converter = Disk.Converter.class,
      description = "A disk in a file; again for the next.")
  private List<Disk> disks = new ArrayList<>();

  @Option(
      names = "--net",
      paramLabel = "NET",
      defaultValue = "none",
      converter = Net.Converter.class,
      description =
          "Network: none, user (passt), unix:PATH, tcp:HOST:PORT. Default: ${DEFAULT-VALUE}.")
  private Net net = new Net.None();

  @Option(
      names = "--dtb",
      paramLabel = "FILE",
      description = "Device tree to hand over instead of the board's.")
  private @Nullable Path dtb;

  @Option(
      names = "--dump-dtb",
      paramLabel = "FILE",
      description = "Write the board's device tree and leave.")
  private @Nullable Path dumpDtb;

  @Option(
      names = "--engine",
      paramLabel = "KIND",
      defaultValue = "interpreter",
      description =
          "What executes guest code: ${COMPLETION-CANDIDATES}. Default: ${DEFAULT-VALUE}.")
  private Engine engine = Engine.interpreter;

  @Option(
      names = "--deterministic",
      description = "All harts on one thread, in virtual time: the same run each time.")
  private boolean deterministic;

  @Option(
      names = "--max-instructions",
      paramLabel = "N",
      defaultValue = "0",
      description = "Stop with exit code 1 after N instructions of all harts together.")
  private long maxInstructions;

  @Option(names = "--stats", description = "Print statistics at the end.")
  private boolean stats;

  MachineCommand(Boards boards, Attended attended) {
    this.boards = boards;
    this.attended = attended;
  }

  @Override
  public Integer call() throws Exception {
    if (program != null && bios != null) {
      throw new ParameterException(
          spec.commandLine(), "give the program once: either as ELF or with --bios");
    }
    var options =
        new BoardOptions(
            Optional.ofNullable(program != null ? program : bios),
            Optional.ofNullable(kernel),
            Optional.ofNullable(initrd),
            append,
            harts,
            memory,
            List.copyOf(disks),
            net,
            Optional.ofNullable(dtb),
            engine,
            deterministic,
            aia,
            guestFiles == null ? OptionalInt.empty() : OptionalInt.of(guestFiles),
            maxInstructions);
    if (dumpDtb != null) {
      boards.dumpDeviceTree(options, dumpDtb);
      return 0;
    }
    return attended.run(boards, options, stats);
  }
}
