package org.duvisor.devices;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * The state of a machine as a stream of bytes. What has state names it once, in one order, in one
 * method that saves and restores: each call takes the value of now and returns the one to have from
 * now on, which is the same when saving.
 *
 * <pre>{@code
 * ier = s.number(ier, 0, 15);
 * s.bytes(fifo);
 * }</pre>
 *
 * <p>Nothing else may run meanwhile. Lines between devices are not driven when restoring: what a
 * line has told is the state of who listens. A stream may be damaged, or hostile: what must be in a
 * range is asked for with the range.
 */
public abstract sealed class Snapshot {
  /**
   * The state cannot be saved, or the stream is not one that such a machine wrote; the message is
   * for its user.
   */
  public static final class RefusedException extends RuntimeException {
    private static final long serialVersionUID = 1;

    RefusedException(String message) {
      super(message);
    }
  }

  private String section = "the machine";

  private Snapshot() {}

  /** Saves to a stream, which is not closed; errors of it are {@link UncheckedIOException}s. */
  public static Snapshot saving(OutputStream out) {
    return new Saving(new DataOutputStream(out));
  }

  /**
   * Restores from a stream, which is not closed.
   *
   * @throws RefusedException by the methods, when the stream ends or holds something else
   */
  public static Snapshot restoring(InputStream in) {
    return new Restoring(new DataInputStream(in));
  }

  /** Whether values come from the stream. */
  public abstract boolean restores();

  /** 64 bits. */
  public abstract long word(long value);

  /** The contents of memory, whose length is not part of the stream. */
  public abstract void memory(MemorySegment memory);

  /** The parts that follow are this one's; a name that is another in the stream is refused. */
  public final void section(String name) {
    section = name;
    long hash = 0xcbf2_9ce4_8422_2325L; // FNV-1a
    for (int i = 0; i < name.length(); i++) {
      hash = (hash ^ name.charAt(i)) * 0x100_0000_01b3L;
    }
    same(hash, "it is not there");
  }

  /** What has to be the same in the machine that restores. */
  public final void same(long value, String otherwise) {
    if (word(value) != value) {
      throw refused(otherwise);
    }
  }

  /** A number in a range. */
  public final int number(int value, int least, int most) {
    long n = word(value);
    if (n < least || n > most) {
      throw refused(n + " is not in " + least + " to " + most);
    }
    return (int) n;
  }

  /** 32 bits. */
  public final int bits(int value) {
    return number(value, Integer.MIN_VALUE, Integer.MAX_VALUE);
  }

  /** A boolean. */
  public final boolean flag(boolean value) {
    return number(value ? 1 : 0, 0, 1) != 0;
  }

  /** All elements. */
  public final void words(long[] values) {
    for (int i = 0; i < values.length; i++) {
      values[i] = word(values[i]);
    }
  }

  /** All elements. */
  public final void bits(int[] values) {
    for (int i = 0; i < values.length; i++) {
      values[i] = bits(values[i]);
    }
  }

  /** All elements, each in a range. */
  public final void numbers(int[] values, int least, int most) {
    for (int i = 0; i < values.length; i++) {
      values[i] = number(values[i], least, most);
    }
  }

  /** All elements. */
  public final void flags(boolean[] values) {
    for (int i = 0; i < values.length; i++) {
      values[i] = flag(values[i]);
    }
  }

  /** All elements. */
  public final void bytes(byte[] values) {
    memory(MemorySegment.ofArray(values));
  }

  /** To be thrown: what the stream says cannot be, or what is there cannot be saved. */
  public final RefusedException refused(String why) {
    return new RefusedException("the state of " + section + " cannot be saved or restored: " + why);
  }

  private static final class Saving extends Snapshot {
    private static final int CHUNK = 1 << 16;

    private final DataOutputStream out;

    Saving(DataOutputStream out) {
      this.out = out;
    }

    @Override
    public boolean restores() {
      return false;
    }

    @Override
    public long word(long value) {
      try {
        out.writeLong(value);
        return value;
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    @Override
    public void memory(MemorySegment memory) {
      try {
        for (long at = 0; at < memory.byteSize(); at += CHUNK) {
          long length = Math.min(CHUNK, memory.byteSize() - at);
          out.write(memory.asSlice(at, length).toArray(ValueLayout.JAVA_BYTE));
        }
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  private static final class Restoring extends Snapshot {
    private static final int CHUNK = 1 << 16;

    private final DataInputStream in;

    Restoring(DataInputStream in) {
      this.in = in;
    }

    @Override
    public boolean restores() {
      return true;
    }

    @Override
    public long word(long value) {
      try {
        return in.readLong();
      } catch (EOFException e) {
        throw refused("it ends early");
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    @Override
    public void memory(MemorySegment memory) {
      byte[] bytes = new byte[(int) Math.min(CHUNK, memory.byteSize())];
      try {
        for (long at = 0; at < memory.byteSize(); at += bytes.length) {
          int length = (int) Math.min(bytes.length, memory.byteSize() - at);
          in.readFully(bytes, 0, length);
          MemorySegment.copy(bytes, 0, memory, ValueLayout.JAVA_BYTE, at, length);
        }
      } catch (EOFException e) {
        throw refused("it ends early");
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }
}
