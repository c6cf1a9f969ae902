package org.duvisor.isa;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Reads instruction tables and refuses malformed and overlapping rows. It runs at every start of a
 * JVM, so it is plain string handling: no regular expressions, streams or lambdas.
 */
final class TableReader {
  /** A row with where it came from and the mnemonic it refines ("over"), if any. */
  private record Row(Instruction instruction, String file, int line, @Nullable Instruction over) {}

  private final List<Row> rows = new ArrayList<>(512);
  private final Map<String, Row> byMnemonic = HashMap.newHashMap(512);
  private final Map<Integer, List<Row>> byOpcode = HashMap.newHashMap(40);
  private String file = "";
  private int line;
  private @Nullable Membership membership;

  /** Adds a table. */
  void read(String fileName, String text) {
    file = fileName;
    membership = null;
    line = 0;
    int at = 0;
    while (at < text.length()) {
      int end = text.indexOf('\n', at);
      end = end < 0 ? text.length() : end;
      line++;
      String row = text.substring(at, end).trim();
      if (!row.isEmpty() && row.charAt(0) != '#') {
        try {
          read(row);
        } catch (IllegalArgumentException e) {
          throw new IsaException(file, line, String.valueOf(e.getMessage()));
        }
      }
      at = end + 1;
    }
  }

  private void read(String text) {
    if (text.startsWith("extension ")) {
      membership = Membership.parse(text.substring(10));
      return;
    }
    Membership of = membership;
    if (of == null) {
      throw new IllegalArgumentException("a row before the extension line");
    }
    List<String> cells = cells(text);
    if (cells.size() < 4 || cells.size() > 5) {
      throw new IllegalArgumentException("a row has 4 or 5 cells, this one has " + cells.size());
    }
    Encoding encoding = new Encoding(cells.get(1));
    Instruction over = null;
    if (cells.size() == 5) {
      String note = cells.get(4);
      if (note.startsWith("over ")) {
        over = known(note.substring(5)).instruction;
      } else {
        for (String condition : note.split(" ", -1)) {
          encoding.exclude(condition);
        }
      }
    }
    add(new Row(instruction(of, cells, encoding), file, line, over));
  }

  private Instruction instruction(Membership of, List<String> cells, Encoding encoding) {
    String mnemonic = cells.get(0);
    List<Operand> operands = operands(cells.get(2));
    for (Operand operand : operands) {
      Slot slot = operand.slot();
      if (slot != null && encoding.field(slot).isConstant()) {
        throw new IllegalArgumentException(
            "operand " + operand.text() + " has no field in the pattern");
      }
    }
    String meaning = cells.get(3);
    if (!meaning.startsWith("= ")) {
      if (encoding.length() == 2) {
        throw new IllegalArgumentException(
            "a 16-bit row names its expansion (= mnemonic operands)");
      }
      return new Instruction(
          rows.size(), of, mnemonic, encoding, operands, checked(meaning, encoding));
    }
    int blank = meaning.indexOf(' ', 2);
    Instruction base =
        known(blank < 0 ? meaning.substring(2) : meaning.substring(2, blank)).instruction;
    if (encoding.length() == 4 || base.length() == 2) {
      throw new IllegalArgumentException(
          "only a 16-bit row has an expansion, and only to a 32-bit one");
    }
    Mapping mapping = Mapping.parse(base, blank < 0 ? "" : meaning.substring(blank + 1));
    return new Instruction(
        rows.size(), of, mnemonic, encoding, operands, base, mapping.fields(encoding));
  }

  private static Semantics checked(String text, Encoding encoding) {
    Semantics semantics = Semantics.parse(text);
    for (Semantics.Argument argument : semantics.arguments()) {
      Slot slot =
          switch (argument) {
            case HART, FCSR, PC, NEXT, INSN -> null;
            case RS1, FRS1, ZIMM, RS1N -> Slot.RS1;
            case RS2, FRS2, RS2N -> Slot.RS2;
            case FRS3 -> Slot.RS3;
            case IMM, CSR -> Slot.IMM;
            case RM -> Slot.RM;
            case RD, RDN -> Slot.RD;
          };
      if (slot != null && encoding.field(slot).isConstant()) {
        throw new IllegalArgumentException(
            "argument " + argument.text() + " has no field in the pattern");
      }
    }
    boolean writes =
        semantics.result() != Semantics.Result.NONE || semantics.kind() == Semantics.Kind.LINK;
    if (writes && encoding.field(Slot.RD).isConstant()) {
      throw new IllegalArgumentException("a result needs a field rd in the pattern");
    }
    return semantics;
  }

  private Row known(String mnemonic) {
    Row row = byMnemonic.get(mnemonic);
    if (row == null) {
      throw new IllegalArgumentException(
          "no instruction '" + mnemonic + "' above or in an earlier table");
    }
    return row;
  }

  private void add(Row row) {
    Instruction i = row.instruction;
    Row same = byMnemonic.put(i.mnemonic(), row);
    if (same != null) {
      throw new IllegalArgumentException(
          i + " is already defined at " + same.file + ":" + same.line);
    }
    if (row.over != null && !i.encoding().within(row.over.encoding())) {
      throw new IllegalArgumentException(i + " is not a special case of " + row.over);
    }
    int opcode = i.match() & (i.length() == 4 ? 0x7f : 3); // rows that overlap have the same
    List<Row> candidates = byOpcode.get(opcode);
    if (candidates == null) {
      candidates = new ArrayList<>();
      byOpcode.put(opcode, candidates);
    }
    for (int k = 0; k < candidates.size(); k++) {
      Row other = candidates.get(k);
      if (other.instruction != row.over && i.encoding().overlaps(other.instruction.encoding())) {
        throw new IllegalArgumentException(
            i + " overlaps " + other.instruction + " at " + other.file + ":" + other.line);
      }
    }
    candidates.add(row);
    rows.add(row);
  }

  /** The cells of a row, trimmed. */
  static List<String> cells(String row) {
    List<String> cells = new ArrayList<>(5);
    int at = 0;
    while (true) {
      int bar = row.indexOf('|', at);
      if (bar < 0) {
        cells.add(row.substring(at).trim());
        return cells;
      }
      cells.add(row.substring(at, bar).trim());
      at = bar + 1;
    }
  }

  /** The assembly syntax: operands and punctuation. */
  static List<Operand> operands(String text) {
    List<Operand> operands = new ArrayList<>(8);
    for (String word : syntax(text)) {
      Operand operand = Operand.named(word);
      if (operand == null) {
        throw new IllegalArgumentException("unknown operand '" + word + "'");
      }
      operands.add(operand);
    }
    return operands;
  }

  /** Splits "rd, imm(rs1)" into words and punctuation. */
  static List<String> syntax(String text) {
    List<String> words = new ArrayList<>(8);
    int start = -1;
    for (int i = 0; i <= text.length(); i++) {
      char c = i == text.length() ? ' ' : text.charAt(i);
      boolean ends = c == ' ' || c == ',' || c == '(' || c == ')';
      if (!ends && start < 0) {
        start = i;
      } else if (ends && start >= 0) {
        words.add(text.substring(start, i));
        start = -1;
      }
      if (ends && c != ' ') {
        words.add(c == ',' ? "," : c == '(' ? "(" : ")");
      }
    }
    return words;
  }

  List<Instruction> instructions() {
    List<Instruction> all = new ArrayList<>(rows.size());
    for (Row row : rows) {
      all.add(row.instruction);
    }
    return List.copyOf(all);
  }

  /** All instructions with special cases before what they refine. */
  List<Instruction> specialFirst() {
    List<Instruction> all = new ArrayList<>(rows.size());
    for (Row row : rows) {
      if (row.over != null) {
        all.add(row.instruction);
      }
    }
    for (Row row : rows) {
      if (row.over == null) {
        all.add(row.instruction);
      }
    }
    return all;
  }
}
