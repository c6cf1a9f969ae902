package org.duvisor.devices.aia;

import java.util.Arrays;
import org.duvisor.devices.IrqLine;
import org.duvisor.devices.Snapshot;

/**
 * An interrupt file of an IMSIC: pending and enable bits of up to 2047 message-signalled interrupts
 * (AIA chapter 3). Any thread may post; the registers belong to the hart. The output is driven
 * while the file's lock is held, so that its levels come in order, and must not call back.
 */
public final class ImsicFile {
  /** Register select of eidelivery. */
  public static final int EIDELIVERY = 0x70;

  /** Register select of eithreshold. */
  public static final int EITHRESHOLD = 0x72;

  /** Register select of eip0; on RV64 the even ones exist, 64 bits each. */
  public static final int EIP0 = 0x80;

  /** Register select of eie0. */
  public static final int EIE0 = 0xc0;

  /** The last register select of a file. */
  public static final int LAST = 0xff;

  private static final int MAX_IDENTITY = 2047;

  private final int identities;
  private final IrqLine output;
  private final long[] pending;
  private final long[] enabled;
  private boolean delivering;
  private int threshold;
  private boolean level;

  /**
   * A file.
   *
   * @param identities the highest interrupt identity, a multiple of 64 minus 1, 63 to 2047
   * @param output high while an interrupt is to be delivered
   */
  public ImsicFile(int identities, IrqLine output) {
    if (identities < 63 || identities > MAX_IDENTITY || (identities & 63) != 63) {
      throw new IllegalArgumentException("an interrupt file with identities 1 to " + identities);
    }
    this.identities = identities;
    this.output = output;
    this.pending = new long[(identities + 1) / 64];
    this.enabled = new long[pending.length];
  }

  /** The highest interrupt identity. */
  public int identities() {
    return identities;
  }

  /** Whether a register select (iselect) names a register of interrupt files on RV64 (3.8). */
  public static boolean exists(int select) {
    return select >= EIDELIVERY && select < EIP0
        || select >= EIP0 && select <= LAST && (select & 1) == 0;
  }

  /** Makes an interrupt pending; an identity that is not implemented is ignored (3.3). */
  public synchronized void post(int identity) {
    if (identity > 0 && identity <= identities) {
      pending[identity >>> 6] |= 1L << identity;
      update();
    }
  }

  /**
   * The value of *topei: the most urgent interrupt that is pending, enabled and below the
   * threshold, its identity in bits 26:16 and its priority, the same number, in bits 10:0; 0 for
   * none. Whether interrupts are delivered does not matter (3.9).
   */
  public synchronized int top() {
    for (int i = 0; i < pending.length; i++) {
      long ready = pending[i] & enabled[i];
      if (ready != 0) {
        int identity = i * 64 + Long.numberOfTrailingZeros(ready);
        return threshold == 0 || identity < threshold ? identity << 16 | identity : 0;
      }
    }
    return 0;
  }

  /** A write to *topei: the interrupt that {@link #top} reports is pending no more. Returns it. */
  public synchronized int claim() {
    int top = top();
    if (top != 0) {
      int identity = top >>> 16;
      pending[identity >>> 6] &= ~(1L << identity);
      update();
    }
    return top;
  }

  /**
   * Reads a register and writes the bits of {@code mask}, as one step: posts that come at the same
   * time are not lost.
   *
   * @param select a register that {@link #exists}
   * @return the value before
   */
  public synchronized long access(int select, long mask, long value) {
    long old;
    switch (select) {
      case EIDELIVERY -> {
        old = delivering ? 1 : 0;
        long written = old & ~mask | value & mask;
        if (written == 0 || written == 1) { // 0x40000000 needs a controller to bypass the file
          delivering = written == 1;
        }
      }
      case EITHRESHOLD -> {
        old = threshold;
        threshold = (int) (old & ~mask | value & mask) & identities;
      }
      default ->
          old =
              select < EIP0
                  ? 0 // reserved
                  : access(select < EIE0 ? pending : enabled, (select & 63) / 2, mask, value);
    }
    if (mask != 0) {
      update();
    }
    return old;
  }

  private static long access(long[] bits, int word, long mask, long value) {
    if (word >= bits.length) {
      return 0;
    }
    long old = bits[word];
    bits[word] = (old & ~mask | value & mask) & (word == 0 ? ~1L : -1L);
    return old;
  }

  /** Whether there is an interrupt to deliver: the level of the output. */
  public synchronized boolean delivers() {
    return level;
  }

  /** Saves or restores it. */
  public synchronized void snapshot(Snapshot s) {
    s.same(identities, "interrupt files are of another size");
    s.words(pending);
    s.words(enabled);
    pending[0] &= ~1L;
    enabled[0] &= ~1L;
    delivering = s.flag(delivering);
    threshold = s.number(threshold, 0, identities);
    level = s.flag(level);
  }

  /** Clears everything. */
  public synchronized void reset() {
    Arrays.fill(pending, 0);
    Arrays.fill(enabled, 0);
    delivering = false;
    threshold = 0;
    update();
  }

  private void update() {
    boolean now = delivering && top() != 0;
    if (now != level) {
      level = now;
      output.set(now);
    }
  }
}
