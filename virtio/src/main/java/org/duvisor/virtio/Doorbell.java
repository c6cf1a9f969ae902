package org.duvisor.virtio;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;

/**
 * What is left for the thread that serves a device's queues: a word with a bit for each queue, and
 * whether the thread sleeps and has to be woken. In memory that machine code can reach, so that a
 * notification of a device that is busy anyway need not come to the transport. Any thread.
 *
 * <p>Who rings sets the queue's bit first and looks at {@link #ASLEEP} afterwards; the thread says
 * that it sleeps first and looks at the bits afterwards. Offsets are in bytes, fields 64 bits wide.
 */
public final class Doorbell {
  /** A bit for each queue with something to do. */
  public static final long PENDING = 0;

  /** Not 0 while the thread sleeps, or is about to. */
  public static final long ASLEEP = 8;

  /** The queues that may be rung without the transport: of a driver that is ready, else none. */
  public static final long OPEN = 16;

  private static final long BYTES = 24;
  private static final VarHandle WORD = ValueLayout.JAVA_LONG.varHandle();

  private final MemorySegment memory = Arena.ofAuto().allocate(BYTES, 8);
  private final long queues;

  /**
   * A doorbell.
   *
   * @param queues a bit for each queue whose notification only tells the thread; the others do
   *     something else
   */
  public Doorbell(long queues) {
    this.queues = queues;
  }

  /** The fields. */
  public MemorySegment memory() {
    return memory;
  }

  /** The driver is ready, or is no more. */
  void open(boolean ready) {
    WORD.setVolatile(memory, OPEN, ready ? queues : 0);
  }

  /** Leaves a queue; whether the thread has to be woken, which one caller is told. */
  boolean ring(int queue) {
    WORD.getAndBitwiseOr(memory, PENDING, 1L << queue);
    return (long) WORD.getVolatile(memory, ASLEEP) != 0
        && (long) WORD.getAndSet(memory, ASLEEP, 0L) != 0;
  }

  /** Takes what was left. */
  long take() {
    return (long) WORD.getAndSet(memory, PENDING, 0L);
  }

  void asleep(boolean asleep) {
    WORD.setVolatile(memory, ASLEEP, asleep ? 1L : 0L);
  }
}
