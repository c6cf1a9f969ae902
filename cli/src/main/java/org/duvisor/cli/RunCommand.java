package org.duvisor.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
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
      "keys, and its end does not end the guest.",
      "Exit code: 0 when the guest powered off or was stopped, 1 when it failed,",
      "2 for a wrong option.",
      "",
      "Examples:",
      "  duvisor run",
      "      the guest that comes with the project: a small Linux with a shell",
      "  duvisor run --kernel Image --initrd root.cpio.gz --cpus 2 --memory 1G",
      "  duvisor run --kernel Image --disk root.img --append \"root=/dev/vda\"",
      "  echo 'uname -a; poweroff' | duvisor run --net user --stats",
    })
final class RunCommand implements Callable<Integer> {
  private final Session.Opener<VmOptions> vm;
  private final Attended attended;
  private final Images images;

  @Option(
      names = "--kernel",
      paramLabel = "FILE",
      description = "Linux Image or ELF, plain or compressed. Default: the project's.")
  private @Nullable Path kernel;

  @Option(
      names = "--initrd",
      paramLabel = "FILE",
      description = "Initial RAM disk. Default: the project's, with its kernel.")
  private @Nullable Path initrd;

  @Option(
      names = "--append",
      paramLabel = "TEXT",
      defaultValue = "",
      description = "Added to the kernel's command line.")
  private String append = "";

  @Option(
      names = "--cpus",
      paramLabel = "N",
      defaultValue = "1",
      description = "vCPUs. Default: ${DEFAULT-VALUE}.")
  private int cpus;

  @Option(
      names = "--memory",
      paramLabel = "SIZE",
      defaultValue = "512M",
      converter = Size.Converter.class,
      description = "Guest memory, such as 512M or 2G. Default: ${DEFAULT-VALUE}.")
  private Size memory = new Size(1);

  @Option(
      names = "--disk",
      paramLabel = "FILE[,ro]",
      converter = Disk.Converter.class,
      description = "A disk in a file; again for the next (vda, vdb, ...).")
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
      names = "--engine",
      paramLabel = "KIND",
      defaultValue = "interpreter",
      description =
          "What executes guest code on simulated harts: ${COMPLETION-CANDIDATES}. Default:"
              + " ${DEFAULT-VALUE}.")
  private Engine engine = Engine.interpreter;

  @Option(names = "--no-reboot", description = "End when the guest reboots.")
  private boolean noReboot;

  @Option(names = "--verbose", description = "Say when the guest starts.")
  private boolean verbose;

  @Option(names = "--stats", description = "Print statistics at the end: exits by cause, times.")
  private boolean stats;

  RunCommand(Session.Opener<VmOptions> vm, Attended attended, Images images) {
    this.vm = vm;
    this.attended = attended;
    this.images = images;
  }

  @Override
  public Integer call() throws Exception {
    Path image = kernel != null ? kernel : images.kernel();
    Optional<Path> ramDisk =
        initrd != null || kernel != null
            ? Optional.ofNullable(initrd)
            : Optional.of(images.initrd());
    var options =
        new VmOptions(
            image,
            ramDisk,
            append,
            cpus,
            memory,
            List.copyOf(disks),
            net,
            console,
            harts,
            engine,
            stats,
            !noReboot);
    return attended.run(vm, options, Attended.Say.of(verbose, stats));
  }
}
