package org.duvisor.conformance.guest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.duvisor.devices.Snapshot;
import org.duvisor.machine.board.Board;
import org.duvisor.machine.board.BoardBoot;
import org.duvisor.machine.board.BoardConfig;
import org.duvisor.machine.board.BoardOutcome;
import org.duvisor.machine.board.InterruptController;
import org.duvisor.virtio.QueueWorker.Serving;
import org.duvisor.virtio.blk.Blk;
import org.duvisor.virtio.blk.MemoryDisk;
import org.duvisor.virtio.console.Console;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Firmware and Linux on the bare board. */
final class BoardBootTest {
  private static final long MEMORY = 128 << 20;

  private static BoardBoot boot() {
    return new BoardBoot(
        Optional.of(Images.firmware()),
        new byte[0],
        Optional.of(Images.kernel()),
        Optional.of(Images.initrd()),
        "console=ttyS0 quiet",
        Optional.empty());
  }

  @ParameterizedTest
  @EnumSource(InterruptController.class)
  void opensbiAndLinuxOnFourHarts(InterruptController interrupts) throws Exception {
    BoardBoot boot = boot();
    var shell = new GuestShell();
    try (var board = new Board(BoardConfig.of(4, MEMORY, shell).interrupts(interrupts).build())) {
      var outcome = new CompletableFuture<BoardOutcome>();
      Thread.ofPlatform()
          .daemon()
          .start(
              () -> {
                outcome.complete(board.run(boot));
                shell.end();
              });
      shell.prompt();
      assertEquals("4", shell.run("grep -c ^processor /proc/cpuinfo"));
      String used =
          switch (interrupts) {
            case PLIC -> "PLIC";
            case APLIC -> "APLIC-DIRECT";
            case APLIC_IMSIC -> "APLIC-MSI";
          };
      assertTrue(shell.run("grep ttyS0 /proc/interrupts").contains(used));
      shell.type("poweroff -f");
      assertEquals(new BoardOutcome.Finished(0), outcome.get());
    }
  }

  @Test
  void aRebootStartsTheBoardAgain() throws Exception {
    BoardBoot boot = boot();
    var shell = new GuestShell();
    try (var board = new Board(BoardConfig.of(2, MEMORY, shell).build())) {
      var outcome = new CompletableFuture<BoardOutcome>();
      Thread.ofPlatform()
          .daemon()
          .start(
              () -> {
                outcome.complete(board.run(boot));
                shell.end();
              });
      shell.prompt();
      shell.run("touch /tmp/before");
      shell.type("reboot -f");
      shell.prompt();
      assertEquals("", shell.run("ls /tmp"));
      board.endAtReset();
      shell.type("reboot -f");
      assertEquals(new BoardOutcome.Reset(), outcome.get());
    }
  }

  private record Run(BoardOutcome outcome, long instructions, String output) {}

  private static Run deterministic(TestEngine engine) throws InterruptedException {
    var shell = new GuestShell();
    shell.type("poweroff -f"); // before the start: typing is an event from outside
    var config =
        BoardConfig.of(2, MEMORY, shell).engine(engine.factory()).deterministic(true).build();
    try (var board = new Board(config)) {
      return new Run(board.run(boot()), board.instructions(), shell.everything());
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"interpreter", "jitInTurns", "nativeCode"})
  void aDeterministicBoardRunsTheSameTwice(TestEngine engine) throws Exception {
    Run first = deterministic(engine);
    assertEquals(new BoardOutcome.Finished(0), first.outcome());
    assertTrue(first.output().contains("DuVisor guest ready"));
    assertEquals(first, deterministic(engine));
  }

  private static BoardConfig withDevices(TestEngine engine, GuestShell shell) {
    return BoardConfig.of(2, MEMORY, shell)
        .engine(engine.factory())
        .deterministic(true)
        .interrupts(InterruptController.APLIC_IMSIC)
        .virtio(
            List.of(
                new Blk("vda", new MemoryDisk(1 << 20), Serving.INLINE),
                new Console(80, 24, new GuestShell(), Serving.INLINE)))
        .build();
  }

  /** It is saved while the kernel starts, and in user mode. */
  @ParameterizedTest
  @EnumSource(names = {"interpreter", "jitInTurns", "nativeCode"})
  void aSavedBoardGoesOnInAnotherOne(TestEngine engine) throws Exception {
    var shell = new GuestShell();
    shell.type("poweroff -f");
    Run whole;
    try (var board = new Board(withDevices(engine, shell))) {
      whole = new Run(board.run(boot()), board.instructions(), shell.everything());
    }
    assertEquals(new BoardOutcome.Finished(0), whole.outcome());
    for (int tenths : new int[] {5, 9}) {
      var saved = new ByteArrayOutputStream();
      var both = new GuestShell();
      both.type("poweroff -f");
      try (var board = new Board(withDevices(engine, both))) {
        board.limit(whole.instructions() * tenths / 10);
        assertEquals(new BoardOutcome.LimitReached(), board.run(boot()));
        board.snapshot(Snapshot.saving(saved));
      }
      try (var board = new Board(withDevices(engine, both))) {
        board.snapshot(Snapshot.restoring(new ByteArrayInputStream(saved.toByteArray())));
        var after = new Run(board.run(boot()), board.instructions(), both.everything());
        if (engine == TestEngine.interpreter) {
          assertEquals(whole, after, tenths + "/10");
        } else { // where a turn ends depends on what is translated already
          assertEquals(whole.outcome(), after.outcome(), tenths + "/10");
          assertTrue(after.output().contains("DuVisor guest ready"), after.output());
        }
      }
    }
  }
}
