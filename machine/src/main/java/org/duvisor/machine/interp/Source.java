package org.duvisor.machine.interp;

import java.util.ArrayList;
import java.util.List;
import org.duvisor.isa.Decoded;

/**
 * A region of guest code picked for translation: basic blocks that were hot together, reached from
 * one entry by direct jumps. Made on the hart's thread, then immutable.
 */
public final class Source {
  static final Source NONE = new Source(0, List.of(), List.of());

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
  }

  /** A physical page and where it has to be mapped, in pages from the entry's. */
  record PageUse(int distance, CodePage page, int version) {}

  private final int entry;
  private final List<BasicBlock> blocks;
  private final List<PageUse> pages;
  int[] offsets = {};
  int[] refunds = {};

  Source(int entry, List<BasicBlock> blocks, List<PageUse> pages) {
    this.entry = entry;
    this.blocks = List.copyOf(blocks);
    this.pages = new ArrayList<>(pages);
  }

  /** Offset of the entry in its page. */
  public int entry() {
    return entry;
  }

  /** The blocks; the first one is the entry. */
  public List<BasicBlock> blocks() {
    return blocks;
  }

  List<PageUse> pages() {
    return pages;
  }

  /** The hotter half of the blocks, the entry included. */
  public Source firstHalf() {
    return new Source(entry, blocks.subList(0, (blocks.size() + 1) / 2), pages);
  }

  /** Instructions in all. */
  public int size() {
    return blocks.stream().mapToInt(b -> b.code().size()).sum();
  }

  /**
   * The translator's table of instructions that may trap: offset in the region, and instructions of
   * its block not executed.
   */
  public void sites(int[] siteOffsets, int[] siteRefunds) {
    offsets = siteOffsets;
    refunds = siteRefunds;
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
}
