package org.duvisor.machine.interp;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.duvisor.isa.Decoded;
import org.duvisor.isa.Semantics;
import org.duvisor.isa.Semantics.Kind;
import org.jspecify.annotations.Nullable;

/**
 * A region of guest code picked for translation: basic blocks that were hot together, connected by
 * direct jumps. Made on the hart's thread, then immutable.
 */
public final class Source {
  static final Source NONE = new Source(0, List.of(), List.of(), Style.USUAL);

  private static final int RETURN_REGISTER = 1;

  /**
   * A basic block.
   *
   * @param offset of its first instruction from the start of the entry's page, in virtual memory;
   *     may be negative
   * @param code its instructions; control leaves at the end, by the last instruction or by falling
   *     through
   */
  public record BasicBlock(int offset, List<Decoded> code) {
    /** Offset of the instruction after the block. */
    public int end() {
      return offset + code.stream().mapToInt(Decoded::length).sum();
    }

    /** The last instruction. */
    public Decoded last() {
      return code.getLast();
    }

    /** Whether it ends in a call: a jump that links to the usual register. */
    public boolean calls() {
      return last().instruction().semantics().kind() == Kind.LINK && last().rd() == RETURN_REGISTER;
    }

    /**
     * Offsets of the blocks that direct jumps or falling through lead to; a call leads to its
     * callee.
     */
    List<Integer> successors() {
      int at = end() - last().length();
      int target = at + (int) last().imm();
      return switch (last().instruction().semantics().kind()) {
        case BRANCH -> List.of(target, end());
        case LINK ->
            last().instruction().mnemonic().equals("jal") ? List.of(target) : List.<Integer>of();
        case JUMP -> List.of();
        default -> List.of(end());
      };
    }
  }

  /**
   * How to translate, found out by running an earlier translation.
   *
   * @param floatCalls floating point as calls that do all cases, for code that keeps leaving
   *     because the fast path does not do
   * @param apart every access tested on its own, for code whose neighbouring accesses often lie on
   *     different pages
   */
  public record Style(boolean floatCalls, boolean apart) {
    /** Fast floating point, neighbouring accesses tested together. */
    static final Style USUAL = new Style(false, false);
  }

  /** What a translation depends on: equal texts make equal classes, whatever pages they lie on. */
  public record Text(List<BasicBlock> blocks, List<Integer> entries, Style style) {}

  /** A physical page and where it has to be mapped, in pages from the entry's. */
  record PageUse(int distance, CodePage page, int version) {}

  private final List<BasicBlock> blocks;
  private final List<Integer> entries;
  private final List<PageUse> pages;
  private final Style style;
  private volatile @Nullable Translation translation;
  private volatile boolean refused;
  int[] offsets = {};
  int[] refunds = {};
  int[] bits = {};

  /**
   * A region.
   *
   * @param entry offset of the block that is hot
   * @param blocks in the order of their heat
   */
  Source(int entry, List<BasicBlock> blocks, List<PageUse> pages, Style style) {
    this(byAddress(blocks), entryPoints(entry, blocks), List.copyOf(pages), style);
  }

  private Source(List<BasicBlock> blocks, List<Integer> entries, List<PageUse> pages, Style style) {
    this.blocks = blocks;
    this.entries = entries;
    this.pages = pages;
    this.style = style;
  }

  /**
   * Where it pays to come in: the hot block, the heads of loops, and what follows calls that leave
   * the region.
   */
  private static List<Integer> entryPoints(int entry, List<BasicBlock> blocks) {
    Set<Integer> inside = blocks.stream().map(BasicBlock::offset).collect(Collectors.toSet());
    Set<Integer> points = new HashSet<>();
    for (BasicBlock b : blocks) {
      for (int successor : b.successors()) {
        if (successor <= b.offset()) {
          points.add(successor);
        }
      }
      if (b.calls() && !inside.containsAll(b.successors())
          || b.calls() && b.successors().isEmpty()) {
        points.add(b.end());
      }
    }
    points.retainAll(inside);
    points.remove(entry);
    List<Integer> all = new ArrayList<>(List.of(entry));
    points.stream().sorted().forEach(all::add);
    return List.copyOf(all);
  }

  /**
   * A region that is read from a file: it can be translated, not run.
   *
   * @param entries offsets of blocks, at least one
   * @throws IllegalArgumentException when an entry is no block
   */
  public static Source of(List<Integer> entries, List<BasicBlock> blocks, Style style) {
    if (entries.isEmpty()
        || !blocks.stream().map(BasicBlock::offset).toList().containsAll(entries)) {
      throw new IllegalArgumentException("every entry must be the start of a block");
    }
    return new Source(byAddress(blocks), List.copyOf(entries), List.of(), style);
  }

  /** The blocks, by address. */
  public List<BasicBlock> blocks() {
    return blocks;
  }

  /**
   * Offsets of the blocks where it can be entered; the first one is what the region was picked for.
   */
  public List<Integer> entries() {
    return entries;
  }

  /** Its text. */
  public Text text() {
    return new Text(blocks, entries, style);
  }

  /** The same text on other pages. */
  Source on(List<PageUse> otherPages) {
    return new Source(blocks, entries, List.copyOf(otherPages), style);
  }

  /** How to translate it. */
  public Style style() {
    return style;
  }

  /** The same code in another style. */
  Source with(Style other) {
    return new Source(blocks, entries, pages, other);
  }

  /**
   * The same code with more entries: a block of it, and others that have been interpreted half as
   * often.
   */
  Source withEntry(Block block) {
    Set<Integer> more = new LinkedHashSet<>(entries);
    for (BasicBlock b : blocks) {
      Block known = block(b.offset());
      if (known != null && known.heat > block.heat / 2) {
        more.add(b.offset());
      }
    }
    return new Source(blocks, List.copyOf(more), pages, style);
  }

  /** Offset of a block, or {@link Integer#MIN_VALUE} when it is not of this region. */
  int offsetOf(Block block) {
    for (BasicBlock b : blocks) {
      if (block(b.offset()) == block) {
        return b.offset();
      }
    }
    return Integer.MIN_VALUE;
  }

  /** Its translation, once there is one. */
  @Nullable Translation translation() {
    return translation;
  }

  /** Nobody will translate it. From any thread. */
  void refuse() {
    refused = true;
  }

  /** Whether its blocks are still claimed. */
  boolean isAlive() {
    return !refused && isCurrent();
  }

  /** About how many bytes of bytecode an instruction becomes. */
  static int bytes(Decoded d) {
    Semantics s = d.instruction().semantics();
    return switch (s.kind()) {
      case END -> 500;
      case BRANCH, LINK -> 35;
      case JUMP -> 200;
      default -> s.owner().equals("Memory") || s.owner().equals("Amo") ? 55 : s.floating() ? 30 : 8;
    };
  }

  /** About how many bytes of bytecode the region becomes, but for its entry and exit. */
  int bytes() {
    return blocks.stream().flatMap(b -> b.code().stream()).mapToInt(Source::bytes).sum();
  }

  /**
   * This region and another one; null when they are not of one address space: then a page has two
   * contents.
   *
   * @param distance pages from the start of this one's first page to the start of the other's
   */
  @Nullable Source union(Source other, int distance) {
    Map<Integer, PageUse> used = new HashMap<>();
    pages.forEach(u -> used.put(u.distance, u));
    for (PageUse u : other.pages) {
      var moved = new PageUse(u.distance + distance, u.page, u.version);
      PageUse known = used.putIfAbsent(moved.distance, moved);
      if (known != null && !known.equals(moved)) {
        return null;
      }
    }
    int shift = distance << 12;
    Map<Integer, BasicBlock> all = new HashMap<>();
    blocks.forEach(b -> all.put(b.offset(), b));
    other.blocks.forEach(
        b -> all.putIfAbsent(b.offset() + shift, new BasicBlock(b.offset() + shift, b.code())));
    List<BasicBlock> sorted = byAddress(all.values());
    Set<Integer> points = new LinkedHashSet<>(entries);
    other.entries.forEach(e -> points.add(e + shift));
    points.addAll(entryPoints(entries.getFirst(), sorted));
    return new Source(
        sorted,
        List.copyOf(points),
        List.copyOf(used.values()),
        new Style(style.floatCalls || other.style.floatCalls, style.apart || other.style.apart));
  }

  private static List<BasicBlock> byAddress(Collection<BasicBlock> blocks) {
    return blocks.stream().sorted(Comparator.comparingInt(BasicBlock::offset)).toList();
  }

  List<PageUse> pages() {
    return pages;
  }

  /** Instructions in all. */
  public int size() {
    return blocks.stream().mapToInt(b -> b.code().size()).sum();
  }

  /**
   * The translator's table of instructions that may trap: offset in the region, instructions of its
   * block not executed, and their words.
   */
  public void sites(int[] siteOffsets, int[] siteRefunds, int[] siteBits) {
    offsets = siteOffsets;
    refunds = siteRefunds;
    bits = siteBits;
  }

  /** Takes the table of a source with the same text. */
  public void sites(Source same) {
    sites(same.offsets, same.refunds, same.bits);
  }

  /** Whether the pages still hold what was translated. */
  boolean isCurrent() {
    for (PageUse use : pages) {
      if (use.page.version != use.version) {
        return false;
      }
    }
    return true;
  }

  /** Claims the blocks, for regions that are picked later. On the hart's thread. */
  void claim() {
    for (BasicBlock b : blocks) {
      Block block = block(b.offset());
      if (block != null) {
        block.home = this;
      }
    }
  }

  /** Makes the blocks know where a translation can be entered. From any thread. */
  void install(Translation made) {
    translation = made;
    for (int i = 0; i < entries.size(); i++) {
      Block block = block(entries.get(i));
      if (block != null) {
        block.entry = new EntryPoint(made, i, entries.get(i));
      }
    }
  }

  private @Nullable Block block(int offset) {
    for (PageUse use : pages) {
      if (use.distance == offset >> 12) {
        return use.page.blocks[(offset & 0xfff) >>> 1];
      }
    }
    return null;
  }
}
