package org.duvisor.machine;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.duvisor.isa.InstructionSet;
import org.duvisor.isa.codegen.SemanticsResolver;
import org.junit.jupiter.api.Test;

/** Every row of the instruction tables has its method. */
class SemanticsTest {
  @Test
  void everyInstructionHasItsSemantics() {
    assertEquals(
        List.of(),
        SemanticsResolver.problems(InstructionSet.standard(), Hart.class.getClassLoader()));
  }
}
