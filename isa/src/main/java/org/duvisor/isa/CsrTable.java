package org.duvisor.isa;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.duvisor.isa.CsrRow.Read;
import org.duvisor.isa.CsrRow.Write;

/**
 * Reads the tables of CSRs, {@code csrs/*.csr}, and refuses malformed rows. For the build and for
 * tests: what harts and tools use at run time is generated from it ({@link Csr}).
 */
public final class CsrTable {
  /** The tables, in the order of their constants. */
  public static final List<String> FILES =
      List.of(
          "hart.csr",
          "unprivileged.csr",
          "supervisor.csr",
          "hypervisor.csr",
          "machine.csr",
          "aia.csr",
          "xdv.csr");

  private final Map<String, CsrRow> rows = new LinkedHashMap<>();
  private final Map<Integer, String> numbers = new LinkedHashMap<>();
  private List<Extension> extensions = List.of();
  private boolean section;
  private String file = "";
  private int line;

  /**
   * Adds a table.
   *
   * @throws IsaException with file and line, when a row is malformed or says what another one says
   */
  public CsrTable add(String fileName, String text) {
    file = fileName;
    section = false;
    line = 0;
    String last = "";
    for (String raw : text.split("\n", -1)) {
      line++;
      String row = raw.strip();
      try {
        if (row.isEmpty() || row.startsWith("#")) {
          continue;
        }
        if (row.startsWith("extension ")) {
          String names = row.substring(10).trim();
          extensions = names.equals("none") ? List.of() : Extension.list(names, "and");
          section = true;
        } else if (row.startsWith(".")) {
          addFields(last, row);
        } else {
          last = addRow(row);
        }
      } catch (IllegalArgumentException e) {
        throw new IsaException(file, line, String.valueOf(e.getMessage()));
      }
    }
    return this;
  }

  /** Checks what rows say of each other. Call it after the last table. */
  public CsrTable check() {
    for (CsrRow row : rows.values()) {
      for (String other : List.of(row.target(), row.guest())) {
        require(row, other.isEmpty() || rows.containsKey(other), "there is no " + other);
      }
      boolean fields = row.write() == Write.FIELDS || row.read() == Read.VIEW;
      require(row, !fields || !row.fields().isEmpty(), "no fields");
      require(row, row.write() != Write.FIELDS || row.hasWord(), "fields without a word");
      require(row, row.guest().isEmpty() || rows.get(row.guest()).exists(), "not for a guest");
    }
    return this;
  }

  private static void require(CsrRow row, boolean condition, String message) {
    if (!condition) {
      int colon = row.place().lastIndexOf(':');
      throw new IsaException(
          row.place().substring(0, colon),
          Integer.parseInt(row.place().substring(colon + 1)),
          row.name() + ": " + message);
    }
  }

  /** All rows, in the order of the tables. */
  public List<CsrRow> rows() {
    return List.copyOf(rows.values());
  }

  private String addRow(String text) {
    if (!section) {
      throw new IllegalArgumentException("a row before the extension line");
    }
    String[] cells = text.split("\\|", -1);
    if (cells.length > 7) {
      throw new IllegalArgumentException("a row has at most 7 cells");
    }
    String[] cell = Arrays.copyOf(cells, 7);
    for (int i = 0; i < cell.length; i++) {
      cell[i] = cell[i] == null ? "" : cell[i].strip();
    }
    Name name = Name.parse(cell[0]);
    int number = cell[1].equals("-") ? CsrRow.HIDDEN : number(cell[1]);
    String reset = cell[2].equals("-") ? "" : cell[2];
    Read read = read(cell[3], number);
    String target = read == Read.AS || read == Read.VIEW ? cell[3].split(" ")[1] : "";
    if (number != CsrRow.HIDDEN && extensions.isEmpty() != (read == Read.ABSENT)) {
      throw new IllegalArgumentException("a register needs an extension, and only a register does");
    }
    Write write = write(cell[4], read, number);
    List<String> with = with(cell[6]);
    CsrRow row =
        new CsrRow(
            name.stem,
            number,
            name.first,
            name.count,
            name.step,
            extensions,
            reset,
            read,
            write,
            target,
            cell[5].isEmpty() ? List.of() : List.of(cell[5].split(", *")),
            with.get(0),
            with.get(1),
            !with.get(2).isEmpty(),
            new ArrayList<>(),
            file + ":" + line);
    if ((read == Read.WORD || write == Write.WORD) && reset.isEmpty()) {
      throw new IllegalArgumentException("a word has a value after reset");
    }
    put(row);
    return row.name(0);
  }

  /** The guest's register, the field of mstateen0, and "vcpu" where it says so. */
  private static List<String> with(String cell) {
    String guest = "";
    String stateen = "";
    String vcpu = "";
    for (String word : cell.isEmpty() ? new String[0] : cell.split(", *")) {
      if (word.startsWith("V=1 ")) {
        guest = word.substring(4).strip();
      } else if (word.startsWith("stateen ")) {
        stateen = word.substring(8).strip();
      } else if (word.equals("vcpu")) {
        vcpu = word;
      } else {
        throw new IllegalArgumentException(
            "'" + word + "' is neither V=1 and a name, stateen and a field, nor vcpu");
      }
    }
    return List.of(guest, stateen, vcpu);
  }

  private void put(CsrRow row) {
    if (rows.put(row.name(0), row) != null) {
      throw new IllegalArgumentException(row.name(0) + " is already defined");
    }
    for (int i = 0; i < row.count() && row.isCsr(); i++) {
      String same = numbers.put(row.number(i), row.name(i));
      if (same != null || row.number(i) > 0xfff) {
        throw new IllegalArgumentException(
            same == null ? "the numbers of CSRs end at 0xfff" : "the number is " + same + "'s");
      }
    }
  }

  private static int number(String text) {
    if (!text.matches("0x[0-9a-f]{3}")) {
      throw new IllegalArgumentException("'" + text + "' is no number of a CSR, such as 0x1f4");
    }
    return Integer.decode(text);
  }

  private static Read read(String text, int number) {
    return switch (text.split(" ", 2)[0]) {
      case "word" -> Read.WORD;
      case "call" -> Read.CALL;
      case "zero" -> Read.ZERO;
      case "as" -> Read.AS;
      case "view" -> Read.VIEW;
      case "" -> number == CsrRow.HIDDEN ? Read.WORD : Read.ABSENT;
      default -> throw new IllegalArgumentException("'" + text + "' says not where to read");
    };
  }

  private static Write write(String text, Read read, int number) {
    boolean readOnly = number != CsrRow.HIDDEN && number >>> 10 == 3;
    Write write =
        switch (text) {
          case "word" -> Write.WORD;
          case "fields" -> Write.FIELDS;
          case "call" -> Write.CALL;
          case "view" -> Write.VIEW;
          case "none" -> Write.NONE;
          case "" -> read == Read.AS && !readOnly ? Write.AS : Write.NONE;
          default -> throw new IllegalArgumentException("'" + text + "' says not what to write");
        };
    boolean silent =
        read == Read.ZERO
            || read == Read.AS
            || read == Read.ABSENT
            || readOnly
            || number == CsrRow.HIDDEN;
    if (text.isEmpty() && !silent || readOnly && write != Write.NONE) {
      throw new IllegalArgumentException(
          readOnly ? "its number is that of a read-only register" : "what does a write do?");
    }
    return write;
  }

  /** ".sie 1 .cbie 5:4 not 2 Zicbom .sd 63 ro". */
  private void addFields(String name, String text) {
    CsrRow row = rows.get(name);
    if (row == null) {
      throw new IllegalArgumentException("fields of no row");
    }
    for (String part : text.substring(1).split(" \\.")) {
      String[] words = part.strip().split(" +");
      if (words.length < 2 || !words[1].matches("\\d+(:\\d+)?")) {
        throw new IllegalArgumentException("'." + part + "' is not a name and bits, such as 5:4");
      }
      String[] bits = words[1].split(":");
      int high = Integer.parseInt(bits[0]);
      int low = Integer.parseInt(bits[bits.length - 1]);
      if (high > 63 || low > high) {
        throw new IllegalArgumentException(words[1] + " are no bits of a register");
      }
      boolean readOnly = false;
      List<Integer> not = new ArrayList<>();
      List<Extension> needs = new ArrayList<>();
      boolean values = false;
      for (String word : Arrays.asList(words).subList(2, words.length)) {
        if (word.equals("ro")) {
          readOnly = true;
        } else if (word.equals("not")) {
          values = true;
        } else if (values && word.matches("\\d+")) {
          not.add(Integer.valueOf(word));
        } else {
          needs.add(Extension.named(word));
        }
      }
      CsrField field =
          new CsrField(words[0].toLowerCase(Locale.ROOT), high, low, readOnly, not, needs);
      if ((row.mask(true) & field.mask()) != 0) {
        throw new IllegalArgumentException("." + field.name() + " overlaps another field");
      }
      row.fields().add(field);
    }
  }

  /** "pmpcfg0..2/2": a name, or those of a family. */
  private record Name(String stem, int first, int count, int step) {
    static Name parse(String text) {
      if (text.matches("[a-z][a-z0-9-]*")) {
        return new Name(text, CsrRow.SINGLE, 1, 1);
      }
      String[] parts = text.split("\\.\\.|/");
      if (!text.matches("[a-z-]+\\d+\\.\\.\\d+(/\\d)?")) {
        throw new IllegalArgumentException("'" + text + "' is no name");
      }
      String stem = parts[0].replaceFirst("\\d+$", "");
      int first = Integer.parseInt(parts[0].substring(stem.length()));
      int step = parts.length > 2 ? Integer.parseInt(parts[2]) : 1;
      int count = (Integer.parseInt(parts[1]) - first) / step + 1;
      if (count < 1) {
        throw new IllegalArgumentException("'" + text + "' is empty");
      }
      return new Name(stem, first, count, step);
    }
  }
}
