package org.duvisor.machine.interp;

import org.duvisor.machine.mem.Raw;
import org.jspecify.annotations.Nullable;

/**
 * The decoded code of one physical page. Instructions are decoded from a copy of the page, so all
 * blocks of a page belong to one moment: when nobody could store to it any more without this hart's
 * being told (docs/decisions/0015).
 */
final class CodePage {
  static final int BYTES = 4096;

  /** Bytes of heap of a page without blocks. */
  private static final int HEAP = BYTES + 4 * (BYTES / 2) + 100;

  /** Bytes of heap of a block and of an op in it. */
  private static final int BLOCK_HEAP = 60;

  private static final int OP_HEAP = 44;

  private static final @Nullable Block[] NO_BLOCKS = new Block[BYTES / 2];
  private static final byte[] NO_BYTES = {};

  @Nullable Block[] blocks = new Block[BYTES / 2];
  private byte[] copy = NO_BYTES;

  /** Tells it from all pages that its hart has had. */
  final int number;

  /** Counts changes of content, for translations. */
  int version;

  /** Bytes of heap it takes, about. */
  int heap = HEAP;

  /** When it was last entered, by its owner's count. */
  int age;

  /** Harts that may still store to the page unseen, and the ticket of what they were asked. */
  long writers;

  long ticket;

  /** A translation has code of this page. */
  boolean inRegion;

  /** A page of which nothing is known yet. */
  CodePage(int number) {
    this.number = number;
  }

  /** Takes the copy; nobody stores to the page any more. Before that nothing is decoded from it. */
  void settle(long host) {
    byte[] bytes = new byte[BYTES];
    Raw.copyTo(host, bytes, BYTES);
    copy = bytes;
  }

  /** Holds a block that starts at a byte offset. */
  void put(int offset, Block block) {
    blocks[offset >>> 1] = block;
    heap += BLOCK_HEAP + block.ops.length * OP_HEAP;
  }

  /** Makes the block end that is being executed, if it is of this page. */
  void end() {
    for (Block b : blocks) {
      if (b != null) {
        b.end();
      }
    }
  }

  /** Gives its heap back; nobody enters it any more, though a translation may still know it. */
  void drop() {
    blocks = NO_BLOCKS;
    copy = NO_BYTES;
    version++;
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
