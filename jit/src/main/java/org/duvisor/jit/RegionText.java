package org.duvisor.jit;

import java.util.ArrayList;
import java.util.List;
import org.duvisor.isa.Decoded;
import org.duvisor.isa.Decoder;
import org.duvisor.isa.Disassembler;
import org.duvisor.isa.InstructionSet;
import org.duvisor.machine.interp.Source;

/**
 * A region as text: what was translated, and enough to translate it again.
 *
 * <pre>
 *   style usual
 *   entry 9a
 *   block 9a
 *   9a 00c58533  add a0, a1, a2
 * </pre>
 *
 * Offsets and instruction words are hexadecimal; what follows a word is for people.
 */
public final class RegionText {
  private static final Decoder DECODER = InstructionSet.standard().decoder();

  private RegionText() {}

  /** The text of a region. */
  public static String write(Source source) {
    StringBuilder out = new StringBuilder();
    Source.Style style = source.style();
    out.append("style")
        .append(style.floatCalls() ? " floatCalls" : "")
        .append(style.apart() ? " apart" : "")
        .append('\n');
    source.entries().forEach(e -> out.append("entry ").append(hex(e)).append('\n'));
    for (Source.BasicBlock block : source.blocks()) {
      out.append("block ").append(hex(block.offset())).append('\n');
      int offset = block.offset();
      for (Decoded d : block.code()) {
        String word = String.format(d.length() == 4 ? "%08x" : "%04x", d.bits());
        out.append(
            "%s %-8s  %s%n".formatted(hex(offset), word, Disassembler.text(d.bits(), offset)));
        offset += d.length();
      }
    }
    return out.toString();
  }

  private static String hex(int offset) {
    return offset < 0 ? "-" + Integer.toHexString(-offset) : Integer.toHexString(offset);
  }

  /**
   * Reads a region.
   *
   * @throws IllegalArgumentException with the line that is wrong
   */
  public static Source read(String text) {
    boolean floatCalls = false;
    boolean apart = false;
    List<Integer> entries = new ArrayList<>();
    List<Source.BasicBlock> blocks = new ArrayList<>();
    List<Decoded> code = new ArrayList<>();
    int start = 0;
    for (String line : text.lines().filter(l -> !l.isBlank()).toList()) {
      String[] words = line.strip().split("\\s+", 3);
      switch (words[0]) {
        case "style" -> {
          floatCalls = line.contains("floatCalls");
          apart = line.contains("apart");
        }
        case "entry" -> entries.add(number(words, 1, line));
        case "block" -> {
          finish(blocks, start, code);
          start = number(words, 1, line);
        }
        default -> {
          Decoded d = DECODER.decode(number(words, 1, line));
          if (d == null) {
            throw new IllegalArgumentException("no instruction: " + line);
          }
          code.add(d);
        }
      }
    }
    finish(blocks, start, code);
    return Source.of(entries, blocks, new Source.Style(floatCalls, apart));
  }

  private static void finish(List<Source.BasicBlock> blocks, int start, List<Decoded> code) {
    if (!code.isEmpty()) {
      blocks.add(new Source.BasicBlock(start, List.copyOf(code)));
      code.clear();
    }
  }

  private static int number(String[] words, int at, String line) {
    try {
      return (int) Long.parseLong(words[at], 16);
    } catch (NumberFormatException | ArrayIndexOutOfBoundsException e) {
      throw new IllegalArgumentException("not a region: " + line, e);
    }
  }
}
