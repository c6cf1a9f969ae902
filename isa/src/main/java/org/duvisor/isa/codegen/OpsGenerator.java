package org.duvisor.isa.codegen;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.duvisor.isa.Instruction;
import org.duvisor.isa.InstructionSet;
import org.duvisor.isa.Semantics;
import org.duvisor.isa.Semantics.Argument;
import org.duvisor.isa.Semantics.Kind;
import org.duvisor.isa.Semantics.Result;

/**
 * Emits org.duvisor.machine.interp.Ops: one class an instruction, which keeps the decoded operands
 * in final fields and calls the semantics method. Compressed instructions have none, they are
 * decoded as their expansions.
 */
public final class OpsGenerator {
  private final Source out = new Source();

  private OpsGenerator() {}

  /**
   * Writes the source below the directory given as the only argument.
   *
   * @throws IOException when the directory cannot be written
   */
  public static void main(String[] args) throws IOException {
    if (args.length != 1) {
      throw new IllegalArgumentException("usage: OpsGenerator <output directory>");
    }
    String source = source(InstructionSet.standard());
    Source.write(Path.of(args[0]), "org.duvisor.machine.interp.Ops", source);
  }

  /** The source of the class Ops for a set of instructions. */
  public static String source(InstructionSet set) {
    List<Instruction> base = new ArrayList<>();
    for (Instruction i : set.instructions()) {
      if (i.length() == 4) {
        base.add(i);
      }
    }
    return new OpsGenerator().emit(base);
  }

  private String emit(List<Instruction> base) {
    line(0, "package org.duvisor.machine.interp;");
    line(0, "");
    TreeSet<String> imports = new TreeSet<>();
    imports.add("org.duvisor.isa.Decoded");
    imports.add("org.duvisor.machine.Hart");
    for (Instruction i : base) {
      String owner = i.semantics().owner();
      if (!owner.isEmpty()) {
        imports.add(SemanticsResolver.className(owner));
      }
    }
    for (String name : imports) {
      line(0, "import " + name + ";");
    }
    line(0, "");
    line(
        0,
        "/** Generated from the instruction tables of the isa module; one class an instruction."
            + " */");
    line(0, "final class Ops {");
    line(1, "private Ops() {}");
    emitCreate(base);
    for (Instruction i : base) {
      new OpClass(i).emit();
    }
    line(0, "}");
    return out.text();
  }

  /** Instructions in one of the methods that create their ops: HotSpot compiles no huge ones. */
  private static final int GROUP = 64;

  private void emitCreate(List<Instruction> base) {
    int groups = (base.size() + GROUP - 1) / GROUP;
    line(0, "");
    line(
        1,
        "/** The op of a decoded instruction that starts {@code offset} bytes after its block. */");
    line(1, "static Op create(Decoded d, int offset) {");
    line(2, "int id = d.instruction().id();");
    line(2, "return switch (id / " + GROUP + ") {");
    for (int group = 0; group < groups; group++) {
      line(3, "case " + group + " -> create" + group + "(id, d, offset);");
    }
    line(3, "default -> throw new IllegalArgumentException(d.toString());");
    line(2, "};");
    line(1, "}");
    for (int group = 0; group < groups; group++) {
      line(0, "");
      line(1, "private static Op create" + group + "(int id, Decoded d, int offset) {");
      line(2, "return switch (id) {");
      int end = Math.min(base.size(), (group + 1) * GROUP);
      for (Instruction i : base.subList(group * GROUP, end)) {
        line(3, "case " + i.id() + " -> " + className(i) + ".of(d, offset);");
      }
      line(3, "default -> throw new IllegalArgumentException(d.toString());");
      line(2, "};");
      line(1, "}");
    }
  }

  /** "add.uw" becomes "AddUw". */
  static String className(Instruction i) {
    StringBuilder name = new StringBuilder();
    boolean upper = true;
    for (char c : i.mnemonic().toCharArray()) {
      if (c == '.') {
        upper = true;
      } else {
        name.append(upper ? Character.toUpperCase(c) : c);
        upper = false;
      }
    }
    return name.toString();
  }

  private void line(int depth, String text) {
    out.line(depth, text);
  }

  /** Emits the class of one instruction. */
  private final class OpClass {
    private final Instruction instruction;
    private final Semantics semantics;
    private final String name;

    /** Fields in order: declaration ("int rd") to initial value. */
    private final Map<String, String> fields = new LinkedHashMap<>();

    OpClass(Instruction instruction) {
      this.instruction = instruction;
      this.semantics = instruction.semantics();
      this.name = className(instruction);
      collectFields();
    }

    private void collectFields() {
      if (semantics.result() == Result.RD || semantics.kind() == Kind.LINK) {
        fields.put("int rd", "d.rd() == 0 ? 32 : d.rd()");
      } else if (semantics.result() == Result.FRD) {
        fields.put("int rd", "d.rd()");
      }
      for (Argument a : semantics.arguments()) {
        switch (a) {
          case HART, FCSR, PC, NEXT -> {}
          case RS1, FRS1 -> fields.put("int rs1", "d.rs1()");
          case RS2, FRS2 -> fields.put("int rs2", "d.rs2()");
          case RD -> fields.put("int old", "d.rd()"); // rd itself is another one for x0
          case FRS3 -> fields.put("int rs3", "d.rs3()");
          case IMM -> fields.put("long imm", "d.imm()");
          case RM -> fields.put("int rm", "d.rm()");
          case CSR -> fields.put("int csr", "d.csr()");
          case ZIMM -> fields.put("int zimm", "d.zimm()");
          case RDN -> fields.put("int rdn", "d.rd()");
          case RS1N -> fields.put("int rs1n", "d.rs1()");
          case RS2N -> fields.put("int rs2n", "d.rs2()");
          case INSN -> fields.put("int insn", "d.bits()");
        }
      }
      if (semantics.kind() == Kind.BRANCH) {
        fields.put("int taken", "offset + (int) d.imm()");
        fields.put("int fall", "offset + d.length()");
      }
    }

    void emit() {
      line(0, "");
      line(1, "/** " + instruction.mnemonic() + " */");
      line(1, "private static final class " + name + " extends Op {");
      for (String field : fields.keySet()) {
        line(2, "private final " + field + ";");
      }
      if (!fields.isEmpty()) {
        line(0, "");
      }
      line(2, "private " + name + "(Decoded d, int offset) {");
      line(3, "super(offset, d.length());");
      fields.forEach(
          (field, value) -> line(3, "this." + field.split(" ", 2)[1] + " = " + value + ";"));
      line(2, "}");
      line(0, "");
      // A factory in the class itself: verifying Ops then loads none of the op classes.
      line(2, "static Op of(Decoded d, int offset) {");
      line(3, "return new " + name + "(d, offset);");
      line(2, "}");
      line(0, "");
      line(2, "@Override");
      line(2, "public void execute(Hart h) {");
      if (instruction.floating()) {
        line(3, "h.useFp();");
      }
      emitBody();
      line(2, "}");
      if (semantics.terminator()) {
        line(0, "");
        line(2, "@Override");
        line(2, "public boolean terminator() {");
        line(3, "return true;");
        line(2, "}");
      }
      line(1, "}");
    }

    private void emitBody() {
      String call = call();
      switch (semantics.kind()) {
        case NOP -> line(3, "// a hint");
        case PLAIN -> line(3, assignment(call));
        case BRANCH -> line(3, "h.pc += " + call + " ? taken : fall;");
        case JUMP -> line(3, "h.pc = " + call + ";");
        case LINK -> {
          line(3, "long target = " + call + ";");
          line(3, "h.x(rd, h.pc + (offset + length));");
          line(3, "h.pc = target;");
        }
        case END -> {
          line(3, assignment(call));
          line(3, "h.pc += offset + length;");
        }
      }
    }

    private String assignment(String call) {
      return switch (semantics.result()) {
        case NONE -> call + ";";
        case RD -> "h.x(rd, " + call + ");";
        case FRD -> "h.f(rd, " + call + ");";
      };
    }

    private String call() {
      StringBuilder call = new StringBuilder();
      call.append(semantics.owner()).append('.').append(semantics.method()).append('(');
      String separator = "";
      for (Argument a : semantics.arguments()) {
        call.append(separator).append(argument(a));
        separator = ", ";
      }
      return call.append(')').toString();
    }

    private String argument(Argument a) {
      return switch (a) {
        case HART -> "h";
        case FCSR -> "h.fcsr";
        case PC -> "h.pc + offset";
        case NEXT -> "h.pc + (offset + length)";
        case RS1 -> "h.x(rs1)";
        case RS2 -> "h.x(rs2)";
        case RD -> "h.x(old)";
        case FRS1 -> "h.f(rs1)";
        case FRS2 -> "h.f(rs2)";
        case FRS3 -> "h.f(rs3)";
        case RM -> "h.roundingMode(rm)";
        case IMM, CSR, ZIMM, RDN, RS1N, RS2N, INSN -> a.text();
      };
    }
  }
}
