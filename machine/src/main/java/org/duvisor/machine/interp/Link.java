package org.duvisor.machine.interp;

/** An entry point that was found mapped at a virtual address in one regime. */
final class Link {
  static final Link NONE = new Link(1, 0, new EntryPoint(new Nothing(), 0, 0));

  final long pc;

  /** Epoch and context it holds for; 0 when it holds no more. */
  long tag;

  final Translation translation;
  final int index;
  final int offset;

  Link(long pc, long tag, EntryPoint entry) {
    this.pc = pc;
    this.tag = tag;
    this.translation = entry.translation;
    this.index = entry.index;
    this.offset = entry.offset;
  }

  private static final class Nothing extends Translation {
    @Override
    public int run(org.duvisor.machine.Hart hart, long base, int entry, int fuel) {
      throw new IllegalStateException("nothing is translated here");
    }
  }
}
