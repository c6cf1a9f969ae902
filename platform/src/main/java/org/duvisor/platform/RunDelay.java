package org.duvisor.platform;

import java.io.IOException;
import java.io.RandomAccessFile;
import org.jspecify.annotations.Nullable;

/**
 * How long one thread has been ready to run and had no processor, as a Linux with CONFIG_SCHED_INFO
 * tells; 0 on other hosts. Opens the file when first asked.
 */
public final class RunDelay implements AutoCloseable {
  /** Time on a processor, time waiting for one, and how often, of the thread that opens it. */
  private static final String FILE = "/proc/thread-self/schedstat";

  private static final int MOST = 64;

  private final byte[] text = new byte[MOST];
  private @Nullable RandomAccessFile file;
  private boolean unknown;
  private long last;

  /** Nanoseconds; the thread's own. */
  public long nanos() {
    if (unknown) {
      return last;
    }
    try {
      if (file == null) {
        file = new RandomAccessFile(FILE, "r");
      }
      file.seek(0);
      last = second(Math.max(0, file.read(text)));
    } catch (IOException _) {
      unknown = true;
    }
    return last;
  }

  /** The second number of the text; without an object, since it is asked often. */
  private long second(int length) {
    int at = 0;
    while (at < length && text[at] != ' ') {
      at++;
    }
    long number = 0;
    for (at++; at < length && Character.isDigit(text[at]); at++) {
      number = 10 * number + text[at] - '0';
    }
    return number;
  }

  /** Any thread, when nobody asks any more. */
  @Override
  public void close() {
    RandomAccessFile f = file;
    if (f != null) {
      try {
        f.close();
      } catch (IOException _) {
        unknown = true;
      }
    }
  }
}
