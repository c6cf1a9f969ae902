package org.duvisor.lab;

import java.io.InputStream;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import org.duvisor.devices.chardev.CharBackend;
import org.duvisor.devices.chardev.StreamBackend;
import org.duvisor.devices.images.ElfImage;
import org.duvisor.devices.images.Initrd;
import org.duvisor.devices.images.KernelImage;
import org.duvisor.hypervisor.vm.Vm;
import org.duvisor.hypervisor.vm.VmConfig;
import org.duvisor.jit.RegionTranslator;
import org.duvisor.machine.Clock;
import org.duvisor.machine.Engine;
import org.duvisor.machine.Hart;
import org.duvisor.machine.board.Board;
import org.duvisor.machine.board.BoardBoot;
import org.duvisor.machine.board.BoardConfig;
import org.duvisor.machine.interp.Interpreter;
import org.duvisor.nativecode.NativeCode;
import org.duvisor.platform.sim.SimHost;

/**
 * The main class of the measured process: one hart, 512 MiB, console output on standard output, no
 * input. Arguments are {@code KEY=VALUE}: {@code on} (board, vm), {@code engine} (interpreter,
 * jit), {@code bios} (for the board), {@code kernel}, {@code initrd}, {@code append}, and {@code
 * clock} (real, virtual; virtual time is for the board).
 */
public final class GuestRunner {
  /** Guest memory in bytes. */
  static final long MEMORY = 512L << 20;

  private GuestRunner() {}

  /** Runs the guest until it ends. */
  public static void main(String[] arguments) throws Exception {
    Map<String, String> keys = new HashMap<>();
    Arrays.stream(arguments).map(a -> a.split("=", 2)).forEach(pair -> keys.put(pair[0], pair[1]));
    var console = new StreamBackend(InputStream.nullInputStream(), System.out);
    Function<Hart, Engine> engine = engine(keys.getOrDefault("engine", "jit"));
    System.err.println(
        keys.getOrDefault("on", "board").equals("vm")
            ? vm(keys, engine, console)
            : board(keys, engine, console));
    console.flush();
    System.exit(0);
  }

  private static Function<Hart, Engine> engine(String name) {
    return switch (name) {
      case "interpreter" -> Interpreter::new;
      case "jit" -> {
        var translator = new RegionTranslator();
        yield hart -> new Interpreter(hart, translator);
      }
      case "native" -> new NativeCode();
      default -> throw new LabException("no engine " + name);
    };
  }

  private static String board(
      Map<String, String> keys, Function<Hart, Engine> engine, CharBackend console)
      throws Exception {
    var config =
        BoardConfig.of(1, MEMORY, console)
            .engine(engine)
            .deterministic(keys.getOrDefault("clock", "real").equals("virtual"))
            .build();
    var boot =
        new BoardBoot(
            Optional.of(ElfImage.open(path(keys, "bios"))),
            new byte[0],
            Optional.of(KernelImage.openAny(path(keys, "kernel"))),
            Optional.of(Initrd.open(path(keys, "initrd"))),
            keys.getOrDefault("append", ""),
            Optional.empty());
    try (var board = new Board(config)) {
      return board.run(boot).toString();
    }
  }

  private static String vm(
      Map<String, String> keys, Function<Hart, Engine> engine, CharBackend console)
      throws Exception {
    var host = new SimHost(MEMORY + (64L << 20), Clock.realTime(), engine);
    VmConfig config =
        VmConfig.of(KernelImage.openAny(path(keys, "kernel")))
            .initrd(Initrd.open(path(keys, "initrd")))
            .append(keys.getOrDefault("append", ""))
            .memoryBytes(MEMORY)
            .console(console)
            .reboot(false)
            .build();
    try (var vm = Vm.create(host.open(), config)) {
      return vm.run().toString();
    }
  }

  private static Path path(Map<String, String> keys, String key) {
    String file = keys.get(key);
    if (file == null) {
      throw new LabException(key + "=FILE is missing");
    }
    return Path.of(file);
  }
}
