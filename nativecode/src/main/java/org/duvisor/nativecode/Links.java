package org.duvisor.nativecode;

import java.lang.foreign.MemorySegment;
import org.duvisor.machine.mem.Raw;

/**
 * Where jumps between pages go: code of blocks by virtual address and context, direct-mapped, in
 * host memory that code looks into. A link is three words: the address, {@link #tag}, the code.
 */
final class Links {
  /** Bytes from one link to the next. */
  static final int LINK_SHIFT = 5;

  static final int TAG = 8;
  static final int CODE = 16;

  /** Links of one group of pages. */
  private static final int IN_PAGE_BITS = 7;

  private static final int GROUP_BITS = 8;

  /** Bits of an index that come from the address in its page, shifted to the size of a link. */
  static final int IN_PAGE = ((1 << IN_PAGE_BITS) - 1) << LINK_SHIFT;

  /** From bit 1 of an address, the lowest that differs, to the lowest of {@link #IN_PAGE}. */
  static final int IN_PAGE_SHIFT = LINK_SHIFT - 1;

  /** Bits of an index that come from the page, where they are in the address already. */
  static final int GROUP = ((1 << GROUP_BITS) - 1) << 12;

  private static final int CONTEXT_BITS = 12;

  /** An address that no pc is. */
  private static final long NONE = 1;

  private final MemorySegment memory = Raw.allocate((long) GROUP + IN_PAGE + (1 << LINK_SHIFT));

  /** Host address of the first link. */
  final long address = memory.address();

  private long epoch = 1L << CONTEXT_BITS;

  Links() {
    for (long at = 0; at < memory.byteSize(); at += 1 << LINK_SHIFT) {
      Raw.word(address + at, NONE);
    }
  }

  /** What a link has to hold, besides the address, to be followed in a context. */
  long tag(long context) {
    return epoch | context;
  }

  void put(long pc, long context, long code) {
    long at = address + (pc << IN_PAGE_SHIFT & IN_PAGE | pc & GROUP);
    Raw.word(at, pc);
    Raw.word(at + TAG, tag(context));
    Raw.word(at + CODE, code);
  }

  /** Forgets everything. */
  void clear() {
    epoch += 1L << CONTEXT_BITS;
  }

  /** Forgets what is on a page, as far as the lower 48 bits of its address tell. */
  void drop(long va) {
    long group = address + (va & GROUP);
    for (int at = 0; at <= IN_PAGE; at += 1 << LINK_SHIFT) {
      if (((Raw.word(group + at) ^ va) & -4096) << 16 == 0) {
        Raw.word(group + at, NONE);
      }
    }
  }
}
