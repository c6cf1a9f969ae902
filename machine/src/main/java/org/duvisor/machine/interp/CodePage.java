package org.duvisor.machine.interp;

import org.duvisor.machine.mem.Raw;
import org.jspecify.annotations.Nullable;

/**
 * The decoded code of one physical page. Instructions are decoded from a copy of the page, so all
 * blocks of a page belong to one moment; fence.i compares the copy with memory and starts over when
 * they differ. Stores need no tracking for that (docs/decisions/0003).
 */
final class CodePage {
  static final int BYTES = 4096;

  final @Nullable Block[] blocks = new Block[BYTES / 2];
  private final byte[] copy = new byte[BYTES];
  private final long host;

  /** Counts changes of content, for translations. */
  int version;

  /** The fence.i count at which the copy was last known to be right. */
  int epoch;

  CodePage(long host, int epoch) {
    this.host = host;
    this.epoch = epoch;
    Raw.copyTo(host, copy, BYTES);
  }

  /** Makes the page valid for a later epoch. */
  void revalidate(int now) {
    if (!Raw.equal(host, copy, BYTES)) {
      Raw.copyTo(host, copy, BYTES);
      java.util.Arrays.fill(blocks, null);
      version++;
    }
    epoch = now;
  }

  /** The 16-bit parcel at a byte offset. */
  int parcel(int offset) {
    return copy[offset] & 0xff | (copy[offset + 1] & 0xff) << 8;
  }

  /** Whether the instruction at {@code offset} continues on the next page. */
  boolean crosses(int offset) {
    return offset == BYTES - 2 && (parcel(offset) & 3) == 3;
  }

  /** The instruction at {@code offset}: 16 or 32 bits; must not cross the page. */
  int bits(int offset) {
    int low = parcel(offset);
    return (low & 3) == 3 ? low | parcel(offset + 2) << 16 : low;
  }
}
