package org.duvisor.cli;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.util.List;
import java.util.Objects;
import org.duvisor.devices.images.ImageException;
import org.duvisor.hypervisor.vm.VmException;
import org.duvisor.lab.LabException;
import org.duvisor.machine.board.BoardException;
import org.duvisor.platform.DvException;
import picocli.CommandLine;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/** Turns what went wrong into one line and an exit code. */
final class Failures {
  /** Exit code of a command that failed. */
  static final int FAILURE = 1;

  /** Exit code of a command that was called the wrong way. */
  static final int USAGE = 2;

  /**
   * Exit code when the guest's command could not be run, or its end is not known: lower ones may be
   * the command's own. The same as of container runtimes.
   */
  static final int NO_COMMAND = 125;

  private final PrintStream err;
  private final boolean debug;
  private final boolean forCommand;

  /**
   * Prints to {@code err}; with {@code debug}, the stack trace as well.
   *
   * @param forCommand whether the exit code is to be that of a command in the guest
   */
  Failures(PrintStream err, boolean debug, boolean forCommand) {
    this.err = err;
    this.debug = debug;
    this.forCommand = forCommand;
  }

  /** For an option or argument that is wrong. */
  int usage(ParameterException e, String[] arguments) {
    CommandLine command = e.getCommandLine();
    err.println("duvisor: " + oneLine(e.getMessage()) + meant(e));
    err.println("Try '" + command.getCommandSpec().qualifiedName() + " --help'.");
    return forCommand ? NO_COMMAND : USAGE;
  }

  /** What is called nearly as what there is not. */
  private static String meant(ParameterException e) {
    List<String> near =
        e instanceof UnmatchedArgumentException unmatched ? Nearby.of(unmatched) : List.of();
    return near.isEmpty() ? "" : "; did you mean " + String.join(" or ", near) + "?";
  }

  /** For anything thrown while a command ran. */
  int failure(Throwable e) {
    err.println("duvisor: " + line(e));
    if (debug) {
      e.printStackTrace(err);
    }
    return forCommand ? NO_COMMAND : FAILURE;
  }

  private static String line(Throwable e) {
    return switch (e) {
      case UserError error -> oneLine(error.getMessage());
      case ImageException image -> oneLine(image.getMessage());
      case VmException vm -> oneLine(vm.getMessage());
      case DvException refused -> oneLine(refused.getMessage());
      case BoardException board -> oneLine(board.getMessage());
      case LabException lab -> oneLine(lab.getMessage());
      case OutOfMemoryError _ ->
          "the JVM's heap is full (DUVISOR_JAVA_OPTS=-Xmx4g makes it larger)";
      case NoSuchFileException missing when missing.getFile().endsWith(": no such file") ->
          missing.getFile(); // said in full where it was noticed
      case NoSuchFileException missing -> missing.getFile() + ": no such file";
      case AccessDeniedException denied -> denied.getFile() + ": permission denied";
      case FileSystemException file when file.getReason() == null ->
          file.getFile() + ": cannot be used";
      case IOException failed when failed.getMessage() != null -> oneLine(failed.getMessage());
      default ->
          "internal error: "
              + e.getClass().getSimpleName()
              + (e.getMessage() == null ? "" : ": " + oneLine(e.getMessage()))
              + " (run again with DUVISOR_DEBUG=1 to see where)";
    };
  }

  private static String oneLine(String message) {
    return Objects.requireNonNullElse(message, "unknown").strip().replaceAll("\\s*\\R\\s*", " ");
  }
}
