package org.duvisor.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Supplier;
import org.duvisor.jit.RegionTranslator;
import org.duvisor.machine.Hart;
import org.duvisor.machine.interp.Interpreter;
import org.duvisor.nativecode.NativeCode;

/** What executes guest code. */
public enum Engine {
  /** Decoded blocks, one method for each kind of instruction. */
  interpreter,
  /** The interpreter, with hot code translated to JVM bytecode on a thread of its own. */
  jit,
  /** The interpreter, with hot code as code of this computer: x86-64 under Linux. */
  nativeCode {
    @Override
    public String toString() {
      return "native"; // which Java keeps for itself
    }
  };

  /**
   * An engine for all harts of a machine, to be closed with it.
   *
   * @param same whether the same run shall be the same each time: then harts wait for translations
   * @param dump where to write what is translated
   */
  Running start(boolean same, Optional<Path> dump) {
    return switch (this) {
      case interpreter -> {
        if (dump.isPresent()) {
          throw new UserError("--dump-translations: --engine interpreter translates nothing");
        }
        yield new Running(Interpreter::new, () -> "", () -> {});
      }
      case jit -> {
        Optional<Path> folder = dump.map(Engine::made);
        var translator = new RegionTranslator(RegionTranslator.THRESHOLD, !same);
        folder.ifPresent(translator::dumpTo);
        yield new Running(
            hart -> new Interpreter(hart, translator), translator::statistics, translator::close);
      }
      case nativeCode -> {
        if (!NativeCode.isAvailable()) {
          throw new UserError("--engine native: this computer is not x86-64 under Linux");
        }
        if (dump.isPresent()) {
          throw new UserError("--dump-translations: not with --engine native");
        }
        var code = new NativeCode();
        yield new Running(code, code::statistics, () -> {});
      }
    };
  }

  private static Path made(Path folder) {
    try {
      return Files.createDirectories(folder);
    } catch (IOException e) {
      throw new UserError("--dump-translations: " + folder + " cannot be made");
    }
  }

  /**
   * An engine in use.
   *
   * @param harts makes the engine of a hart
   * @param text one line for the user, or nothing
   * @param stop ends its threads
   */
  record Running(
      Function<Hart, org.duvisor.machine.Engine> harts, Supplier<String> text, Runnable stop)
      implements AutoCloseable {
    /** How many instructions, and what the engine says of itself: lines of text, each ended. */
    String statistics(long instructions) {
      String line = text.get();
      return "instructions: " + instructions + "\n" + (line.isEmpty() ? "" : line + "\n");
    }

    @Override
    public void close() {
      stop.run();
    }
  }
}
