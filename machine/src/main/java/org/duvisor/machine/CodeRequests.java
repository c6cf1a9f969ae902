package org.duvisor.machine;

import java.util.Arrays;
import org.duvisor.machine.mem.CodeDirectory;

/**
 * What others ask of a hart so that all see the same code: kept until the hart is between two
 * blocks. Any thread may ask.
 */
public final class CodeRequests implements CodeDirectory.Member {
  /** Requests kept one by one; more are replaced by one for all pages. */
  private static final int MOST = 4096;

  /** Pages that are looked for in the write TLB one by one; for more it is emptied. */
  private static final int MOST_RECALLS = 16;

  private static final long DROP = 1;

  private final Hart h;
  private final CodeDirectory directory;
  private final int number;

  // Under the lock of this object: page << 1, and DROP.
  private long[] open = new long[16];
  private int count;
  private boolean everything;

  private volatile boolean any;
  private volatile boolean running;
  private volatile long seen;

  CodeRequests(Hart h, CodeDirectory directory) {
    this.h = h;
    this.directory = directory;
    this.number = directory.attach(this);
  }

  /** The hart's number in the directory. */
  public int number() {
    return number;
  }

  @Override
  public void drop(long page) {
    ask(page << 1 | DROP);
  }

  @Override
  public void recall(long page) {
    ask(page << 1);
  }

  private synchronized void ask(long request) {
    if (count == MOST) {
      everything = true;
    } else {
      if (count == open.length) {
        open = Arrays.copyOf(open, 2 * count);
      }
      open[count++] = request;
    }
    any = true;
  }

  @Override
  public void wake() {
    h.signal();
  }

  @Override
  public boolean hasSeen(long ticket) {
    return !running || seen >= ticket;
  }

  /** From now on the hart executes; its thread. */
  void begin() {
    running = true; // before the look: who asks sees that it runs, or it sees what is asked
    serve();
  }

  /** The hart executes nothing until {@link #begin}; its thread. */
  void end() {
    running = false;
  }

  /** Does what is asked; the hart's thread, while no translated code runs. */
  public void serve() {
    long now = directory.ticket();
    if (any) {
      serveAll();
    }
    seen = now;
  }

  /** The same when nobody waits for it. */
  void serveIfAsked() {
    if (any) {
      serve();
    }
  }

  private void serveAll() {
    long[] asked;
    boolean all;
    synchronized (this) {
      any = false;
      asked = Arrays.copyOf(open, count);
      all = everything;
      everything = false;
      count = 0;
    }
    long recalls = Arrays.stream(asked).filter(request -> (request & DROP) == 0).count();
    boolean allWritable = all || recalls > MOST_RECALLS;
    if (all) {
      h.engine.forget();
    }
    if (allWritable) {
      h.mmu.forgetWritable();
    }
    for (long request : asked) {
      long page = request >>> 1;
      if ((request & DROP) != 0) {
        h.engine.codeChanged(page);
      } else if (!allWritable) {
        h.mmu.forgetWritable(directory.host(page));
      }
    }
  }
}
