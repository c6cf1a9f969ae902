package org.duvisor.cli.terminal;

import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.Optional;
import sun.misc.Signal;

/**
 * Standard input and output while a guest runs. When input is a terminal, it is raw and its keys
 * are searched for commands until closed; when it is a pipe or a file, it is the guest's as it is.
 */
public final class UserTerminal implements AutoCloseable {
  /** Far more than anyone pastes. */
  private static final int TYPED_BYTES = 16 << 20;

  /** Told the columns and rows of the terminal. */
  @FunctionalInterface
  public interface Sized {
    /** The terminal has so many. */
    void is(int columns, int rows);
  }

  private final Optional<RawMode> raw;
  private final InputStream input;
  private final boolean endsLine;
  private final ShownOutput shown = new ShownOutput();
  private final TypedInput typed = new TypedInput(TYPED_BYTES, this::drop);
  private volatile Runnable dropping = () -> {};

  private UserTerminal(Optional<RawMode> raw, InputStream input, boolean endsLine) {
    this.raw = raw;
    this.input = input;
    this.endsLine = endsLine;
  }

  /** Takes standard input. Keys go nowhere before {@link #listen}. */
  public static UserTerminal open() {
    Optional<RawMode> raw = RawMode.enter();
    // After a stop the shell has set the terminal its own way.
    raw.ifPresent(mode -> Signal.handle(new Signal("CONT"), _ -> mode.again()));
    return new UserTerminal(raw, new FileInputStream(FileDescriptor.in), true);
  }

  /** For a command in a pipeline: both streams are passed on as they are. */
  public static UserTerminal piped() {
    return new UserTerminal(Optional.empty(), new FileInputStream(FileDescriptor.in), false);
  }

  /** For a guest without a console: standard input is left alone, so that Ctrl-C is a signal. */
  public static UserTerminal outputOnly() {
    return new UserTerminal(Optional.empty(), InputStream.nullInputStream(), true);
  }

  /** Whether a user sits there: raw mode is on and the escape key works. */
  public boolean interactive() {
    return raw.isPresent();
  }

  /** What the guest reads. */
  public InputStream input() {
    return interactive() ? typed : input;
  }

  /**
   * Where the guest's output goes: standard output, without the encoding and the locks of
   * System.out.
   */
  public OutputStream output() {
    return shown;
  }

  /**
   * Starts to hand out keys; commands are called on a thread of the terminal. Does nothing unless
   * interactive.
   *
   * @param dropped called when the guest has stopped reading, and what is typed begins to be lost
   */
  public void listen(Runnable quit, Runnable help, Runnable statistics, Runnable dropped) {
    if (!interactive()) {
      return;
    }
    dropping = dropped;
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

  /**
   * Tells the size of the terminal, now and when it changes, on other threads. Does nothing unless
   * interactive.
   */
  public void onResize(Sized sized) {
    if (interactive()) {
      Runnable tell = () -> RawMode.size().ifPresent(size -> sized.is(size[1], size[0]));
      Signal.handle(new Signal("WINCH"), _ -> tell.run());
      Thread.ofPlatform().daemon().name("terminal-size").start(tell);
    }
  }

  private void drop() {
    dropping.run();
  }

  private void read(EscapeKeys keys) {
    byte[] buffer = new byte[4096];
    try {
      for (int n = input.read(buffer); n >= 0; n = input.read(buffer)) {
        for (int i = 0; i < n; i++) {
          keys.type(buffer[i]);
        }
      }
    } catch (IOException e) {
      // The terminal was closed: the same as its end.
    }
    typed.end();
  }

  /** Gives the terminal back, at the start of a line. Idempotent, and safe from any thread. */
  @Override
  public void close() {
    raw.ifPresent(RawMode::close);
    if (endsLine) {
      shown.endLine();
    }
  }
}
