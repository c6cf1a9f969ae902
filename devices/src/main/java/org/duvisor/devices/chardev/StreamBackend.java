package org.duvisor.devices.chardev;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * A backend on host streams, for instance standard input and output. A daemon thread reads the
 * input, but only once a device listens, and never more than a queue's worth ahead of it. Output
 * goes to the host a line at a time; another daemon thread writes what has no line end (a prompt,
 * an echo) a few milliseconds later.
 */
public final class StreamBackend extends QueuedBackend implements AutoCloseable {
  private static final int INPUT_QUEUE_BYTES = 64 << 10;
  private static final int READ_BYTES = 4 << 10;
  private static final int OUTPUT_BYTES = 8 << 10;
  private static final long IDLE_NANOS = 3_000_000;

  private final InputStream in;
  private final OutputStream out;
  private final Object outputLock = new Object();
  private final byte[] pending = new byte[OUTPUT_BYTES];
  private int pendingBytes;
  private volatile boolean partialLine;
  private volatile boolean closed;
  private volatile @Nullable IOException failure;
  private @Nullable Thread reader;
  private @Nullable Thread flusher;

  /** A backend that owns neither stream: closing it flushes {@code out} and leaves both open. */
  public StreamBackend(InputStream in, OutputStream out) {
    super(INPUT_QUEUE_BYTES);
    this.in = in;
    this.out = out;
  }

  @Override
  public void transmit(byte value) {
    synchronized (outputLock) {
      append(value);
      if (value == '\n' || pendingBytes == OUTPUT_BYTES) {
        drain();
      } else if (!partialLine) {
        wakeFlusher();
      }
    }
  }

  @Override
  public void transmit(byte[] from, int offset, int length) {
    synchronized (outputLock) {
      for (int i = offset; i < offset + length; i++) {
        append(from[i]);
        if (pendingBytes == OUTPUT_BYTES) {
          drain();
        }
      }
      if (length > 0 && from[offset + length - 1] == '\n') {
        drain();
      } else if (pendingBytes > 0 && !partialLine) {
        wakeFlusher();
      }
    }
  }

  @Override
  public void flush() {
    synchronized (outputLock) {
      drain();
    }
  }

  /**
   * Why the host stopped taking output, for instance a closed pipe; output after that is dropped.
   */
  public Optional<IOException> failure() {
    return Optional.ofNullable(failure);
  }

  @Override
  public void onInput(Runnable listener) {
    super.onInput(listener);
    synchronized (input) {
      if (reader == null && !closed) {
        reader = Thread.ofPlatform().daemon().name("console-input").start(this::readInput);
      }
    }
  }

  /**
   * Writes what is left, ends the input and stops the threads; a read of the input that blocks is
   * left behind.
   */
  @Override
  public void close() {
    closed = true;
    flush();
    input.end();
    synchronized (outputLock) {
      if (flusher != null) {
        LockSupport.unpark(flusher);
      }
    }
  }

  private void append(byte value) {
    pending[pendingBytes++] = value;
  }

  private void drain() {
    partialLine = false;
    int n = pendingBytes;
    pendingBytes = 0;
    if (n == 0 || failure != null) {
      return;
    }
    try {
      out.write(pending, 0, n);
      out.flush();
    } catch (IOException e) {
      failure = e;
    }
  }

  private void wakeFlusher() {
    partialLine = true;
    if (flusher == null && !closed) {
      flusher = Thread.ofPlatform().daemon().name("console-output").start(this::flushWhenIdle);
    }
    LockSupport.unpark(flusher);
  }

  private void flushWhenIdle() {
    while (!closed) {
      if (partialLine) {
        LockSupport.parkNanos(this, IDLE_NANOS);
        flush();
      } else {
        LockSupport.park(this);
      }
    }
  }

  private void readInput() {
    byte[] buffer = new byte[READ_BYTES];
    try {
      while (!closed) {
        int n = in.read(buffer);
        if (n < 0) {
          break;
        }
        input.put(buffer, 0, n);
      }
    } catch (IOException e) {
      // A broken input is an ended one: the guest can do nothing else with it.
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    input.end();
  }
}
