package org.duvisor.machine.interp;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import org.duvisor.isa.Decoded;
import org.duvisor.isa.Decoder;
import org.duvisor.isa.InstructionSet;
import org.duvisor.machine.Engine;
import org.duvisor.machine.Hart;
import org.duvisor.machine.Trap;
import org.duvisor.machine.mem.CodeDirectory;
import org.duvisor.machine.mem.Raw;
import org.jspecify.annotations.Nullable;

/**
 * The decoded code of one hart: blocks by physical page, found by virtual address. It is what
 * memory holds: a page is registered in the {@link CodeDirectory}, which says when it was stored
 * to. Until all harts know that (and where stores come too often) its instructions are fetched one
 * by one.
 */
final class DecodedCode {
  private static final long PAGE_MASK = -4096L;
  private static final long NONE = 1;

  /** Bytes of heap from which on a page may be dropped while it grows. */
  private static final int LARGE = 256 << 10;

  /** Pages in a piece of the table of pages. */
  private static final int CHUNK_SHIFT = 9;

  private static final int CHUNK = 1 << CHUNK_SHIFT;
  private static final @Nullable CodePage[] NO_PAGES = new CodePage[CHUNK];

  private final Hart h;
  private final Decoder decoder;
  private final int threshold;
  private final CodeDirectory directory;
  private final CodeBudget.Account budget;
  private long heap;
  private int age;
  private int pagesMade;
  private long nextAge;
  private final long ramBase;
  private final long ramPages;
  private final @Nullable CodePage[][] ram;
  private final Map<Long, CodePage> rom = new HashMap<>();

  /** Pages of RAM to which others may still store unseen. */
  private final Map<Long, CodePage> unsettled = new HashMap<>();

  // The page the hart executes from: valid until the context changes.
  private long fetchPage = NONE;
  private @Nullable CodePage page;

  // The instruction that was fetched alone last: one that crosses two pages, for instance.
  private int aloneBits;

  /**
   * No code yet.
   *
   * @param threshold the heat at which something is done about a block
   * @param budget what it shares with others; beyond it pages are dropped that were not entered
   *     lately
   */
  DecodedCode(Hart h, int threshold, CodeBudget budget) {
    this.h = h;
    this.decoder = InstructionSet.standard().decoder(h.config().extensions());
    this.threshold = threshold;
    this.directory = h.memory().code();
    this.budget = budget.open();
    this.ramBase = h.memory().ramBase();
    this.ramPages = h.memory().ramSize() >>> 12;
    this.ram = new CodePage[(int) (ramPages + CHUNK - 1 >>> CHUNK_SHIFT)][];
    Arrays.fill(ram, NO_PAGES);
  }

  /** The block at a virtual address; raises what fetching it raises. */
  Block block(long pc) {
    CodePage p = page;
    if ((pc & PAGE_MASK) != fetchPage || p == null) {
      p = enterPage(pc);
      if (p == null) {
        return single(pc);
      }
    }
    int offset = (int) pc & 0xfff;
    Block b = p.blocks[offset >>> 1];
    return b != null ? b : build(p, offset, pc);
  }

  /**
   * Finds the page of an address; null when only this one instruction may be executed from it now.
   */
  private @Nullable CodePage enterPage(long pc) {
    long pa = h.mmu().fetch(pc);
    if (heap > nextAge) {
      age();
    }
    CodePage p = h.mmu().isFetchCacheable() ? pageAt(pa & PAGE_MASK) : null;
    page = p;
    fetchPage = p == null ? NONE : pc & PAGE_MASK;
    return p;
  }

  /** The page at a physical address; null when its instructions have to be fetched one by one. */
  private @Nullable CodePage pageAt(long pa) {
    CodePage p = known(pa);
    if (p == null) {
      p = newPage(pa);
    }
    if (p != null) {
      p.age = age;
    }
    return p;
  }

  /** The same if the page has code already. */
  private @Nullable CodePage known(long pa) {
    long index = pa - ramBase >>> 12;
    if (Long.compareUnsigned(index, ramPages) >= 0) {
      return rom.get(pa);
    }
    @Nullable CodePage[] chunk = ram[(int) index >>> CHUNK_SHIFT];
    return chunk[(int) index & CHUNK - 1];
  }

  private @Nullable CodePage newPage(long pa) {
    long index = pa - ramBase >>> 12;
    if (Long.compareUnsigned(index, ramPages) < 0) {
      return ramPage(index);
    }
    CodePage p = new CodePage(pagesMade++);
    heap += p.heap;
    p.settle(h.memory().host(pa, CodePage.BYTES, false));
    rom.put(pa, p);
    return p;
  }

  /** Registers a page of RAM, and has its copy once nobody can store to it unseen. */
  private @Nullable CodePage ramPage(long index) {
    CodePage p = unsettled.get(index);
    if (p == null) {
      if (directory.isRestless(index)) {
        directory.calm(index);
        return null;
      }
      p = new CodePage(pagesMade++);
      heap += p.heap;
      unsettled.put(index, p);
      p.writers = directory.hold(h.requests().number(), index);
      if (p.writers != 0) {
        p.ticket = directory.recall(p.writers, index);
        h.requests().serve(); // this hart may be one of them; the page may be dropped, too
      }
    }
    if (unsettled.get(index) != p || !directory.isSettled(p.writers, p.ticket)) {
      return null;
    }
    unsettled.remove(index);
    p.settle(directory.host(index));
    set(index, p);
    return p;
  }

  private void set(long index, @Nullable CodePage p) {
    int i = (int) index >>> CHUNK_SHIFT;
    if (ram[i] == NO_PAGES) {
      ram[i] = new CodePage[CHUNK];
    }
    ram[i][(int) index & CHUNK - 1] = p;
  }

  private Block build(CodePage p, int start, long pc) {
    if (heap > nextAge && p.heap > LARGE) {
      age();
      if (page != p) {
        return block(pc);
      }
    }
    if (p.crosses(start)) {
      return single(p.parcel(start) | parcel(pc + 2) << 16);
    }
    List<Op> ops = new ArrayList<>();
    int offset = start;
    while (true) {
      Op op = op(p.bits(offset), offset - start);
      ops.add(op);
      offset += op.length;
      if (op.terminator()) {
        break;
      }
      if (ops.size() == Engine.MAX_BLOCK - 1 || offset >= CodePage.BYTES || p.crosses(offset)) {
        ops.add(new FallThrough(offset - start));
        break;
      }
    }
    Block b = new Block(ops.toArray(Op[]::new), threshold);
    heap -= p.heap;
    p.put(start, b);
    heap += p.heap;
    return b;
  }

  /** What instructions there are on the hart. */
  Decoder decoder() {
    return decoder;
  }

  private Op op(int bits, int offset) {
    Decoded d = decoder.decode(bits);
    return d == null ? new Illegal(offset) : Ops.create(d, offset);
  }

  /**
   * One instruction, read from memory for this once. Each parcel is translated on its own: they may
   * lie on two pages, or PMP may divide the page between them.
   */
  private Block single(long pc) {
    int low = parcel(pc);
    return single((low & 3) == 3 ? low | parcel(pc + 2) << 16 : low);
  }

  private Block single(int bits) {
    aloneBits = bits;
    int i = (bits ^ bits >>> 16) & SINGLES - 1;
    Block known = singles[i];
    if (known == null || singleKeys[i] != bits) {
      known = alone(bits);
      singles[i] = known;
      singleKeys[i] = bits;
    }
    return known;
  }

  private int parcel(long pc) {
    return (int) Raw.loadShort(h.memory().host(h.mmu().fetch(pc), 2, false)) & 0xffff;
  }

  // Instructions that were fetched alone, decoded, by their bits.
  private static final int SINGLES = 1024;
  private final @Nullable Block[] singles = new Block[SINGLES];
  private final int[] singleKeys = new int[SINGLES];

  private Block alone(int bits) {
    Op op = op(bits, 0);
    return new Block(
        op.terminator() ? new Op[] {op} : new Op[] {op, new FallThrough(op.length)},
        Integer.MAX_VALUE);
  }

  /** Executes the instruction at the pc, or takes its trap. */
  void step() {
    try {
      Op op = block(h.pc).ops[0];
      op.execute(h);
      if (!op.terminator()) { // which sets pc
        h.pc += op.length;
      }
      h.retired++;
    } catch (Trap t) {
      h.traps().take(t, h.pc);
    }
  }

  /** The page that {@link #block} has found last, null when that was one instruction alone. */
  @Nullable CodePage page() {
    return page;
  }

  /** The instructions of a page from an offset on, up to the end of straight-line code. */
  List<Decoded> instructions(CodePage p, int start) {
    List<Decoded> code = new ArrayList<>();
    int offset = start;
    while (code.size() < Engine.MAX_BLOCK - 1 && offset < CodePage.BYTES && !p.crosses(offset)) {
      Decoded d = decoder.decode(p.bits(offset));
      if (d == null) {
        break;
      }
      code.add(d);
      offset += d.length();
      if (d.instruction().semantics().terminator()) {
        break;
      }
    }
    return code;
  }

  /** The page that is mapped at a virtual address, null when that is not known cheaply. */
  @Nullable CodePage knownPage(long va) {
    long pa = h.mmu().probeFetch(va);
    return pa == -1 ? null : known(pa & PAGE_MASK);
  }

  /** {@link Engine#fetchedBits}. */
  int fetchedBits(long pc) {
    CodePage p = page;
    int offset = (int) pc & 0xfff;
    return p == null || p.crosses(offset) ? aloneBits : p.bits(offset);
  }

  /**
   * A page that a region knows was dropped for want of room: links to the region may still be
   * there, and its code may be decoded anew by a page that knows nothing of it.
   */
  private boolean lostRegions;

  /**
   * A page was stored to: drops its blocks.
   *
   * @return whether translations may know the page
   */
  boolean changed(long index) {
    CodePage p = unsettled.remove(index);
    if (p == null) {
      p = known(ramBase + (index << 12));
      if (p == null) {
        return true;
      }
      set(index, null);
    }
    leave(p);
    boolean known = p.inRegion || lostRegions;
    lostRegions = false; // the caller forgets all links
    return known;
  }

  /** The translation of the pc's page, or the rights to it, may have changed. */
  void contextChanged() {
    fetchPage = NONE;
  }

  /** The same, if the page of this address is the one of the pc. */
  void mappingChanged(long va) {
    if ((va & PAGE_MASK) == fetchPage) {
      fetchPage = NONE;
    }
  }

  /** Drops all blocks. */
  void forget() {
    drop(p -> true);
  }

  /**
   * Enough has been decoded that what was entered before is older now. When all harts together have
   * too much, what is old is dropped.
   */
  private void age() {
    age++;
    budget.use(heap);
    tidy();
    nextAge = heap + budget.room();
  }

  /**
   * Drops pages if this hart has more than is right: what was not entered lately, and everything
   * when everything is in use.
   */
  void tidy() {
    if (budget.isOverdrawn()) {
      drop(p -> p.age < age - CodeBudget.AGES / 2);
      if (heap > budget.keep()) {
        forget();
      }
      budget.use(heap);
    }
  }

  private void drop(Predicate<CodePage> which) {
    for (@Nullable CodePage[] chunk : ram) {
      for (int i = 0; chunk != NO_PAGES && i < CHUNK; i++) {
        CodePage p = chunk[i];
        if (p != null && isDropped(p, which)) {
          chunk[i] = null;
        }
      }
    }
    rom.values().removeIf(p -> isDropped(p, which));
    unsettled.values().removeIf(p -> isDropped(p, which));
  }

  /** Drops a page that is in no table any more, and leaves it if the hart executes from it. */
  private void leave(CodePage p) {
    heap -= p.heap;
    if (page == p) {
      p.end();
      page = null;
      fetchPage = NONE;
    }
    p.drop();
  }

  private boolean isDropped(CodePage p, Predicate<CodePage> which) {
    boolean dropped = which.test(p);
    if (dropped) {
      lostRegions |= p.inRegion;
      leave(p);
    }
    return dropped;
  }

  /** Bytes of heap it takes, about. */
  long heap() {
    return heap;
  }

  /**
   * Ends a block that is cut off: goes on with the next one. Not an instruction, so it gives back
   * the count.
   */
  private static final class FallThrough extends Op {
    FallThrough(int offset) {
      super(offset, 0);
    }

    @Override
    public void execute(Hart h) {
      h.pc += offset;
      h.retired--;
    }

    @Override
    public boolean terminator() {
      return true;
    }
  }

  /** What decodes to nothing. */
  private static final class Illegal extends Op {
    Illegal(int offset) {
      super(offset, 4);
    }

    @Override
    public void execute(Hart h) {
      throw h.illegal();
    }

    @Override
    public boolean terminator() {
      return true;
    }
  }
}
