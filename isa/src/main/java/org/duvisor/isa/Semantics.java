package org.duvisor.isa;

import java.util.List;
import java.util.Set;

/**
 * What an instruction does, as the name of one static method and how it is called. The grammar is
 * in docs/howto/add-an-instruction.md; the code generator and the translator turn it into code.
 *
 * @param kind how control goes on
 * @param result which register file's rd receives the method's value
 * @param owner simple name of the class with the method ("Alu"), empty for {@link Kind#NOP}
 * @param method the method's name, empty for {@link Kind#NOP}
 * @param arguments what is passed, in order
 */
public record Semantics(
    Kind kind, Result result, String owner, String method, List<Argument> arguments) {
  /** How control goes on after the method. */
  public enum Kind {
    /** The next instruction follows. */
    PLAIN,
    /** Nothing is done. */
    NOP,
    /** A branch to pc+imm when the method says true; ends a block. */
    BRANCH,
    /** The method returns the new pc; ends a block. */
    JUMP,
    /**
     * The method returns the new pc, then rd receives the address of the next instruction; ends a
     * block.
     */
    LINK,
    /**
     * The next instruction follows, but state may have changed that translations depend on; ends a
     * block.
     */
    END
  }

  /** The destination of the method's value. */
  public enum Result {
    /** The method returns void, or its value is a pc or a condition. */
    NONE,
    /** Integer register rd. */
    RD,
    /** Floating-point register rd, raw and NaN-boxed. */
    FRD
  }

  /**
   * An argument: the spelling in the tables, and whether its Java type is long, int or an object.
   */
  public enum Argument {
    /** The hart (org.duvisor.machine.Hart). */
    HART("hart", 'H'),
    /** The hart's floating-point control and status register (org.duvisor.machine.fp.Fcsr). */
    FCSR("fcsr", 'C'),
    /** Address of this instruction. */
    PC("pc", 'J'),
    /** Address of the next instruction. */
    NEXT("next", 'J'),
    /** Value of integer register rs1. */
    RS1("rs1", 'J'),
    /** Value of integer register rs2. */
    RS2("rs2", 'J'),
    /** Value of integer register rd before the instruction. */
    RD("rd", 'J'),
    /** Value of floating-point register rs1. */
    FRS1("frs1", 'J'),
    /** Value of floating-point register rs2. */
    FRS2("frs2", 'J'),
    /** Value of floating-point register rs3. */
    FRS3("frs3", 'J'),
    /** The immediate, sign-extended where the format says so. */
    IMM("imm", 'J'),
    /**
     * The rounding mode after resolution of the dynamic one; a reserved mode traps before the call.
     */
    RM("rm", 'I'),
    /** The CSR number. */
    CSR("csr", 'I'),
    /** The 5-bit immediate of the csrr*i instructions. */
    ZIMM("zimm", 'J'),
    /** The number of rd. */
    RDN("rdn", 'I'),
    /** The number of rs1 (the zimm of csrr*i). */
    RS1N("rs1n", 'I'),
    /** The number of rs2. */
    RS2N("rs2n", 'I'),
    /** The raw instruction word; the low 16 bits for a compressed one. */
    INSN("insn", 'I');

    private static final Argument[] ALL = values();
    private final String text;
    private final char type;

    Argument(String text, char type) {
      this.text = text;
      this.type = type;
    }

    /** The spelling in the tables. */
    public String text() {
      return text;
    }

    /** The Java type: J long, I int, H the hart, C the fcsr. */
    public char type() {
      return type;
    }

    static @org.jspecify.annotations.Nullable Argument named(String text) {
      for (Argument a : ALL) {
        if (a.text.equals(text)) {
          return a;
        }
      }
      return null;
    }
  }

  /** No operation. */
  static final Semantics NOP = new Semantics(Kind.NOP, Result.NONE, "", "", List.of());

  /** Whether a block of straight-line code ends here. */
  public boolean terminator() {
    return kind != Kind.PLAIN && kind != Kind.NOP;
  }

  /** Whether it has to do with f registers or fcsr. */
  public boolean floating() {
    return result == Result.FRD || arguments.stream().anyMatch(FLOATING::contains);
  }

  private static final Set<Argument> FLOATING =
      Set.of(Argument.FCSR, Argument.FRS1, Argument.FRS2, Argument.FRS3);

  /**
   * Reads the semantics column of a table.
   *
   * @throws IllegalArgumentException with the reason when the text does not follow the grammar
   */
  static Semantics parse(String text) {
    if (text.equals("nop")) {
      return NOP;
    }
    Kind kind = Kind.PLAIN;
    Result result = Result.NONE;
    String call = text;
    if (call.startsWith("if ")) {
      kind = Kind.BRANCH;
      call = call.substring(3);
    } else if (call.startsWith("link pc = ")) {
      kind = Kind.LINK;
      call = call.substring(10);
    } else if (call.startsWith("pc = ")) {
      kind = Kind.JUMP;
      call = call.substring(5);
    } else {
      if (call.startsWith("end ")) {
        kind = Kind.END;
        call = call.substring(4);
      }
      if (call.startsWith("rd = ")) {
        result = Result.RD;
        call = call.substring(5);
      } else if (call.startsWith("frd = ")) {
        result = Result.FRD;
        call = call.substring(6);
      }
    }
    int dot = call.indexOf('.');
    int open = call.indexOf('(');
    if (dot <= 0 || open < dot + 2 || call.indexOf(')') != call.length() - 1) {
      throw new IllegalArgumentException(
          "semantics are not of the form [if|end|link] [rd|frd|pc =] Class.method(...)");
    }
    return new Semantics(
        kind,
        result,
        identifier(call.substring(0, dot)),
        identifier(call.substring(dot + 1, open)),
        arguments(call, open + 1));
  }

  private static String identifier(String text) {
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (i == 0 ? !Character.isJavaIdentifierStart(c) : !Character.isJavaIdentifierPart(c)) {
        throw new IllegalArgumentException("not an identifier: " + text);
      }
    }
    return text;
  }

  private static List<Argument> arguments(String call, int start) {
    List<Argument> arguments = new java.util.ArrayList<>(4);
    int at = start;
    int end = call.length() - 1;
    while (at < end) {
      int comma = call.indexOf(',', at);
      int stop = comma < 0 ? end : comma;
      String name = call.substring(at, stop).trim();
      Argument argument = Argument.named(name);
      if (argument == null) {
        throw new IllegalArgumentException("unknown argument '" + name + "'");
      }
      arguments.add(argument);
      at = stop + 1;
    }
    return List.copyOf(arguments);
  }
}
