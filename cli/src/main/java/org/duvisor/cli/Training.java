package org.duvisor.cli;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.duvisor.lab.HostStack;

/**
 * Prepares the JVM on the host of the full stack: a copy of the root file system, in which a guest
 * was run once, has the JVM's cache of classes and profiles. Made on a deterministic board, so that
 * experiments repeat.
 */
final class Training {
  private static final String LINE = "console=ttyS0 quiet duvisor.train";
  private static final List<Stages.Stage> STAGES =
      List.of(Stages.HOST, new Stages.Stage("training", "DuVisor host trained"));

  private final Boards boards;
  private final PrintStream err;

  /** Training on such boards, which tells of it in {@code err}. */
  Training(Boards boards, PrintStream err) {
    this.boards = boards;
    this.err = err;
  }

  /**
   * The trained root file system, made when there is none that is up to date. A failure costs later
   * starts time, and nothing else.
   */
  Path root(FullStack stack) throws IOException, InterruptedException {
    Path root = stack.root();
    Path trained = root.resolveSibling(root.getFileName() + ".trained");
    if (Files.exists(trained)
        && Files.getLastModifiedTime(trained).compareTo(Files.getLastModifiedTime(root)) >= 0) {
      return trained;
    }
    err.println("== preparing faster starts (once, some minutes)");
    // A name of its own: another command may be at the same.
    Path part = Files.createTempFile(root.toAbsolutePath().getParent(), "root", ".training");
    try {
      Files.copy(root, part, StandardCopyOption.REPLACE_EXISTING);
      if (run(stack, part)) {
        Files.move(part, trained, StandardCopyOption.REPLACE_EXISTING);
        return trained;
      }
      err.println("== this did not work; starts stay slow");
      return root;
    } finally {
      Files.deleteIfExists(part);
    }
  }

  /** What an experiment boots, trained. */
  HostStack.Images images(FullStack stack) throws IOException, InterruptedException {
    return new HostStack.Images(stack.firmware(), stack.kernel(), stack.initrd(), root(stack));
  }

  /** Whether it was seen to succeed. */
  private boolean run(FullStack stack, Path root) throws IOException, InterruptedException {
    var guest =
        new GuestOptions(
            GuestOptions.Boot.of(stack.kernel(), stack.initrd(), LINE),
            Size.parse("1G"),
            List.of(Disk.of(root, false)),
            List.of(),
            List.of(),
            GuestOptions.Execution.of(Engine.jit),
            true);
    var options =
        new BoardOptions(
            Optional.of(stack.firmware()),
            guest,
            1,
            Optional.empty(),
            true,
            Aia.none,
            OptionalInt.empty(),
            0);
    var console = new Stages(OutputStream.nullOutputStream(), err, STAGES);
    try (Session session = boards.open(options, InputStream.nullInputStream(), console)) {
      console.count(session::instructions);
      return session.run().exitCode() == 0 && console.over();
    }
  }
}
