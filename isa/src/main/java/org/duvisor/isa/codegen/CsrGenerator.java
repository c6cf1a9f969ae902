package org.duvisor.isa.codegen;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.duvisor.isa.CsrField;
import org.duvisor.isa.CsrRow;
import org.duvisor.isa.CsrTable;

/**
 * Emits {@code org.duvisor.isa.Csr}: numbers, names and fields from the tables of CSRs. It is part
 * of this module's own build, started from its source: nothing that it uses may use Csr.
 */
public final class CsrGenerator {
  /** Families up to this size have a constant for each member, larger ones for the first. */
  private static final int SMALL = 4;

  private final Source out = new Source();

  private CsrGenerator() {}

  /**
   * Writes the source.
   *
   * @param args the folder of the tables, and the directory to write below
   * @throws IOException when a table cannot be read or the directory not be written
   */
  public static void main(String[] args) throws IOException {
    if (args.length != 2) {
      throw new IllegalArgumentException("usage: CsrGenerator <tables> <output directory>");
    }
    CsrTable table = new CsrTable();
    for (String file : CsrTable.FILES) {
      table.add(file, Files.readString(Path.of(args[0], file)));
    }
    Source.write(Path.of(args[1]), "org.duvisor.isa.Csr", source(table.check()));
  }

  /** The source of the class. */
  public static String source(CsrTable table) {
    return new CsrGenerator().emit(table);
  }

  private String emit(CsrTable table) {
    out.line(0, "package org.duvisor.isa;");
    out.line(0, "");
    out.line(0, "import java.util.HashMap;");
    out.line(0, "import java.util.Map;");
    out.line(0, "");
    out.line(0, "/**");
    out.line(
        0, " * CSRs by the names of the specifications, upper case; of large families the first");
    out.line(
        0, " * member, but {@link #name} and {@link #number} know all. Fields are masks, named by");
    out.line(0, " * register and field; {@link CsrField} reads them. Generated from csrs/*.csr.");
    out.line(0, " */");
    out.line(0, "public final class Csr {");
    for (CsrRow row : table.rows()) {
      if (row.isCsr()) {
        emitConstants(row);
      }
    }
    emitNames(table);
    out.line(1, "private Csr() {}");
    out.line(0, "");
    out.line(1, "/** The name of CSR 0..0xfff in lower case, or its number in hexadecimal. */");
    out.line(1, "public static String name(int number) {");
    out.line(2, "String name = Names.NAMES[number & 0xfff];");
    out.line(2, "return name != null ? name : \"0x\".concat(Integer.toHexString(number & 0xfff));");
    out.line(1, "}");
    out.line(0, "");
    out.line(1, "/** The number of a CSR by its lower-case name, -1 when there is none. */");
    out.line(1, "public static int number(String name) {");
    out.line(2, "return Names.NUMBERS.getOrDefault(name, -1);");
    out.line(1, "}");
    out.line(0, "}");
    return out.text();
  }

  private void emitConstants(CsrRow row) {
    int members = row.count() <= SMALL ? row.count() : 1;
    for (int i = 0; i < members; i++) {
      constant("int", row.name(i), row.name(i), "0x%03x".formatted(row.number(i)));
    }
    for (CsrField f : row.fields()) {
      String name = row.name(0) + "_" + f.name();
      constant("long", name, row.name(0) + "." + f.name(), Source.hex(f.mask()));
    }
  }

  private void constant(String type, String name, String what, String value) {
    out.line(1, "/** " + what + " */");
    out.line(1, "public static final %s %s = %s;".formatted(type, Source.constant(name), value));
    out.line(0, "");
  }

  private void emitNames(CsrTable table) {
    out.line(1, "private static final class Names {");
    out.line(2, "static final Map<String, Integer> NUMBERS = HashMap.newHashMap(512);");
    out.line(2, "static final String[] NAMES = new String[4096];");
    out.line(0, "");
    out.line(2, "static {");
    for (CsrRow row : table.rows()) {
      if (row.isCsr() && !row.isFamily()) {
        out.line(3, "put(\"" + row.name() + "\", 0x%03x);".formatted(row.number()));
      } else if (row.isCsr()) {
        out.line(3, "for (int i = 0; i < " + row.count() + "; i++) {");
        String index = row.first() + (row.step() == 1 ? " + i" : " + i * " + row.step());
        String step = row.step() == 1 ? "" : " * " + row.step();
        out.line(
            4,
            "put(\"%s\".concat(Integer.toString(%s)), 0x%03x + i%s);"
                .formatted(row.name(), index, row.number(), step));
        out.line(3, "}");
      }
    }
    out.line(2, "}");
    out.line(0, "");
    out.line(2, "private static void put(String name, int number) {");
    out.line(3, "NUMBERS.put(name, number);");
    out.line(3, "NAMES[number] = name;");
    out.line(2, "}");
    out.line(1, "}");
    out.line(0, "");
  }
}
