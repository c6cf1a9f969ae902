package org.duvisor.cli;

import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.duvisor.cli.terminal.UserTerminal;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code duvisor run}. */
@Command(
    name = "run",
    description = "Runs a Linux guest under DuVisor.",
    sortOptions = false,
    footer = {
      "",
      "Keys while the guest runs: Ctrl-A x stops it, Ctrl-A s shows statistics,",
      "Ctrl-A h lists them. With standard input from a pipe or a file there are no",
      "keys, and its end does not end the guest. With --console none, Ctrl-C stops it.",
      "Exit code: 0 when the guest powered off or was stopped, 1 when it failed,",
      "2 for a wrong option.",
      "",
      "Examples:",
      "  duvisor run",
      "      the guest that comes with the project: a small Linux with a shell",
      "  duvisor run --kernel Image --initrd root.cpio.gz --cpus 2 --memory 1G",
      "  duvisor run --kernel Image --disk root.img --append \"root=/dev/vda\"",
      "  duvisor run --disk root.qcow2,snapshot --share src,ro",
      "  echo 'uname -a; poweroff' | duvisor run --net user --stats",
    })
final class RunCommand implements Callable<Integer> {
  private final Session.Opener<VmOptions> vm;
  private final Attended attended;
  private final Images images;

  @Mixin private SharedOptions shared = new SharedOptions();

  @Option(
      names = "--cpus",
      paramLabel = "N",
      defaultValue = "1",
      description = "vCPUs. Default: ${DEFAULT-VALUE}.")
  private int cpus;

  @Option(
      names = "--aia",
      paramLabel = "KIND",
      defaultValue = "none",
      converter = Aia.OfVm.class,
      completionCandidates = Aia.OfVm.class,
      description =
          "Advanced interrupts: none, a PLIC; aplic-imsic, on guest interrupt files of the harts."
              + " Default: ${DEFAULT-VALUE}.")
  private Aia aia = Aia.none;

  @Option(
      names = "--console",
      paramLabel = "KIND",
      defaultValue = "uart",
      description = "Console: ${COMPLETION-CANDIDATES}. Default: ${DEFAULT-VALUE}.")
  private VmOptions.Console console = VmOptions.Console.uart;

  @Option(
      names = "--harts",
      paramLabel = "KIND",
      defaultValue = "auto",
      description =
          "What the VM runs on: ${COMPLETION-CANDIDATES}. Default: the host's harts if it has"
              + " DV-ext and the driver, simulated ones otherwise.")
  private Harts.Choice harts = Harts.Choice.auto;

  @Option(
      names = "--leaf",
      paramLabel = "SIZE",
      defaultValue = "1G",
      converter = Size.Converter.class,
      description =
          "The largest leaf of the guest's stage-2 tables: 4K, 2M or 1G. Default:"
              + " ${DEFAULT-VALUE}.")
  private Size leaf = new Size(1);

  @Option(names = "--verbose", description = "Say when the guest starts.")
  private boolean verbose;

  RunCommand(Session.Opener<VmOptions> vm, Attended attended, Images images) {
    this.vm = vm;
    this.attended = attended;
    this.images = images;
  }

  @Override
  public Integer call() throws Exception {
    GuestOptions guest = shared.guest();
    if (guest.kernel().isEmpty()) {
      Optional<Path> initrd = guest.initrd();
      guest = guest.with(images.kernel(), Optional.of(initrd.orElseGet(images::initrd)));
    }
    return attended.run(
        vm,
        asked(guest),
        console == VmOptions.Console.none ? UserTerminal::outputOnly : UserTerminal::open,
        Attended.Say.of(verbose, shared.stats()));
  }

  /** What the options say; a kernel that they do not name is not there. */
  VmOptions asked() {
    return asked(shared.guest());
  }

  private VmOptions asked(GuestOptions guest) {
    return new VmOptions(
        guest, cpus, aia == Aia.imsic, console, harts, leaf.bytes(), shared.stats());
  }
}
