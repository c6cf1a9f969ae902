package org.duvisor.cli;

import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import org.duvisor.cli.terminal.UserTerminal;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
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

  @Mixin private SharedOptions shared = new SharedOptions();

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
      converter = Aia.OfBoard.class,
      completionCandidates = Aia.OfBoard.class,
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
      names = "--dtb",
      paramLabel = "FILE",
      description = "Device tree to hand over instead of the board's.")
  private @Nullable Path dtb;

  @Option(
      names = "--dump-dtb",
      paramLabel = "FILE",
      converter = WrittenFile.class,
      description = "Write the device tree that a run has, and leave.")
  private @Nullable Path dumpDtb;

  @Option(
      names = "--deterministic",
      description = "All harts on one thread, in virtual time: the same run each time.")
  private boolean deterministic;

  @Option(
      names = "--max-instructions",
      paramLabel = "N",
      defaultValue = "0",
      description =
          "Stop with exit code 1 after N instructions of all harts together, with those that trap.")
  private long maxInstructions;

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
            shared.guest(),
            harts,
            Optional.ofNullable(dtb),
            deterministic,
            aia,
            guestFiles == null ? OptionalInt.empty() : OptionalInt.of(guestFiles),
            maxInstructions);
    if (dumpDtb != null) {
      boards.dumpDeviceTree(options, dumpDtb);
      return 0;
    }
    return attended.run(
        boards, options, UserTerminal::open, Attended.Say.of(false, shared.stats()));
  }
}
