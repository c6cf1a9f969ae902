package org.duvisor.machine.interp;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import org.duvisor.isa.Decoded;
import org.duvisor.isa.Decoder;
import org.duvisor.isa.InstructionSet;
import org.duvisor.machine.Engine;
import org.duvisor.machine.Hart;
import org.jspecify.annotations.Nullable;

/** The decoded code of one hart: blocks by physical page, found by virtual address. */
final class DecodedCode {
  private static final long PAGE_MASK = -4096L;
  private static final long NONE = 1;

  /**
   * Bytes of heap for a hart's code: a computer has up to eight harts, and other things to keep.
   */
  static final long MAX_HEAP = Runtime.getRuntime().maxMemory() / 16;

  /** Times of growth from nothing to the limit. */
  private static final int AGES = 4;

  private static final Decoder DECODER = InstructionSet.standard().decoder();

  private final Hart h;
  private final int threshold;
  private final long maxHeap;
  private long heap;
  private int age;
  private long nextAge;
  private final @Nullable CodePage[] ram;
  private final Map<Long, CodePage> rom = new HashMap<>();
  private int epoch;

  // The page the hart executes from: valid until the context changes.
  private long fetchPage = NONE;
  private @Nullable CodePage page;

  // An instruction that crosses two pages is decoded anew each time.
  private int crossingBits;

  /**
   * No code yet.
   *
   * @param threshold the heat at which something is done about a block
   * @param maxHeap bytes of heap from which on pages are dropped that were not entered lately
   */
  DecodedCode(Hart h, int threshold, long maxHeap) {
    this.h = h;
    this.threshold = threshold;
    this.maxHeap = maxHeap;
    this.ram = new CodePage[(int) (h.memory().ramSize() >>> 12)];
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
   * Finds the page of an address; null when only this one instruction may be executed from it
   * (PMP).
   */
  private @Nullable CodePage enterPage(long pc) {
    long pa = h.mmu().fetch(pc);
    if (heap > nextAge) {
      age();
    }
    CodePage p = pageAt(pa & PAGE_MASK);
    page = p;
    if (!h.mmu().isFetchCacheable()) {
      fetchPage = NONE;
      return null;
    }
    fetchPage = pc & PAGE_MASK;
    return p;
  }

  private CodePage pageAt(long pa) {
    CodePage p;
    long index = pa - h.memory().ramBase() >>> 12;
    if (Long.compareUnsigned(index, ram.length) < 0) {
      p = ram[(int) index];
      if (p == null) {
        p = newPage(pa);
        ram[(int) index] = p;
      }
    } else {
      p = rom.computeIfAbsent(pa, this::newPage);
    }
    if (p.epoch != epoch) {
      heap -= p.heap;
      p.revalidate(epoch);
      heap += p.heap;
    }
    p.age = age;
    return p;
  }

  private CodePage newPage(long pa) {
    CodePage p = new CodePage(h.memory().host(pa, CodePage.BYTES, false), epoch);
    heap += p.heap;
    return p;
  }

  private Block build(CodePage p, int start, long pc) {
    if (p.crosses(start)) {
      return crossing(p, pc);
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

  private static Op op(int bits, int offset) {
    Decoded d = DECODER.decode(bits);
    return d == null ? new Illegal(offset) : Ops.create(d, offset);
  }

  /** One instruction, decoded for this once. */
  private Block single(long pc) {
    CodePage p = pageAt(h.mmu().fetch(pc) & PAGE_MASK);
    page = p;
    int offset = (int) pc & 0xfff;
    if (p.crosses(offset)) {
      return crossing(p, pc);
    }
    int bits = p.bits(offset);
    if ((bits & 3) == 3) {
      h.mmu().fetch(pc + 2); // where PMP divides the page, the second parcel is checked on its own
    }
    return alone(bits);
  }

  private Block crossing(CodePage first, long pc) {
    int low = first.parcel(CodePage.BYTES - 2);
    CodePage second = pageAt(h.mmu().fetch(pc + 2) & PAGE_MASK);
    crossingBits = low | second.parcel(0) << 16;
    int i = (crossingBits ^ crossingBits >>> 16) & CROSSINGS - 1;
    Block known = crossings[i];
    if (known == null || crossingKeys[i] != crossingBits) {
      known = alone(crossingBits);
      crossings[i] = known;
      crossingKeys[i] = crossingBits;
    }
    return known;
  }

  // Instructions that cross pages, decoded, by their bits.
  private static final int CROSSINGS = 256;
  private final @Nullable Block[] crossings = new Block[CROSSINGS];
  private final int[] crossingKeys = new int[CROSSINGS];

  private Block alone(int bits) {
    Op op = op(bits, 0);
    return new Block(
        op.terminator() ? new Op[] {op} : new Op[] {op, new FallThrough(op.length)},
        Integer.MAX_VALUE);
  }

  /** The page that is mapped at a virtual address, null when that is not known cheaply. */
  @Nullable CodePage knownPage(long va) {
    long pa = h.mmu().probeFetch(va);
    return pa == -1 ? null : pageAt(pa & PAGE_MASK);
  }

  /** {@link Engine#fetchedBits}. */
  int fetchedBits(long pc) {
    CodePage p = page;
    int offset = (int) pc & 0xfff;
    if (p == null) {
      return 0;
    }
    return p.crosses(offset) ? crossingBits : p.bits(offset);
  }

  /** What was decoded before has to be compared with memory before it is used. */
  void fenceI() {
    epoch++;
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
   * Enough has been decoded that what was entered before is older now. At the limit what is old is
   * dropped: half of all or more, or everything when everything is in use.
   */
  private void age() {
    age++;
    if (heap > maxHeap) {
      drop(p -> p.age < age - AGES / 2);
      if (heap > maxHeap - maxHeap / AGES) {
        forget();
      }
    }
    nextAge = Math.min(heap + maxHeap / AGES, maxHeap);
  }

  private void drop(Predicate<CodePage> which) {
    for (int i = 0; i < ram.length; i++) {
      CodePage p = ram[i];
      if (p != null && isDropped(p, which)) {
        ram[i] = null;
      }
    }
    rom.values().removeIf(p -> isDropped(p, which));
    page = null;
    fetchPage = NONE;
  }

  private boolean isDropped(CodePage p, Predicate<CodePage> which) {
    boolean dropped = which.test(p);
    if (dropped) {
      heap -= p.heap;
      p.drop();
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
