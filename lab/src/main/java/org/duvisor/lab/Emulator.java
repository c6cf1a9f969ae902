package org.duvisor.lab;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Something that runs the benchmark's guest as a process of its own. */
sealed interface Emulator {
  /** Its name in tables. */
  String label();

  /** The command line that runs {@code /bench} with the arguments. */
  List<String> command(Guest guest, String arguments);

  /** What every emulator runs. */
  record Guest(Path kernel, Path initrd) {
    String commandLine(String arguments) {
      return "console=ttyS0 quiet rdinit=/bench -- " + arguments;
    }
  }

  /**
   * This project, in a JVM with the launcher's options.
   *
   * @param engine interpreter or jit
   * @param on board or vm
   * @param bios the board's firmware
   * @param jvm the JVM's program and options, class path included
   * @param virtualTime whether the guest's clock counts instructions
   */
  record Duvisor(String engine, String on, Path bios, List<String> jvm, boolean virtualTime)
      implements Emulator {
    @Override
    public String label() {
      return engine;
    }

    @Override
    public List<String> command(Guest guest, String arguments) {
      List<String> command = new ArrayList<>(jvm);
      command.addAll(
          List.of(
              GuestRunner.class.getName(),
              "engine=" + engine,
              "on=" + on,
              "bios=" + bios,
              "kernel=" + guest.kernel(),
              "initrd=" + guest.initrd(),
              "clock=" + (virtualTime ? "virtual" : "real"),
              "append=" + guest.commandLine(arguments)));
      return command;
    }
  }

  /** QEMU's system emulation with the same kernel, initramfs and memory. */
  record Qemu(Path program) implements Emulator {
    @Override
    public String label() {
      return "qemu";
    }

    @Override
    public List<String> command(Guest guest, String arguments) {
      return List.of(
          program.toString(),
          "-M",
          "virt",
          "-m",
          String.format(Locale.ROOT, "%dM", GuestRunner.MEMORY >> 20),
          "-smp",
          "1",
          "-nographic",
          "-monitor",
          "none",
          "-serial",
          "stdio",
          "-kernel",
          guest.kernel().toString(),
          "-initrd",
          guest.initrd().toString(),
          "-append",
          guest.commandLine(arguments));
    }
  }
}
