package org.duvisor.machine.interp;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Set;
import java.util.function.Function;
import java.util.function.LongFunction;
import org.duvisor.isa.Csr;
import org.duvisor.isa.Decoded;
import org.duvisor.isa.Decoder;
import org.duvisor.isa.Extension;
import org.duvisor.isa.Semantics.Kind;
import org.jspecify.annotations.Nullable;

/**
 * Picks regions: from a hot entry along direct jumps, branches, calls and the code after calls,
 * hottest block first, as far as blocks are warm, in a few pages.
 */
final class Regions {

  /** Instructions of a region that is picked. */
  private static final int MAX_PICKED = 120;

  /** Bytes of bytecode of a region that is picked, estimated. */
  private static final int MAX_PICKED_BYTES = 2500;

  /** Bytes of bytecode of a region that has grown, estimated. */
  static final int MAX_GROWN_BYTES = 3600;

  /** Instructions of a region that has grown by union. */
  static final int MAX_GROWN = 260;

  private static final int MAX_BLOCK = 60;
  private static final int MAX_PAGES = 4;
  static final int MAX_DISTANCE = 1 << 16;

  /** A block is warm when it ran at least threshold / this. */
  private static final int WARM = 16;

  private record Candidate(int offset, int heat) {}

  private final LongFunction<@Nullable CodePage> pageOf;
  private final Decoder decoder;
  private final int threshold;

  /**
   * A picker.
   *
   * @param pageOf the page that is mapped at a virtual address right now, null when that is not
   *     known cheaply
   * @param decoder that of the hart: what is no instruction there is none in a region
   */
  Regions(LongFunction<@Nullable CodePage> pageOf, Decoder decoder, int threshold) {
    this.pageOf = pageOf;
    this.decoder = decoder;
    this.threshold = threshold;
  }

  /**
   * The region of an entry, of blocks that no other region has; null when there is nothing to
   * translate.
   */
  @Nullable Source pick(long pc) {
    long base = pc & -4096L;
    Map<Integer, CodePage> pages = new HashMap<>();
    PriorityQueue<Candidate> queue =
        new PriorityQueue<>(Comparator.comparingInt(Candidate::heat).reversed());
    Set<Integer> seen = new HashSet<>();
    List<Source.BasicBlock> blocks = new ArrayList<>();
    int entry = (int) (pc - base);
    queue.add(new Candidate(entry, Integer.MAX_VALUE));
    seen.add(entry);
    int size = 0;
    int bytes = 0;
    while (!queue.isEmpty() && size < MAX_PICKED) {
      Candidate c = queue.poll();
      List<Decoded> code = decode(base, c.offset, pages);
      int more = code.stream().mapToInt(Source::bytes).sum();
      if (code.isEmpty() || bytes > 0 && bytes + more > MAX_PICKED_BYTES) {
        continue;
      }
      Source.BasicBlock block = new Source.BasicBlock(c.offset, code);
      blocks.add(block);
      size += code.size();
      bytes += more;
      List<Integer> next = new ArrayList<>(block.successors());
      if (block.calls()) {
        next.add(block.end());
      }
      for (int successor : next) {
        int heat = heat(base, successor, pages);
        if (heat >= Math.max(1, threshold / WARM) && seen.add(successor)) {
          queue.add(new Candidate(successor, heat));
        }
      }
    }
    if (blocks.isEmpty() || blocks.getFirst().offset() != entry) {
      return null;
    }
    return new Source(entry, blocks, uses(pages), Source.Style.USUAL);
  }

  /**
   * A region that another hart has translated, if the same code is mapped in the same way at {@code
   * pc} and no region has any of its blocks; else null.
   */
  @Nullable Source adopt(long pc, Function<Decoded, List<Source>> known) {
    long base = pc & -4096L;
    Map<Integer, CodePage> pages = new HashMap<>();
    List<Decoded> first = decode(base, (int) (pc - base), pages);
    if (first.isEmpty()) {
      return null;
    }
    for (Source candidate : known.apply(first.getFirst())) {
      pages.clear();
      if (candidate.blocks().stream().allMatch(b -> isHere(b, base, pages))) {
        return candidate.on(uses(pages));
      }
    }
    return null;
  }

  private boolean isHere(Source.BasicBlock block, long base, Map<Integer, CodePage> pages) {
    CodePage p = page(base, block.offset(), pages);
    if (p == null) {
      return false;
    }
    Block b = p.blocks[(block.offset() & 0xfff) >>> 1];
    boolean free = b == null || b.home == null || !b.home.isAlive();
    return free && decode(base, block.offset(), pages).equals(block.code());
  }

  private static List<Source.PageUse> uses(Map<Integer, CodePage> pages) {
    List<Source.PageUse> uses = new ArrayList<>();
    pages.forEach(
        (distance, page) -> {
          page.inRegion = true;
          uses.add(new Source.PageUse(distance, page, page.version));
        });
    return uses;
  }

  private List<Decoded> decode(long base, int start, Map<Integer, CodePage> pages) {
    List<Decoded> code = new ArrayList<>();
    CodePage page = page(base, start, pages);
    int offset = start;
    while (page != null && offset >> 12 == start >> 12 && code.size() < MAX_BLOCK) {
      int inPage = offset & 0xfff;
      int bits;
      if (page.crosses(inPage)) {
        CodePage next = page(base, offset + 2, pages);
        if (next == null) {
          break;
        }
        bits = page.parcel(inPage) | next.parcel(0) << 16;
      } else {
        bits = page.bits(inPage);
      }
      Decoded d = decoder.decode(bits);
      if (d == null || readsCounter(d) || d.rm() == 5 || d.rm() == 6) {
        break; // left to the interpreter; rounding modes 5 and 6 are reserved
      }
      code.add(d);
      offset += d.length();
      Kind kind = d.instruction().semantics().kind();
      if (kind == Kind.BRANCH || kind == Kind.LINK || kind == Kind.JUMP) {
        break;
      }
    }
    return code;
  }

  /**
   * Translated code counts instructions when it leaves; what reads or writes the counts needs them
   * exact.
   */
  private static boolean readsCounter(Decoded d) {
    if (d.instruction().semantics().kind() != Kind.END
        || !d.instruction().extensions().contains(Extension.ZICSR)) {
      return false;
    }
    int csr = d.csr();
    return switch (csr & ~31) {
      case Csr.CYCLE, Csr.MCYCLE, Csr.MCOUNTINHIBIT -> csr != Csr.TIME;
      default -> csr == Csr.SCOUNTOVF;
    };
  }

  private int heat(long base, int offset, Map<Integer, CodePage> pages) {
    if (Math.abs(offset) > MAX_DISTANCE) {
      return 0;
    }
    CodePage p = page(base, offset, pages);
    Block b = p == null ? null : p.blocks[(offset & 0xfff) >>> 1];
    return b == null || b.home != null && b.home.isAlive() ? 0 : b.heat;
  }

  private @Nullable CodePage page(long base, int offset, Map<Integer, CodePage> pages) {
    int distance = offset >> 12;
    CodePage known = pages.get(distance);
    if (known != null || pages.size() == MAX_PAGES) {
      return known;
    }
    CodePage p = pageOf.apply(base + ((long) distance << 12));
    if (p != null) {
      pages.put(distance, p);
    }
    return p;
  }
}
