package org.duvisor.cli.terminal;

import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.Optional;

/**
 * Standard input while a guest runs. When it is a terminal, it is raw and its keys are searched for
 * commands until closed; when it is a pipe or a file, it is the guest's as it is.
 */
public final class UserTerminal implements AutoCloseable {
  private static final int TYPED_BYTES = 4096;

  private final Optional<RawMode> raw;
  private final FileInputStream standardInput = new FileInputStream(FileDescriptor.in);
  private final TypedInput typed = new TypedInput(TYPED_BYTES);

  private UserTerminal(Optional<RawMode> raw) {
    this.raw = raw;
  }

  /** Takes standard input. Keys go nowhere before {@link #listen}. */
  public static UserTerminal open() {
    return new UserTerminal(RawMode.enter());
  }

  /** Whether a user sits there: raw mode is on and the escape key works. */
  public boolean interactive() {
    return raw.isPresent();
  }

  /** What the guest reads. */
  public InputStream input() {
    return interactive() ? typed : standardInput;
  }

  /**
   * Starts to hand out keys; commands are called on a thread of the terminal. Does nothing unless
   * interactive.
   */
  public void listen(Runnable quit, Runnable help, Runnable statistics) {
    if (!interactive()) {
      return;
    }
    var keys =
        new EscapeKeys(
            new EscapeKeys.Keys() {
              @Override
              public void guest(byte value) {
                typed.type(value);
              }

              @Override
              public void quit() {
                quit.run();
              }

              @Override
              public void help() {
                help.run();
              }

              @Override
              public void statistics() {
                statistics.run();
              }
            });
    Thread.ofPlatform().daemon().name("terminal-input").start(() -> read(keys));
  }

  private void read(EscapeKeys keys) {
    byte[] buffer = new byte[256];
    try {
      for (int n = standardInput.read(buffer); n >= 0; n = standardInput.read(buffer)) {
        for (int i = 0; i < n; i++) {
          keys.type(buffer[i]);
        }
      }
    } catch (IOException e) {
      // The terminal was closed: the same as its end.
    }
    typed.end();
  }

  /** Gives the terminal back. Idempotent, and safe from any thread. */
  @Override
  public void close() {
    raw.ifPresent(RawMode::close);
  }
}
