package org.duvisor.isa;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;

import java.util.Random;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;

/** Every row decodes, disassembles and assembles back to itself. */
class RoundTripTest {
  private static final long PC = 0x8000_0000L;

  @Provide
  Arbitrary<Instruction> rows() {
    return Arbitraries.of(InstructionSet.standard().instructions());
  }

  @Property(tries = 4000)
  void exactTextGivesTheSameWord(@ForAll("rows") Instruction row, @ForAll Random random) {
    Integer word = Words.random(row, random);
    if (word != null) {
      check(row, word);
    }
  }

  /** Random choice could miss a row; this does not. */
  @Test
  void everyRowTakesPart() {
    Random random = new Random(7);
    for (Instruction row : InstructionSet.standard().instructions()) {
      int done = 0;
      for (int i = 0; i < 40; i++) {
        Integer word = Words.random(row, random);
        if (word != null) {
          check(row, word);
          done++;
        }
      }
      assertEquals(true, done > 0, row.mnemonic());
    }
  }

  private static void check(Instruction row, int word) {
    String exact = Disassembler.exact(word, PC);
    assertEquals(
        row.mnemonic(), exact.split(" ", -1)[0].replaceFirst("\\.(aq|rl|aqrl)$", ""), exact);
    Assembly assembly = new Assembler(PC).asm(exact);
    assertEquals(row.length(), assembly.bytes().length, exact);
    assertEquals(Integer.toHexString(word), Integer.toHexString(Words.first(assembly)), exact);

    Decoded d = InstructionSet.standard().decoder().decode(word);
    assertNotNull(d, exact);
    String usual = Disassembler.text(word, PC);
    int expanded = Words.first(new Assembler(PC).asm(usual));
    assertEquals(Integer.toHexString(d.expanded()), Integer.toHexString(expanded), usual);
  }

  @Property(tries = 4000)
  void anyWordIsTextThatAssembles(@ForAll int word) {
    String text = Disassembler.exact(word, PC);
    int again = Words.first(new Assembler(PC).asm(text));
    int ours = (word & 3) == 3 ? -1 : 0xffff;
    assertEquals(Integer.toHexString(word & ours), Integer.toHexString(again), text);
  }

  /** Without its fields that a fence ignores, this one is a pause. */
  @Test
  void whatAnInstructionIgnoresIsNotLost() {
    assertEquals(".word 0x0100008f", Disassembler.exact(0x0100008f, PC));
    assertEquals("pause", Disassembler.exact(0x0100000f, PC));
  }
}
