package org.duvisor.isa.codegen;

import static org.duvisor.isa.codegen.Source.method;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.duvisor.isa.CsrField;
import org.duvisor.isa.CsrRow;
import org.duvisor.isa.CsrRow.Write;
import org.duvisor.isa.CsrTable;
import org.duvisor.isa.Extension;
import org.jspecify.annotations.Nullable;

/**
 * Emits what the machine needs of the tables of CSRs: {@code HartState}, the words of a hart's
 * state in one block of memory, and {@code CsrRegisters}, how each CSR is read and written.
 */
public final class HartStateGenerator {
  private static final String PACKAGE = "org.duvisor.machine";

  private final Source out = new Source();
  private final CsrTable table;
  private final Map<String, CsrRow> byName = new LinkedHashMap<>();

  private HartStateGenerator(CsrTable table) {
    this.table = table;
    for (CsrRow row : table.rows()) {
      byName.put(row.name(0), row);
    }
  }

  /**
   * Writes both classes below the directory given as the only argument.
   *
   * @throws IOException when the directory cannot be written
   */
  public static void main(String[] args) throws IOException {
    if (args.length != 1) {
      throw new IllegalArgumentException("usage: HartStateGenerator <output directory>");
    }
    CsrTable table = standard();
    Path directory = Path.of(args[0]);
    Source.write(directory, PACKAGE + ".HartState", state(table));
    Source.write(directory, PACKAGE + ".CsrRegisters", registers(table));
  }

  /** The tables of this module. */
  public static CsrTable standard() throws IOException {
    CsrTable table = new CsrTable();
    for (String file : CsrTable.FILES) {
      try (InputStream in = CsrTable.class.getResourceAsStream("csrs/" + file)) {
        if (in == null) {
          throw new IllegalStateException("the table " + file + " is missing from the isa module");
        }
        table.add(file, new String(in.readAllBytes(), StandardCharsets.UTF_8));
      }
    }
    return table.check();
  }

  // ---- the block

  /** The source of HartState. */
  public static String state(CsrTable table) {
    return new HartStateGenerator(table).emitState();
  }

  private String emitState() {
    out.line(0, "package " + PACKAGE + ";");
    out.line(0, "");
    out.line(0, "import java.lang.foreign.MemorySegment;");
    out.line(0, "import org.duvisor.machine.mem.Raw;");
    out.line(0, "");
    out.line(0, "/**");
    out.line(
        0, " * The state of a hart that has a word in a table, in one block of host memory: saved");
    out.line(0, " * and compared as bytes. Constants are displacements in bytes. Generated from");
    out.line(0, " * csrs/*.csr of the isa module.");
    out.line(0, " */");
    out.line(0, "public final class HartState {");
    int offset = 0;
    for (CsrRow row : words()) {
      out.line(1, "public static final int " + Source.constant(row.name()) + " = " + offset + ";");
      offset += 8 * row.count();
    }
    out.line(0, "");
    out.line(1, "/** Bytes of the block. */");
    out.line(1, "public static final int BYTES = " + offset + ";");
    out.line(0, "");
    out.line(
        1,
        "private final MemorySegment memory = Raw.allocate(BYTES + OwnWords.BYTES).asSlice(0,"
            + " BYTES);");
    out.line(1, "private final long base = memory.address();");
    out.line(0, "");
    out.line(1, "HartState() {}");
    out.line(0, "");
    out.line(1, "long word(int offset) {");
    out.line(2, "return Raw.word(base + offset);");
    out.line(1, "}");
    out.line(0, "");
    out.line(1, "void word(int offset, long value) {");
    out.line(2, "Raw.word(base + offset, value);");
    out.line(1, "}");
    out.line(0, "");
    out.line(1, "/** The block; alive as long as this is. */");
    out.line(1, "public MemorySegment memory() {");
    out.line(2, "return memory;");
    out.line(1, "}");
    for (CsrRow row : words()) {
      emitAccessors(row);
    }
    out.line(0, "");
    out.line(1, "/** Writes the value after reset to all words. */");
    out.line(1, "void reset() {");
    out.line(2, "memory.fill((byte) 0);");
    for (CsrRow row : words()) {
      long reset = Long.decode(row.reset());
      for (int i = 0; reset != 0 && i < row.count(); i++) {
        out.line(
            2,
            method(row.name()) + "(" + (row.isFamily() ? i + ", " : "") + Source.hex(reset) + ");");
      }
    }
    out.line(1, "}");
    out.line(0, "}");
    return out.text();
  }

  private List<CsrRow> words() {
    List<CsrRow> words = new ArrayList<>();
    for (CsrRow row : table.rows()) {
      if (row.hasWord()) {
        words.add(row);
      }
    }
    return words;
  }

  private void emitAccessors(CsrRow row) {
    String name = method(row.name());
    String index = row.isFamily() ? "int i" : "";
    String at = "base + " + Source.constant(row.name()) + (row.isFamily() ? " + 8 * i" : "");
    out.line(0, "");
    out.line(1, "long " + name + "(" + index + ") {");
    out.line(2, "return Raw.word(" + at + ");");
    out.line(1, "}");
    out.line(0, "");
    out.line(1, "void " + name + "(" + (row.isFamily() ? "int i, " : "") + "long value) {");
    out.line(2, "Raw.word(" + at + ", value);");
    out.line(1, "}");
  }

  // ---- the registers

  /** The source of CsrRegisters. */
  public static String registers(CsrTable table) {
    return new HartStateGenerator(table).emitRegisters();
  }

  private String emitRegisters() {
    out.line(0, "package " + PACKAGE + ";");
    out.line(0, "");
    out.line(0, "import java.lang.foreign.MemorySegment;");
    out.line(0, "import java.lang.foreign.ValueLayout;");
    out.line(0, "import java.util.Arrays;");
    out.line(0, "import org.duvisor.isa.Csr;");
    out.line(0, "import org.duvisor.isa.Extension;");
    out.line(0, "import org.duvisor.isa.Extensions;");
    out.line(0, "import org.jspecify.annotations.Nullable;");
    out.line(0, "");
    out.line(0, "/**");
    out.line(
        0,
        " * How each CSR is read and written, for accesses that have been checked, and which"
            + " there");
    out.line(0, " * are. Generated from csrs/*.csr of the isa module.");
    out.line(0, " */");
    out.line(0, "final class CsrRegisters {");
    out.line(1, "/** In {@link #presence}: there is such a register. */");
    out.line(1, "static final byte PRESENT = 1;");
    out.line(0, "");
    out.line(1, "/** It is one of DV-ext. */");
    out.line(1, "static final byte DELEGATED = 2;");
    out.line(0, "");
    out.line(1, "/** It is one of AIA. */");
    out.line(1, "static final byte AIA = 4;");
    out.line(0, "");
    out.line(1, "/** Levels below M need a field of mstateen for it. */");
    out.line(1, "static final byte GUARDED = 8;");
    out.line(0, "");
    out.line(1, "private final CsrFile c;");
    out.line(1, "private final HartState s;");
    out.line(0, "");
    out.line(1, "/** Not null where its registers are present. */");
    out.line(1, "private final @Nullable Aia a;");
    for (CsrRow row : conditional()) {
      out.line(1, "private final long " + maskName(row) + ";");
    }
    out.line(0, "");
    out.line(1, "CsrRegisters(CsrFile c, HartState s, @Nullable Aia a, Extensions x) {");
    out.line(2, "this.c = c;");
    out.line(2, "this.s = s;");
    out.line(2, "this.a = a;");
    for (CsrRow row : conditional()) {
      out.line(2, maskName(row) + " = " + maskExpression(row) + ";");
    }
    out.line(1, "}");
    emitMasks();
    emitPresence();
    emitGuest();
    emitStateen();
    emitWords();
    emitCheck();
    emitRead();
    emitWrite();
    out.line(0, "");
    out.line(1, "/** The value written, or the field as it was when the value is not for it. */");
    out.line(1, "private static long keep(long value, long old, long field, long illegal) {");
    out.line(2, "return (value & field) == illegal ? value & ~field | old & field : value;");
    out.line(1, "}");
    out.line(0, "}");
    return out.text();
  }

  /** Rows with fields that some harts do not have. */
  private List<CsrRow> conditional() {
    List<CsrRow> rows = new ArrayList<>();
    for (CsrRow row : table.rows()) {
      for (CsrField f : row.fields()) {
        if (!f.extension().isEmpty() && !rows.contains(row)) {
          rows.add(row);
        }
      }
    }
    return rows;
  }

  private static String maskName(CsrRow row) {
    return method(row.name()) + "Mask";
  }

  private static String maskExpression(CsrRow row) {
    long always = 0;
    StringBuilder more = new StringBuilder();
    for (CsrField f : row.fields()) {
      if (f.readOnly()) {
        continue;
      }
      if (f.extension().isEmpty()) {
        always |= f.mask();
        continue;
      }
      more.append(" | (" + has(f.extension()) + " ? " + Source.hex(f.mask()) + " : 0)");
    }
    return Source.hex(always) + more;
  }

  /** Whether a hart has all of these, as an expression. */
  private static String has(List<Extension> all) {
    List<String> each = new ArrayList<>();
    for (Extension e : all) {
      each.add("x.has(Extension." + e.name() + ")");
    }
    return String.join(" && ", each);
  }

  /** The writable bits of a row, as an expression. */
  private String mask(CsrRow row) {
    return conditional().contains(row) ? maskName(row) : Source.hex(row.mask(false));
  }

  private void emitMasks() {
    for (CsrRow row : table.rows()) {
      if (conditional().contains(row) || row.write() == Write.CALL && !row.fields().isEmpty()) {
        out.line(0, "");
        out.line(1, "/** The writable bits of " + row.name() + " on this hart. */");
        out.line(1, "long " + maskName(row) + "() {");
        out.line(2, "return " + mask(row) + ";");
        out.line(1, "}");
      }
      if (row.write() == Write.CALL
          && row.hasWord()
          && !row.isFamily()
          && !row.fields().isEmpty()) {
        out.line(0, "");
        out.line(
            1, "/** What becomes of a value that is written to " + row.name() + ", by its row. */");
        out.line(1, "long " + method("legal", row.name()) + "(long value) {");
        out.line(2, "return " + fieldsExpression(row, row, row) + ";");
        out.line(1, "}");
      }
    }
    out.line(0, "");
    out.line(1, "/** Writes the value after reset to all words of the block. */");
    out.line(1, "void reset() {");
    out.line(2, "s.reset();");
    for (CsrRow row : conditional()) {
      if (row.hasWord() && (Long.decode(row.reset()) & row.mask(false)) != 0) {
        String name = method(row.name());
        out.line(2, "s.%s(s.%s() & %s);".formatted(name, name, mask(row)));
      }
    }
    out.line(1, "}");
  }

  private void emitPresence() {
    out.line(0, "");
    out.line(1, "/** What there is under each number on a hart with these extensions. */");
    out.line(1, "static byte[] presence(Extensions x) {");
    out.line(2, "byte[] all = new byte[4096];");
    Map<List<Extension>, List<CsrRow>> groups = new LinkedHashMap<>();
    for (CsrRow row : table.rows()) {
      if (row.isCsr() && row.exists()) {
        groups.computeIfAbsent(row.extensions(), e -> new ArrayList<>()).add(row);
      }
    }
    for (Map.Entry<List<Extension>, List<CsrRow>> group : groups.entrySet()) {
      int kind = 1;
      kind |= group.getKey().contains(Extension.XDV) ? 2 : 0;
      kind |= group.getKey().contains(Extension.SMAIA) ? 4 : 0;
      out.line(2, "if (" + has(group.getKey()) + ") {");
      for (CsrRow row : group.getValue()) {
        out.line(
            3,
            "put(all, %d, 0x%03x, %d, %d);"
                .formatted(
                    row.stateen().isEmpty() ? kind : kind | 8,
                    row.number(),
                    row.count(),
                    row.step()));
      }
      out.line(2, "}");
    }
    out.line(2, "return all;");
    out.line(1, "}");
    out.line(0, "");
    out.line(1, "private static void put(byte[] all, int kind, int number, int count, int step) {");
    out.line(2, "for (int i = 0; i < count; i++) {");
    out.line(3, "all[number + i * step] = (byte) kind;");
    out.line(2, "}");
    out.line(1, "}");
  }

  private void emitGuest() {
    out.line(0, "");
    out.line(1, "/** The register that a number of a supervisor CSR means in V=1. */");
    out.line(1, "static int guest(int csr) {");
    out.line(2, "return switch (csr) {");
    for (CsrRow row : table.rows()) {
      if (!row.guest().isEmpty()) {
        out.line(3, "case %s -> %s;".formatted(csr(row), csr(byName.get(row.guest()))));
      }
    }
    out.line(3, "default -> csr;");
    out.line(2, "};");
    out.line(1, "}");
  }

  private void emitStateen() {
    out.line(0, "");
    out.line(1, "/** The field of mstateen that guards a register. */");
    out.line(1, "static long stateen(int csr) {");
    out.line(2, "return switch (csr) {");
    for (CsrRow row : table.rows()) {
      if (!row.stateen().isEmpty()) {
        String field = "Csr.MSTATEEN0_" + row.stateen().toUpperCase(Locale.ROOT);
        out.line(3, "case %s -> %s;".formatted(String.join(", ", labels(row)), field));
      }
    }
    out.line(3, "default -> 0;");
    out.line(2, "};");
    out.line(1, "}");
  }

  private List<CsrRow> atLevel(int level) {
    List<CsrRow> rows = new ArrayList<>();
    for (CsrRow row : table.rows()) {
      if (row.isCsr() && row.exists() && (row.number() >>> 8 & 3) == level) {
        rows.add(row);
      }
    }
    return rows;
  }

  // ---- reads and writes: of most registers a word is loaded and stored, as two tables say

  /** The word that a read of this row yields as it is, under its own name or another; or null. */
  private @Nullable CsrRow loaded(CsrRow row) {
    return switch (row.read()) {
      case WORD -> row;
      case AS -> loaded(byName.get(row.target()));
      case CALL, VIEW, ZERO, ABSENT -> null;
    };
  }

  /** The word that a write of this row replaces but for bits that are always 0; or null. */
  private @Nullable CsrRow stored(CsrRow row) {
    CsrRow meant = row.write() == Write.AS ? byName.get(row.target()) : row;
    boolean plain =
        meant.write() == Write.WORD
            || meant.write() == Write.FIELDS
                && isWhole(meant, meant)
                && !conditional().contains(meant)
                && meant.fields().stream().allMatch(f -> f.not().isEmpty());
    return plain && meant.then().isEmpty() ? meant : null;
  }

  private void emitWords() {
    out.line(0, "");
    out.line(1, "/** Where the word is that is the value of a register, or -1. */");
    out.line(1, "private static final short[] LOADS = new short[4096];");
    out.line(0, "");
    out.line(1, "/** Where the word is that a written value replaces, or -1. */");
    out.line(1, "private static final short[] STORES = new short[4096];");
    out.line(0, "");
    out.line(1, "/** By word: which bits of a written value it takes. */");
    out.line(1, "private static final long[] TAKES = new long[HartState.BYTES >> 3];");
    out.line(0, "");
    out.line(1, "static {");
    out.line(2, "Arrays.fill(LOADS, (short) -1);");
    out.line(2, "Arrays.fill(STORES, (short) -1);");
    for (CsrRow row : table.rows()) {
      if (!row.isCsr() || !row.exists()) {
        continue;
      }
      CsrRow loaded = loaded(row);
      if (loaded != null) {
        out.line(2, "put(LOADS, " + words(row, loaded) + ");");
      }
      CsrRow stored = stored(row);
      if (stored != null) {
        out.line(2, "put(STORES, " + words(row, stored) + ");");
        if (stored == row) {
          boolean all = row.write() == Write.WORD;
          String takes = all ? "-1L" : Source.hex(row.mask(false));
          for (int i = 0; i < row.count(); i++) {
            String index = "(HartState.%s >> 3)".formatted(Source.constant(row.name()));
            out.line(2, "TAKES[%s] = %s;".formatted(i == 0 ? index : index + " + " + i, takes));
          }
        }
      }
    }
    out.line(1, "}");
    out.line(0, "");
    out.line(1, "private static void put(short[] all, int csr, int word, int count, int step) {");
    out.line(2, "for (int i = 0; i < count; i++) {");
    out.line(3, "all[csr + i * step] = (short) (word + 8 * i);");
    out.line(2, "}");
    out.line(1, "}");
  }

  /** Registers whose words are theirs alone, and what a write of them would make of a value. */
  private void emitCheck() {
    out.line(0, "");
    out.line(1, "/** Registers with a word that a write of them checks, each with its word. */");
    out.line(1, "private static final short[] CHECKED = {");
    for (CsrRow row : table.rows()) {
      boolean checked =
          row.write() == Write.WORD
              || row.write() == Write.FIELDS
              || row.write() == Write.CALL && row.read() == CsrRow.Read.WORD;
      for (int i = 0; row.isCsr() && row.hasWord() && checked && i < row.count(); i++) {
        out.line(
            2,
            "0x%03x, HartState.%s + %d,"
                .formatted(row.number(i), Source.constant(row.name()), 8 * i));
      }
    }
    out.line(1, "};");
    out.line(0, "");
    out.line(1, "/**");
    out.line(
        1, " * The name of a register that could not have come to its word here, or null. The");
    out.line(
        1, " * block has the values after reset before, and nothing that is of use afterwards.");
    out.line(1, " */");
    out.line(1, "@Nullable String check(MemorySegment words, byte[] presence) {");
    out.line(2, "for (int i = 0; i < CHECKED.length; i += 2) {");
    out.line(3, "int csr = CHECKED[i];");
    out.line(3, "int word = CHECKED[i + 1];");
    out.line(3, "long value = words.get(ValueLayout.JAVA_LONG_UNALIGNED, word);");
    out.line(3, "if (presence[csr] != 0) {");
    out.line(4, "write(csr, value);");
    out.line(3, "}");
    out.line(3, "if (s.word(word) != value) {");
    out.line(4, "return Csr.name(csr);");
    out.line(3, "}");
    out.line(2, "}");
    out.line(2, "return null;");
    out.line(1, "}");
  }

  private static String words(CsrRow row, CsrRow word) {
    return "%s, HartState.%s, %d, %d"
        .formatted(csr(row), Source.constant(word.name()), row.count(), row.step());
  }

  // Methods of moderate size, one a level: HotSpot compiles no huge ones.
  private static final String[] LEVELS = {"User", "Supervisor", "Hypervisor", "Machine"};

  /** The cases that call the method of each level. */
  private void emitLevels(String prefix, String arguments) {
    for (int level = 0; level < 4; level++) {
      String label = level == 3 ? "default" : "case " + level;
      out.line(3, label + " -> " + prefix + LEVELS[level] + "(" + arguments + ");");
    }
  }

  private void emitRead() {
    out.line(0, "");
    out.line(1, "/** Reads a register. */");
    out.line(1, "long read(int csr) {");
    out.line(2, "int word = LOADS[csr];");
    out.line(2, "return word >= 0 ? s.word(word) : readOther(csr);");
    out.line(1, "}");
    out.line(0, "");
    out.line(1, "private long readOther(int csr) {");
    out.line(2, "return switch (csr >>> 8 & 3) {");
    emitLevels("read", "csr");
    out.line(2, "};");
    out.line(1, "}");
    for (int level = 0; level < 4; level++) {
      out.line(0, "");
      out.line(1, "private long read" + LEVELS[level] + "(int csr) {");
      out.line(2, "return switch (csr) {");
      Map<String, List<String>> cases = new LinkedHashMap<>();
      for (CsrRow row : atLevel(level)) {
        if (loaded(row) != null) {
          continue;
        }
        cases.computeIfAbsent(readExpression(row, row), e -> new ArrayList<>()).addAll(labels(row));
      }
      for (Map.Entry<String, List<String>> e : cases.entrySet()) {
        out.line(3, "case " + String.join(", ", e.getValue()) + " -> " + e.getKey() + ";");
      }
      out.line(3, "default -> throw new IllegalArgumentException(Csr.name(csr));");
      out.line(2, "};");
      out.line(1, "}");
    }
  }

  /** The value of a row, read under the number of a row that may be another name of it. */
  private String readExpression(CsrRow row, CsrRow number) {
    return switch (row.read()) {
      case WORD -> word(row, number);
      case CALL -> owner(row) + method("read", row.name()) + "(" + index(number) + ")";
      case AS -> readExpression(byName.get(row.target()), number);
      case VIEW ->
          readExpression(byName.get(row.target()), number) + " & " + Source.hex(row.mask(true));
      case ZERO, ABSENT -> "0";
    };
  }

  private static String word(CsrRow row, CsrRow number) {
    return "s." + method(row.name()) + "(" + index(number) + ")";
  }

  /** The index of a member as a first argument, of a family. */
  private static String at(CsrRow number) {
    return number.isFamily() ? index(number) + ", " : "";
  }

  /** Whose method it is. */
  private static String owner(CsrRow row) {
    return row.extensions().contains(Extension.SMAIA) ? "a." : "c.";
  }

  private static String index(CsrRow row) {
    return !row.isFamily()
        ? ""
        : "csr - "
            + csr(row)
            + (row.step() == 1 ? "" : " >> " + Integer.numberOfTrailingZeros(row.step()));
  }

  private void emitWrite() {
    out.line(0, "");
    out.line(1, "/** Writes a register, and does what follows from it. */");
    out.line(1, "void write(int csr, long value) {");
    out.line(2, "int word = STORES[csr];");
    out.line(2, "if (word >= 0) {");
    out.line(3, "s.word(word, value & TAKES[word >> 3]);");
    out.line(2, "} else {");
    out.line(3, "writeOther(csr, value);");
    out.line(2, "}");
    out.line(1, "}");
    out.line(0, "");
    out.line(1, "private void writeOther(int csr, long value) {");
    out.line(2, "switch (csr >>> 8 & 3) {");
    emitLevels("write", "csr, value");
    out.line(2, "}");
    out.line(1, "}");
    for (int level = 0; level < 4; level++) {
      out.line(0, "");
      out.line(1, "private void write" + LEVELS[level] + "(int csr, long value) {");
      out.line(2, "switch (csr) {");
      List<String> ignored = new ArrayList<>();
      for (CsrRow row : atLevel(level)) {
        CsrRow meant = row.write() == Write.AS ? byName.get(row.target()) : row;
        if (stored(row) != null) {
          continue;
        }
        if (meant.write() == Write.NONE) {
          ignored.addAll(labels(row));
        } else {
          emitWrite(row, meant);
        }
      }
      out.line(3, "case " + String.join(", ", ignored) + " -> {}");
      out.line(3, "default -> throw new IllegalArgumentException(Csr.name(csr));");
      out.line(2, "}");
      out.line(1, "}");
    }
  }

  private void emitWrite(CsrRow row, CsrRow meant) {
    List<String> steps = new ArrayList<>();
    String name = method(meant.name());
    switch (meant.write()) {
      case WORD -> steps.add("s." + name + "(" + at(row) + "value)");
      case FIELDS ->
          steps.add("s." + name + "(" + at(row) + fieldsExpression(meant, meant, row) + ")");
      case VIEW -> {
        CsrRow word = byName.get(meant.target());
        steps.add("s." + method(word.name()) + "(" + fieldsExpression(meant, word, row) + ")");
      }
      case CALL ->
          steps.add(owner(meant) + method("write", meant.name()) + "(" + at(row) + "value)");
      case AS, NONE -> throw new IllegalStateException(meant.place());
    }
    for (String verb : meant.then()) {
      steps.add("c." + method(verb) + "()");
    }
    String label = "case " + String.join(", ", labels(row)) + " -> ";
    if (steps.size() == 1) {
      out.line(3, label + steps.getFirst() + ";");
      return;
    }
    out.line(3, label + "{");
    for (String step : steps) {
      out.line(4, step + ";");
    }
    out.line(3, "}");
  }

  /** The new value of a word, given the fields that a row shows of it. */
  private String fieldsExpression(CsrRow row, CsrRow word, CsrRow number) {
    String old = word(word, number);
    String value = "value";
    for (CsrField f : row.fields()) {
      for (int illegal : f.not()) {
        value =
            "keep(%s, %s, %s, %s)"
                .formatted(value, old, Source.hex(f.mask()), Source.hex((long) illegal << f.low()));
      }
    }
    String mask = mask(row);
    return isWhole(row, word)
        ? value + " & " + mask
        : "%s & ~%s | %s & %s".formatted(old, mask, value, mask);
  }

  /** Whether what these fields do not name of the word is 0. */
  private static boolean isWhole(CsrRow row, CsrRow word) {
    return row == word && (Long.decode(row.reset()) & ~row.mask(false)) == 0;
  }

  private static List<String> labels(CsrRow row) {
    List<String> labels = new ArrayList<>();
    for (int i = 0; i < row.count(); i++) {
      labels.add(i == 0 ? csr(row) : "0x%03x".formatted(row.number(i)));
    }
    return labels;
  }

  private static String csr(CsrRow row) {
    return "Csr." + row.name(0).toUpperCase(Locale.ROOT);
  }
}
