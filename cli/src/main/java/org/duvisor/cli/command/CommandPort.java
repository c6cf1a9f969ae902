package org.duvisor.cli.command;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.List;
import java.util.OptionalInt;
import org.duvisor.devices.chardev.CharBackend;
import org.jspecify.annotations.Nullable;

/**
 * The host's end of the port that carries a command's streams, in frames: a byte that says what it
 * is, three of the payload's length (little-endian), the payload.
 *
 * <p>The guest may be hostile: a frame is passed on as it comes and never kept, input is read only
 * when the guest asks for more and took what it had, and a frame that is none ends the talk.
 */
public final class CommandPort implements CharBackend {
  /** What the guest's program looks for. */
  public static final String NAME = "duvisor.command";

  /** Longest command, its environment included: what Linux passes to a program. */
  public static final int MOST_COMMAND_BYTES = 2 << 20;

  private static final int HEAD = 4;
  private static final int CHUNK = 32 << 10;

  /** Frames that wait for a guest which does not read; signals and sizes beyond are lost. */
  private static final int MOST_WAITING = 64;

  /** How long a signal waits for the guest to take it: it may still be starting. */
  private static final Duration PATIENCE = Duration.ofSeconds(5);

  private final InputStream in;
  private final OutputStream[] outputs;
  private final boolean[] closed = new boolean[2];

  private final ArrayDeque<byte[]> waiting = new ArrayDeque<>();
  private int sentOfFirst;
  private boolean inputWanted;
  private boolean ended;
  private Runnable listener = () -> {};
  private @Nullable Thread reader;

  // The guest's frame, on the thread that serves the port.
  private final byte[] head = new byte[HEAD];
  private int headBytes;
  private int left;
  private volatile int exitCode = -1;
  private volatile boolean isBroken;
  private volatile Runnable broken = () -> {};

  /**
   * A port with a command to be run.
   *
   * @param tags of the shared folders that the guest mounts
   * @param in what the command reads; not closed
   * @param out where its output goes; not closed
   * @param err where its errors go; not closed
   * @throws IllegalArgumentException when the command has more than {@link #MOST_COMMAND_BYTES}
   */
  public CommandPort(
      GuestCommand command, List<String> tags, InputStream in, OutputStream out, OutputStream err) {
    this.in = in;
    this.outputs = new OutputStream[] {out, err};
    byte[] request = command.request(tags);
    if (request.length > MOST_COMMAND_BYTES) {
      throw new IllegalArgumentException("the command is too long");
    }
    waiting.add(frame('C', request, request.length));
  }

  /** Names what is called, once, when the guest does not speak as agreed. */
  public void onBroken(Runnable action) {
    broken = action;
  }

  /** Whether the guest did not speak as agreed. */
  public boolean isBroken() {
    return isBroken;
  }

  /** What the command's end was; empty as long as the guest has not said. */
  public OptionalInt exitCode() {
    return exitCode < 0 ? OptionalInt.empty() : OptionalInt.of(exitCode);
  }

  /**
   * Sends the command a signal, by its number in Linux; false when the guest does not take it
   * within some time, because it hangs.
   */
  public boolean signal(int number) {
    post('S', (byte) number);
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    synchronized (this) {
      try {
        while (!waiting.isEmpty() && !ended && System.nanoTime() < deadline) {
          wait(PATIENCE.toMillis() / 10);
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
      return waiting.isEmpty() || ended;
    }
  }

  /** Says the size of its terminal. */
  public void resize(int columns, int rows) {
    post('W', (byte) rows, (byte) (rows >> 8), (byte) columns, (byte) (columns >> 8));
  }

  private static byte[] frame(char kind, byte[] payload, int length) {
    byte[] frame = new byte[HEAD + length];
    frame[0] = (byte) kind;
    frame[1] = (byte) length;
    frame[2] = (byte) (length >> 8);
    frame[3] = (byte) (length >> 16);
    System.arraycopy(payload, 0, frame, HEAD, length);
    return frame;
  }

  private void post(char kind, byte... payload) {
    synchronized (this) {
      if (waiting.size() >= MOST_WAITING) {
        return;
      }
    }
    send(frame(kind, payload, payload.length));
  }

  private void send(byte[] frame) {
    Runnable toCall;
    synchronized (this) {
      waiting.add(frame);
      toCall = listener;
    }
    toCall.run();
  }

  // ---- to the guest

  @Override
  public synchronized int receive(byte[] into, int offset, int length) {
    byte[] frame = waiting.peek();
    if (frame == null) {
      return ended ? END : 0;
    }
    int bytes = Math.min(length, frame.length - sentOfFirst);
    System.arraycopy(frame, sentOfFirst, into, offset, bytes);
    sentOfFirst += bytes;
    if (sentOfFirst == frame.length) {
      waiting.remove();
      sentOfFirst = 0;
      notifyAll();
    }
    return bytes;
  }

  @Override
  public void onInput(Runnable newListener) {
    synchronized (this) {
      listener = newListener;
    }
    newListener.run();
  }

  private synchronized void wantInput() {
    inputWanted = true;
    if (reader == null && !ended) {
      reader = Thread.ofPlatform().daemon().name("command-input").start(this::readInput);
    }
    notifyAll();
  }

  /** Waits until the guest asks for input, and has taken what it got before. */
  private synchronized boolean awaitDemand() throws InterruptedException {
    while (!ended && !(inputWanted && waiting.isEmpty())) {
      wait();
    }
    inputWanted = false;
    return !ended;
  }

  private void readInput() {
    byte[] bytes = new byte[CHUNK];
    try {
      while (awaitDemand()) {
        int length = Math.max(0, in.read(bytes));
        send(frame('I', bytes, length)); // one at most waits
        if (length == 0) {
          return;
        }
      }
    } catch (IOException e) {
      send(frame('I', bytes, 0)); // a broken input is an ended one
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  // ---- from the guest

  @Override
  public void transmit(byte value) {
    transmit(new byte[] {value}, 0, 1);
  }

  @Override
  public void transmit(byte[] from, int offset, int length) {
    int at = offset;
    int end = offset + length;
    while (at < end && !isEnded()) {
      if (headBytes < HEAD) {
        head[headBytes++] = from[at++];
        if (headBytes < HEAD) {
          continue;
        }
        left = head[1] & 0xff | (head[2] & 0xff) << 8 | (head[3] & 0xff) << 16;
        begin();
      } else {
        int bytes = Math.min(left, end - at);
        take(from, at, bytes);
        at += bytes;
        left -= bytes;
      }
      if (left == 0) {
        headBytes = 0;
      }
    }
  }

  private void begin() {
    switch (head[0]) {
      case 'O', 'P' -> {}
      case 'R' -> wantInput();
      case 'E' -> {
        if (left != 1) {
          violated();
        }
      }
      default -> violated();
    }
  }

  private void take(byte[] from, int offset, int length) {
    switch (head[0]) {
      case 'O' -> write(0, from, offset, length);
      case 'P' -> write(1, from, offset, length);
      case 'E' -> exitCode = from[offset] & 0xff;
      default -> {} // room for what later guests may say
    }
  }

  /** A stream that the host does not take is closed for the command, as a pipe would be. */
  private void write(int stream, byte[] from, int offset, int length) {
    if (closed[stream]) {
      return;
    }
    try {
      outputs[stream].write(from, offset, length);
      outputs[stream].flush();
    } catch (IOException e) {
      closed[stream] = true;
      post('X', (byte) (stream + 1));
    }
  }

  private void violated() {
    isBroken = true;
    end();
    broken.run();
  }

  private synchronized boolean isEnded() {
    return ended;
  }

  /** Ends the input; output is not taken any more. */
  public synchronized void end() {
    ended = true;
    notifyAll();
  }

  @Override
  public void flush() {}
}
