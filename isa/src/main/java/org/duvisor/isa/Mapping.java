package org.duvisor.isa;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How the operands of one spelling (a compressed instruction, a pseudo-instruction) become those of
 * a base instruction: each slot of the base is a slot of the spelling or a constant.
 */
final class Mapping {
  private final Instruction base;
  private final @Nullable Slot[] source = new Slot[Slot.COUNT];
  private final long[] constant = new long[Slot.COUNT];

  private Mapping(Instruction base) {
    this.base = base;
    for (Operand o : base.operands()) {
      if (o.slot() == Slot.RM) {
        constant[Slot.RM.index()] = Operand.defaultRounding(o);
      }
    }
  }

  /**
   * Reads the base instruction's operands, written in the base's own syntax with slot names,
   * registers or numbers.
   *
   * @throws IllegalArgumentException when they do not follow that syntax
   */
  static Mapping parse(Instruction base, String text) {
    Mapping mapping = new Mapping(base);
    List<String> words = TableReader.syntax(text);
    List<Operand> operands = base.operands();
    if (words.size() != operands.size()) {
      throw new IllegalArgumentException("the operands of " + base + " do not fit");
    }
    for (int i = 0; i < words.size(); i++) {
      mapping.map(operands.get(i), words.get(i));
    }
    return mapping;
  }

  private void map(Operand operand, String word) {
    Slot slot = operand.slot();
    if (slot == null) {
      if (!operand.text().equals(word)) {
        throw new IllegalArgumentException(
            "'" + operand.text() + "' expected instead of '" + word + "'");
      }
      return;
    }
    Operand name = word.equals("sp") ? null : Operand.named(word);
    if (name != null) {
      source[slot.index()] = name.slot();
      return;
    }
    int register = operand.register() ? Registers.number(word, operand.floating()) : -1;
    int csr = operand == Operand.CSR ? Csr.number(word) : -1;
    constant[slot.index()] = register >= 0 ? register : csr >= 0 ? csr : Long.parseLong(word);
  }

  Instruction base() {
    return base;
  }

  /** The base's slots from the spelling's. */
  long[] apply(long[] slots) {
    long[] result = constant.clone();
    for (int i = 0; i < Slot.COUNT; i++) {
      Slot s = source[i];
      if (s != null) {
        result[i] = slots[s.index()];
      }
    }
    return result;
  }

  /**
   * The spelling's slots from the base's, or null when these are not an instance of the spelling.
   */
  long @Nullable [] match(long[] slots) {
    long[] result = new long[Slot.COUNT];
    int bound = 0;
    for (int i = 0; i < Slot.COUNT; i++) {
      Slot s = source[i];
      if (s == null) {
        if (slots[i] != constant[i]) {
          return null;
        }
      } else if ((bound & 1 << s.index()) == 0) {
        bound |= 1 << s.index();
        result[s.index()] = slots[i];
      } else if (result[s.index()] != slots[i]) {
        return null;
      }
    }
    return result;
  }

  /** Where the base's operands are in a word of the spelling's encoding. */
  Field[] fields(Encoding encoding) {
    Field[] fields = new Field[Slot.COUNT];
    for (int i = 0; i < Slot.COUNT; i++) {
      Slot s = source[i];
      fields[i] = s == null ? Field.constant(constant[i]) : encoding.field(s);
      if (s != null && fields[i].isConstant()) {
        throw new IllegalArgumentException(s + " has no field in the pattern");
      }
    }
    return fields;
  }
}
