package org.duvisor.isa;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The bit pattern of an instruction: fixed bits, operand fields by slot, conditions that exclude
 * reserved words.
 */
final class Encoding {
  private record Exclusion(Slot slot, long value) {}

  private final int length;
  private int match;
  private int mask;
  private boolean ordered;
  private final Field[] fields = new Field[Slot.COUNT];
  private final List<Exclusion> exclusions = new ArrayList<>(0);

  /**
   * Reads a pattern: groups of 0, 1 and - (ignored), and fields, from the most significant bit on.
   *
   * @throws IllegalArgumentException with the reason when it is malformed
   */
  Encoding(String pattern) {
    for (int i = 0; i < Slot.COUNT; i++) {
      fields[i] = Field.ZERO;
    }
    List<String> groups = words(pattern);
    int width = 0;
    for (String group : groups) {
      width += widthOf(group);
    }
    if (width != 32 && width != 16) {
      throw new IllegalArgumentException("the pattern has " + width + " bits");
    }
    length = width / 8;
    int at = width;
    for (String group : groups) {
      int w = widthOf(group);
      at -= w;
      place(group, at, w);
    }
    int opcode = width == 32 ? 0x7f : 3;
    if ((mask & opcode) != opcode || ((match & 3) == 3) != (width == 32)) {
      throw new IllegalArgumentException("the opcode is not given, or does not fit the length");
    }
    for (Field f : fields) {
      if (f.repeatsValueBits()) {
        throw new IllegalArgumentException("an immediate bit is given twice");
      }
    }
  }

  private static List<String> words(String text) {
    List<String> words = new ArrayList<>(8);
    int start = -1;
    for (int i = 0; i <= text.length(); i++) {
      boolean blank = i == text.length() || text.charAt(i) == ' ';
      if (!blank && start < 0) {
        start = i;
      } else if (blank && start >= 0) {
        words.add(text.substring(start, i));
        start = -1;
      }
    }
    return words;
  }

  private static boolean fixed(String group) {
    char c = group.charAt(0);
    return c == '0' || c == '1' || c == '-';
  }

  private static int widthOf(String group) {
    if (fixed(group)) {
      return group.length();
    }
    return switch (group) {
      case "rd", "rs1", "rs2", "rs3", "zimm" -> 5;
      case "rd'", "rs1'", "rs2'", "rm" -> 3;
      case "csr" -> 12;
      case "aqrl" -> 2;
      default -> slicedWidth(group);
    };
  }

  /** Where a field goes that is given with its bits, as in imm[4:0]; null when there is none. */
  private static @Nullable Slot sliced(String group) {
    return switch (group.substring(0, group.indexOf('['))) {
      case "imm", "uimm" -> Slot.IMM;
      case "rd" -> Slot.RD;
      case "rs2" -> Slot.RS2;
      default -> null;
    };
  }

  private static int slicedWidth(String group) {
    int open = group.indexOf('[');
    if (open < 0 || !group.endsWith("]") || sliced(group) == null) {
      throw new IllegalArgumentException("unknown field '" + group + "'");
    }
    int width = 0;
    for (int at = open + 1; at < group.length(); at = rangeEnd(group, at) + 1) {
      width += high(group, at) - low(group, at) + 1;
    }
    return width;
  }

  private static int rangeEnd(String group, int at) {
    int comma = group.indexOf(',', at);
    return comma < 0 ? group.length() - 1 : comma;
  }

  private static int high(String group, int at) {
    int colon = group.indexOf(':', at);
    int end = rangeEnd(group, at);
    return Integer.parseInt(group, at, colon < 0 || colon > end ? end : colon, 10);
  }

  private static int low(String group, int at) {
    int colon = group.indexOf(':', at);
    int end = rangeEnd(group, at);
    return Integer.parseInt(group, colon < 0 || colon > end ? at : colon + 1, end, 10);
  }

  private void place(String group, int at, int width) {
    if (fixed(group)) {
      for (int i = 0; i < width; i++) {
        char c = group.charAt(width - 1 - i);
        if (c != '-') {
          mask |= 1 << (at + i);
        }
        if (c == '1') {
          match |= 1 << (at + i);
        } else if (c != '0' && c != '-') {
          throw new IllegalArgumentException("'" + group + "' is not made of 0, 1 and -");
        }
      }
      return;
    }
    switch (group) {
      case "rd" -> set(Slot.RD, Field.plain(at, 5, 0));
      case "rs1", "zimm" -> set(Slot.RS1, Field.plain(at, 5, 0));
      case "rs2" -> set(Slot.RS2, Field.plain(at, 5, 0));
      case "rs3" -> set(Slot.RS3, Field.plain(at, 5, 0));
      case "rd'" -> set(Slot.RD, Field.plain(at, 3, 8));
      case "rs1'" -> set(Slot.RS1, Field.plain(at, 3, 8));
      case "rs2'" -> set(Slot.RS2, Field.plain(at, 3, 8));
      case "rm" -> set(Slot.RM, Field.plain(at, 3, 0));
      case "csr" -> set(Slot.IMM, Field.plain(at, 12, 0));
      case "aqrl" -> {
        ordered = true;
        set(Slot.IMM, Field.plain(at, 2, 0));
      }
      default -> placeSliced(group, at, width);
    }
  }

  private void placeSliced(String group, int at, int width) {
    Slot slot = Objects.requireNonNull(sliced(group));
    boolean signed = group.startsWith("imm");
    Field field = field(slot);
    int top = at + width;
    for (int i = group.indexOf('[') + 1; i < group.length(); i = rangeEnd(group, i) + 1) {
      int low = low(group, i);
      int w = high(group, i) - low + 1;
      if (w <= 0) {
        throw new IllegalArgumentException("'" + group + "' has an empty range");
      }
      top -= w;
      field = field.with(top, low, w, signed);
    }
    fields[slot.index()] = field;
  }

  private void set(Slot slot, Field field) {
    if (!fields[slot.index()].isConstant()) {
      throw new IllegalArgumentException("two fields for " + slot);
    }
    fields[slot.index()] = field;
  }

  /** Adds a condition of the form "rd!=2". */
  void exclude(String condition) {
    int at = condition.indexOf("!=");
    Operand operand = at < 0 ? null : Operand.named(condition.substring(0, at));
    Slot slot = operand == null ? null : operand.slot();
    if (slot == null || field(slot).isConstant()) {
      throw new IllegalArgumentException("not a condition on a field of the row: " + condition);
    }
    exclusions.add(
        new Exclusion(slot, Integer.parseInt(condition, at + 2, condition.length(), 10)));
  }

  int length() {
    return length;
  }

  int match() {
    return match;
  }

  int mask() {
    return mask;
  }

  boolean ordered() {
    return ordered;
  }

  Field field(Slot slot) {
    return fields[slot.index()];
  }

  Field[] fields() {
    return fields.clone();
  }

  boolean matches(int bits) {
    return (bits & mask) == match && !excluded(bits);
  }

  private boolean excluded(int bits) {
    for (int i = 0; i < exclusions.size(); i++) {
      Exclusion e = exclusions.get(i);
      if (field(e.slot).extract(bits) == e.value) {
        return true;
      }
    }
    return false;
  }

  int encode(String mnemonic, long[] slots) {
    int bits = match;
    for (int i = 0; i < Slot.COUNT; i++) {
      if (!fields[i].isConstant()) {
        if (!fields[i].fits(slots[i])) {
          throw new IllegalArgumentException(
              mnemonic + " cannot encode " + name(i) + " " + slots[i]);
        }
        bits |= fields[i].insert(slots[i]);
      }
    }
    if (excluded(bits)) {
      throw new IllegalArgumentException(mnemonic + " with these operands is a reserved encoding");
    }
    return bits;
  }

  private static String name(int slot) {
    return slot == 4 ? "the immediate" : slot == 5 ? "rounding mode" : "register x";
  }

  /** Whether some word is both, as far as fixed bits and single conditions tell. */
  boolean overlaps(Encoding other) {
    if (length != other.length || ((match ^ other.match) & mask & other.mask) != 0) {
      return false;
    }
    int bits = match | other.match;
    int known = mask | other.mask;
    return !alwaysExcluded(bits, known) && !other.alwaysExcluded(bits, known);
  }

  private boolean alwaysExcluded(int bits, int known) {
    for (Exclusion e : exclusions) {
      Field f = field(e.slot);
      if ((f.occupied() & ~known) == 0 && f.extract(bits) == e.value) {
        return true;
      }
    }
    return false;
  }

  /** Whether all words of this pattern are words of the other. */
  boolean within(Encoding other) {
    return length == other.length
        && (other.mask & ~mask) == 0
        && ((match ^ other.match) & other.mask) == 0;
  }
}
