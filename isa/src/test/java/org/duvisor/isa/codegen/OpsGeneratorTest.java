package org.duvisor.isa.codegen;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.duvisor.isa.Instruction;
import org.duvisor.isa.InstructionSet;
import org.junit.jupiter.api.Test;

/**
 * The shape of the generated ops; that they compile is shown by the build of the machine module.
 */
class OpsGeneratorTest {
  private static final String SOURCE = OpsGenerator.source(InstructionSet.standard());

  private static void contains(String text) {
    assertTrue(SOURCE.contains(text), text);
  }

  @Test
  void everyBaseInstructionHasAClassAndACase() {
    for (Instruction i : InstructionSet.standard().instructions()) {
      boolean base = i.length() == 4;
      String name = OpsGenerator.className(i);
      assertEquals(
          base, SOURCE.contains("private static final class " + name + " extends Op {"), name);
      assertEquals(
          base, SOURCE.contains("case " + i.id() + " -> " + name + ".of(d, offset);"), name);
    }
  }

  @Test
  void bodies() {
    contains("      h.x(rd, Alu.add(h.x(rs1), imm));\n");
    contains("      h.x(rd, Alu.add(h.pc + offset, imm));\n");
    contains("      h.pc += Alu.ltu(h.x(rs1), h.x(rs2)) ? taken : fall;\n");
    contains(
        "      long target = Control.jalr(h.x(rs1), imm);\n"
            + "      h.x(rd, h.pc + (offset + length));\n");
    contains("      h.pc = System.ecall(h, h.pc + offset);\n");
    contains("      h.x(rd, Csrs.csrrw(h, csr, h.x(rs1), rdn));\n      h.pc += offset + length;\n");
    contains(
        "      h.useFp();\n"
            + "      h.f(rd, Fp.fadd_s(h.fcsr, h.f(rs1), h.f(rs2), h.roundingMode(rm)));\n");
    contains("      h.useFp();\n      Memory.fsd(h, h.x(rs1), imm, h.f(rs2));\n");
    contains("      this.rd = d.rd() == 0 ? 32 : d.rd();\n");
  }

  @Test
  void missingMethodsAreReportedOneByOne() {
    String row =
        "foo | 0000000 rs2 rs1 000 rd 0110011 | rd, rs1, rs2 | rd = Nowhere.foo(rs1, rs2)\n";
    InstructionSet set = InstructionSet.of("x.isa", "extension XDV\n" + row);
    List<String> problems =
        SemanticsResolver.problems(set, OpsGeneratorTest.class.getClassLoader());
    assertEquals(1, problems.size());
    assertTrue(problems.getFirst().startsWith("foo: "), problems.getFirst());
    assertTrue(
        problems.getFirst().contains("org.duvisor.machine.semantics.Nowhere"), problems.getFirst());
  }
}
