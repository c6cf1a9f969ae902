package org.duvisor.conformance.guest;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import org.duvisor.machine.board.Board;
import org.duvisor.machine.board.BoardBoot;
import org.duvisor.machine.board.BoardOutcome;

/** A board that runs on a thread of its own, while the test is at its console. */
final class BoardThread implements AutoCloseable {
  private final Board board;
  private final CompletableFuture<BoardOutcome> outcome = new CompletableFuture<>();

  /** Starts it. The shell is told when nothing more will come. */
  BoardThread(Board board, BoardBoot boot, GuestShell shell) {
    this.board = board;
    Thread.ofPlatform().daemon().start(() -> run(boot, shell));
  }

  private void run(BoardBoot boot, GuestShell shell) {
    try {
      outcome.complete(board.run(boot));
    } catch (RuntimeException e) {
      outcome.completeExceptionally(e);
    }
    shell.end();
  }

  /** Waits for its end. */
  BoardOutcome outcome() throws InterruptedException, ExecutionException {
    return outcome.get();
  }

  /** Instructions of all harts so far. */
  long instructions() {
    return board.instructions();
  }

  /** Stops it, and frees it when its thread has let go. */
  @Override
  public void close() {
    board.stop();
    outcome.handle((end, failure) -> 0).join();
    board.close();
  }
}
