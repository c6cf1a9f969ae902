package org.duvisor.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** The options that {@code duvisor run} and {@code duvisor machine} have alike. */
final class SharedOptions {
  @Option(
      names = "--kernel",
      paramLabel = "FILE",
      description =
          "Linux Image, ELF, or a flat binary for 0x80200000; plain or compressed. Default of run:"
              + " the project's; of machine: none.")
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
      description = "The kernel's command line; run puts its own console in front.")
  private String append = "";

  @Option(
      names = "--memory",
      paramLabel = "SIZE",
      defaultValue = "512M",
      converter = Size.Converter.class,
      description = "Memory, such as 512M or 2G. Default: ${DEFAULT-VALUE}.")
  private Size memory = new Size(1);

  @Option(
      names = "--disk",
      paramLabel = "FILE[,OPT]",
      converter = Disk.Converter.class,
      description =
          "A disk in a file; again for the next (vda, vdb, ...). OPT: ro; snapshot (writes are"
              + " forgotten); format=raw or qcow2 (default: by the file's name); backing=any (a"
              + " qcow2's backing file may be in any folder).")
  private List<Disk> disks = new ArrayList<>();

  @Mixin private LinkOptions links = new LinkOptions();

  @Mixin private CpuOption cpu = new CpuOption();

  @Mixin private EngineOption engine = new EngineOption();

  @Option(
      names = "--dump-translations",
      paramLabel = "DIR",
      converter = WrittenFile.Folder.class,
      description =
          "Write every region that the engine translates: disassembly and class file (duvisor lab"
              + " translate reads them).")
  private @Nullable Path dump;

  @Option(names = "--no-reboot", description = "End when the guest reboots.")
  private boolean noReboot;

  @Option(names = "--stats", description = "Print statistics at the end: instructions, exits.")
  private boolean stats;

  GuestOptions guest() {
    return new GuestOptions(
        new GuestOptions.Boot(Optional.ofNullable(kernel), Optional.ofNullable(initrd), append),
        memory,
        List.copyOf(disks),
        links.shares(),
        links.nets(),
        new GuestOptions.Execution(cpu.get(), engine.get(), Optional.ofNullable(dump)),
        !noReboot);
  }

  boolean stats() {
    return stats;
  }
}
