package org.duvisor.isa;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Collections;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The tables load, are free of overlaps, and a malformed row is refused with its file and line. */
class TablesTest {
  private static final String ADD =
      "add | 0000000 rs2 rs1 000 rd 0110011 | rd, rs1, rs2 | rd = Alu.add(rs1, rs2)\n";
  private static final String ORI =
      "ori | imm[11:0] rs1 110 rd 0010011 | rd, rs1, imm | rd = Alu.or(rs1, imm)\n";

  @Test
  void idsAreTheOrderAndBaseInstructionsComeFirst() {
    InstructionSet set = InstructionSet.standard();
    boolean compressed = false;
    for (int id = 0; id < set.instructions().size(); id++) {
      Instruction i = set.instructions().get(id);
      assertEquals(id, i.id());
      assertTrue(!compressed || i.length() == 2, i.mnemonic());
      compressed = i.length() == 2;
      assertSame(i, set.named(i.mnemonic()));
    }
  }

  @Test
  void everyCompressedWordHasAtMostOneRow() {
    for (int word = 0; word < 0x10000; word++) {
      int rows = 0;
      for (Instruction i : InstructionSet.standard().instructions()) {
        rows += i.length() == 2 && i.matches(word) ? 1 : 0;
      }
      assertTrue(rows <= 1, Integer.toHexString(word));
    }
  }

  /**
   * The loader's own check is pairwise too; this one is written against the public view of a row.
   */
  @Test
  void baseInstructionsOverlapOnlyWhereOneRefinesTheOther() {
    for (Instruction a : InstructionSet.standard().instructions()) {
      for (Instruction b : InstructionSet.standard().instructions()) {
        if (a.id() < b.id()
            && b.length() == 4
            && ((a.match() ^ b.match()) & a.mask() & b.mask()) == 0) {
          Instruction refined = a.mask() == (a.mask() & b.mask()) ? a : b;
          assertTrue(Set.of("fence", "ori", "packw").contains(refined.mnemonic()), a + " and " + b);
          int word = a.match() | b.match();
          Decoded d = InstructionSet.standard().decoder().decode(word);
          assertNotNull(d);
          assertSame(refined == a ? b : a, d.instruction());
        }
      }
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      quoteCharacter = '"',
      value = {
        "a | 0000000 rs2 rs1 000 rd 011001 | rd, rs1, rs2 | nop; the pattern has 31 bits",
        "a | 0000000 rs2 rs1 000 rd 0110001 | rd, rs1, rs2 | nop; does not fit the length",
        "a | 0000000 rs2 rs1 000 rd 01100-1 | rd, rs1, rs2 | nop; the opcode is not given",
        "a | 0000000 foo rs1 000 rd 0110011 | rd, rs1 | nop; unknown field 'foo'",
        "a | 0000000 rs1 rs1 000 rd 0110011 | rd, rs1 | nop; two fields for RS1",
        "a | imm[11:6,6:1] rs1 000 rd 0110011 | rd, rs1 | nop; an immediate bit is given twice",
        "a | 0000002 rs2 rs1 000 rd 0110011 | rd, rs1 | nop; is not made of 0, 1 and -",
        "a | 0000000 rs2 rs1 000 rd 0110011 | rd, rs1, rs3 | nop; unknown operand 'rs3'",
        "a | 0000000 rs2 rs1 000 rd 0110011 | rd, rs1, imm | nop; operand imm has no field",
        "a | 0000000 rs2 rs1 000 rd 0110011 | rd, rs1, rs2; a row has 4 or 5 cells",
        "a | 0000000 rs2 rs1 000 rd 0110011 | rd, rs1, rs2 | rd = Alu.a(rs1, imm); argument imm has"
            + " no field",
        "a | 0000000 rs2 rs1 000 rd 0110011 | rd, rs1, rs2 | rd = Alu.a(rs9); unknown argument"
            + " 'rs9'",
        "a | 0000000 rs2 rs1 000 rd 0110011 | rd, rs1, rs2 | rd = rs1; semantics are not of the"
            + " form",
        "a | 0000000 rs2 rs1 000 00000 0110011 | rs1, rs2 | rd = Alu.a(rs1); a result needs a field"
            + " rd",
        "a | 0000000 rs2 rs1 000 rd 0110011 | rd | nop | rs3!=0; not a condition on a field",
        "a | 0000000 rs2 rs1 000 rd 0110011 | rd | nop | over b; no instruction 'b'",
        "a | 0000000 rs2 rs1 000 rd 0110011 | rd | = add x0, x0, x0; no instruction 'add'",
        "c.a | 000 imm[5] rd imm[4:0] 01 | rd, imm | nop; a 16-bit row names its expansion",
      })
  void malformedRows(String row, String reason) {
    IsaException e =
        assertThrows(
            IsaException.class,
            () -> InstructionSet.of("x.isa", "# x\nextension XDV\n\n" + row + "\n"));
    assertTrue(e.getMessage().startsWith("x.isa:4: "), e.getMessage());
    assertTrue(e.getMessage().contains(reason), e.getMessage());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      quoteCharacter = '"',
      value = {
        "b | 0000000 rs2 rs1 000 00000 0110011 | rs1, rs2 | nop; b overlaps add at x.isa:2",
        "b | 0000000 rs2 rs1 001 rd 0110011 | rd | nop | over add; b is not a special case of add",
        "add | 0000000 rs2 rs1 001 rd 0110011 | rd | nop; add is already defined at x.isa:2",
        "c.a | 000 imm[5] rd imm[4:0] 01 | rd, imm | = add rd, rd; the operands of add do not fit",
        "c.a | 000 imm[5] rd imm[4:0] 01 | rd, imm | = add rd, rd) rd; ',' expected instead of ')'",
        "c.a | 000 imm[5] rd imm[4:0] 01 | rd, imm | = add rd, rd, rs2; RS2 has no field",
      })
  void contradictoryRows(String row, String reason) {
    String text = "extension XDV\n" + ADD + row + "\n";
    IsaException e = assertThrows(IsaException.class, () -> InstructionSet.of("x.isa", text));
    assertTrue(e.getMessage().startsWith("x.isa:3: "), e.getMessage());
    assertTrue(e.getMessage().contains(reason), e.getMessage());
  }

  @Test
  void headerIsNeededOnce() {
    assertThrows(IsaException.class, () -> InstructionSet.of("x.isa", ADD));
    assertThrows(IsaException.class, () -> InstructionSet.of("x.isa", "extension Xyz\n"));
  }

  @Test
  void siblingsThatRefineTheSameRowMayNotOverlap() {
    String head = "extension XDV\n" + ORI;
    String first = "p | imm[11:5] 00000 rs1 110 00000 0010011 | imm(rs1) | nop | over ori\n";
    assertNotNull(InstructionSet.of("x.isa", head + first).named("p"));
    String second = "q | 0000000 0000- rs1 110 00000 0010011 | (rs1) | nop | over ori\n";
    assertThrows(IsaException.class, () -> InstructionSet.of("x.isa", head + first + second));
  }

  /** The registers of amocas.q are pairs: odd ones are reserved (Zacas). */
  @Test
  void slicedFieldsAreMultiples() {
    Instruction row = InstructionSet.standard().named("amocas.q");
    assertNotNull(row);
    int word = row.encode(30, 5, 28, 0, 3, 0);
    Decoded d = InstructionSet.standard().decoder().decode(word);
    assertNotNull(d);
    assertEquals("amocas.q.aqrl t5, t3, (t0)", Disassembler.text(word, 0));
    assertEquals(30, d.rd());
    assertEquals(28, d.rs2());
    assertThrows(IllegalArgumentException.class, () -> row.encode(31, 5, 28, 0, 0, 0));
    assertNull(InstructionSet.standard().decoder().decode(word | 1 << 7));
    assertNull(InstructionSet.standard().decoder().decode(word | 1 << 20));
  }

  @Test
  void someRowsNeedTwoExtensions() {
    Instruction row = InstructionSet.standard().named("amocas.b");
    assertNotNull(row);
    assertFalse(row.isIn(Extensions.of(Extension.ZABHA)));
    assertFalse(row.isIn(Extensions.of(Extension.ZACAS)));
    assertTrue(row.isIn(Extensions.of(Extension.ZABHA, Extension.ZACAS)));
  }

  /** Whatever its table's name: mstatus.FS is looked at for all of these. */
  @Test
  void whatHasToDoWithFRegistersIsFloating() {
    Set<Extension> floating =
        Set.of(Extension.F, Extension.D, Extension.ZFHMIN, Extension.ZFH, Extension.ZFA);
    for (Instruction i : InstructionSet.standard().instructions()) {
      boolean floats = !Collections.disjoint(floating, i.expansion().extensions());
      assertEquals(floats, i.floating(), i.mnemonic());
    }
  }
}
