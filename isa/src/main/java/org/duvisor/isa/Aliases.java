package org.duvisor.isa;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The pseudo-instructions that stand for one instruction, from tables/pseudo.txt. */
final class Aliases {
  /** A pseudo-instruction; {@code written} tells whether the disassembler uses it. */
  record Alias(String mnemonic, List<Operand> operands, Mapping mapping, boolean written) {}

  private static final String FILE = "pseudo.txt";

  private final Map<String, List<Alias>> byMnemonic = HashMap.newHashMap(128);
  private final Map<Instruction, List<Alias>> byInstruction = HashMap.newHashMap(128);

  private Aliases(InstructionSet set) {
    int line = 0;
    for (String text : InstructionSet.resource(FILE).split("\n", -1)) {
      line++;
      if (!text.isBlank() && text.charAt(0) != '#') {
        try {
          add(set, TableReader.cells(text));
        } catch (IllegalArgumentException e) {
          throw new IsaException(FILE, line, String.valueOf(e.getMessage()));
        }
      }
    }
  }

  private void add(InstructionSet set, List<String> cells) {
    boolean written = cells.size() == 3;
    if (!written && (cells.size() != 4 || !cells.get(3).equals("reads"))) {
      throw new IllegalArgumentException("a row is: mnemonic | operands | instruction [| reads]");
    }
    String target = cells.get(2);
    int blank = target.indexOf(' ');
    Instruction base = set.named(blank < 0 ? target : target.substring(0, blank));
    if (base == null) {
      throw new IllegalArgumentException("no such instruction: " + target);
    }
    Mapping mapping = Mapping.parse(base, blank < 0 ? "" : target.substring(blank + 1));
    Alias alias = new Alias(cells.get(0), TableReader.operands(cells.get(1)), mapping, written);
    byMnemonic.computeIfAbsent(alias.mnemonic, m -> new ArrayList<>(2)).add(alias);
    if (written) {
      byInstruction.computeIfAbsent(base, i -> new ArrayList<>(2)).add(alias);
    }
  }

  private static final class Standard {
    static final Aliases ALIASES = new Aliases(InstructionSet.standard());
  }

  /** The pseudo-instructions of the standard set. */
  static Aliases standard() {
    return Standard.ALIASES;
  }

  /** The forms of a pseudo-instruction, in table order. */
  List<Alias> named(String mnemonic) {
    return byMnemonic.getOrDefault(mnemonic, List.of());
  }

  /** The pseudo-instructions the disassembler may use for an instruction, in table order. */
  List<Alias> of(Instruction instruction) {
    return byInstruction.getOrDefault(instruction, List.of());
  }
}
