package org.duvisor.isa;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.List;
import org.duvisor.isa.codegen.HartStateGenerator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The tables of CSRs: what a row says, and that a wrong one is refused with its place. */
final class CsrTableTest {
  private static final String HEAD = "# x\nextension Ss\n";

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      quoteCharacter = '"',
      value = {
        "a | 0x100; a register needs an extension",
        "a | 100 | 0 | word | word; '100' is no number of a CSR",
        "a | 0x100 | - | word | word; a word has a value after reset",
        "a | 0x100 | 0 | wrod | word; 'wrod' says not where to read",
        "a | 0x100 | 0 | word | wrod; 'wrod' says not what to write",
        "a | 0x100 | 0 | word; what does a write do",
        "a | 0xf00 | 0 | word | word; that of a read-only register",
        "a | 0x100 | 0 | word | word | | all; neither V=1 and a name",
        "a | 0x100 | 0 | word | word | | | x | y; a row has at most 7 cells",
        "A | 0x100 | 0 | word | word; 'A' is no name",
        "a3..1 | 0x100 | 0 | word | word; is empty",
        "a0..31 | 0xff0 | - | zero; the numbers of CSRs end at 0xfff",
        "a | 0x100 | - | as b; there is no b",
        "a | 0x100 | 0 | word | fields; no fields",
      })
  void malformedRows(String row, String reason) {
    IsaException e =
        assertThrows(
            IsaException.class, () -> new CsrTable().add("x.csr", HEAD + row + "\n").check());
    assertTrue(e.getMessage().startsWith("x.csr:3: "), e.getMessage());
    assertTrue(e.getMessage().contains(reason), e.getMessage());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      quoteCharacter = '"',
      value = {
        ".x; not a name and bits",
        ".x 3:5; no bits of a register",
        ".x 64; no bits of a register",
        ".x 3 .y 5:2; .y overlaps another field",
        ".x 3 Zxyz; there is no extension 'Zxyz'",
        "a | 0x101 | 0 | word | word; a is already defined",
        "b | 0x100 | 0 | word | word; the number is a's",
      })
  void malformedFieldsAndRepetitions(String row, String reason) {
    String text = HEAD + "a | 0x100 | 0 | word | fields\n" + row + "\n";
    IsaException e = assertThrows(IsaException.class, () -> new CsrTable().add("x.csr", text));
    assertTrue(e.getMessage().startsWith("x.csr:4: "), e.getMessage());
    assertTrue(e.getMessage().contains(reason), e.getMessage());
  }

  @Test
  void aRowSaysAllThatThereIs() {
    String text =
        HEAD
            + "a0..2/2 | 0x100 | 0x8 | word | fields | attend, flush | vcpu\n"
            + "  .low 2:0 not 2 3 .fixed 3 ro .more 63 Sstc\n";
    CsrRow row = new CsrTable().add("x.csr", text).check().rows().getFirst();
    assertEquals(List.of("a0", "a2"), List.of(row.name(0), row.name(1)));
    assertEquals(0x102, row.number(1));
    assertEquals(List.of("attend", "flush"), row.then());
    assertTrue(row.switched());
    assertEquals(1L << 63 | 7, row.mask(false));
    assertEquals(1L << 63 | 15, row.mask(true));
    assertEquals(List.of(2, 3), row.fields().getFirst().not());
  }

  /** What one register has another of V=1 has too: the same fields, taken in the same way. */
  @Test
  void guestsHaveRegistersOfTheSameShape() throws IOException {
    List<CsrRow> rows = HartStateGenerator.standard().rows();
    for (CsrRow row : rows) {
      for (CsrRow guest : rows) {
        if (guest.name().equals(row.guest()) && guest.write() == CsrRow.Write.FIELDS) {
          assertEquals(row.fields(), guest.fields(), row.name());
        }
      }
    }
  }

  @Test
  void fieldsAreReadAndSet() {
    assertEquals(3, CsrField.get(0x6000, Csr.MSTATUS_FS));
    assertEquals(0x2001, CsrField.set(0x6001, Csr.MSTATUS_FS, 1));
    assertEquals(0xfff_ffff_ffffL, Csr.SATP_PPN);
  }
}
