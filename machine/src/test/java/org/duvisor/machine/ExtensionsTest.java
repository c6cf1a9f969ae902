package org.duvisor.machine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.duvisor.isa.Csr;
import org.duvisor.isa.CsrField;
import org.duvisor.isa.CsrRow;
import org.duvisor.isa.Decoded;
import org.duvisor.isa.Decoder;
import org.duvisor.isa.Extension;
import org.duvisor.isa.Extensions;
import org.duvisor.isa.Instruction;
import org.duvisor.isa.InstructionSet;
import org.duvisor.isa.codegen.HartStateGenerator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Harts without an extension: each is taken away, and what the tables say is its is not there. */
final class ExtensionsTest {
  private static final long ILLEGAL = 2;
  private static final Extensions ALL =
      Extensions.max().with(Extension.SV57, Extension.SVADE, Extension.ZKR);

  static Stream<Extension> optional() {
    return Arrays.stream(Extension.values()).filter(e -> !e.mandatory() && ALL.has(e));
  }

  @ParameterizedTest
  @MethodSource("optional")
  void itsInstructionsAreIllegal(Extension absent) {
    Extensions without = ALL.without(absent);
    Decoder decoder = InstructionSet.standard().decoder(without);
    Random random = new Random(absent.ordinal());
    for (Instruction i : InstructionSet.standard().instructions()) {
      for (int n = 0; n < 8; n++) {
        int word = i.match() | random.nextInt() & ~i.mask();
        if (!i.matches(word)) {
          continue;
        }
        Decoded d = decoder.decode(word);
        if (!i.isIn(without)) {
          assertFalse(d != null && d.instruction() == i.expansion() && i.length() == 4, i + "");
        } else if (d != null && d.instruction() == i) {
          assertTrue(without.hasAny(i.extensions()), i + "");
        }
      }
    }
  }

  /** Only a row that refines another leaves that one behind; all others are no instructions. */
  @Test
  void whatIsTakenAwayIsNoInstruction() {
    Decoder none = InstructionSet.standard().decoder(Extensions.of());
    List<String> left = new ArrayList<>();
    for (Instruction i : InstructionSet.standard().instructions()) {
      if (!i.isIn(Extensions.of()) && none.decode(i.match()) != null) {
        left.add(i.mnemonic());
      }
    }
    assertEquals(
        List.of("prefetch.i", "prefetch.r", "prefetch.w", "pause"), left, "hints of the base ISA");
  }

  @ParameterizedTest
  @MethodSource("optional")
  void itsCsrsAreIllegalAndItsFieldsReadOnlyZero(Extension absent) throws Exception {
    Extensions without = ALL.without(absent);
    HartFixture f = new HartFixture(new HartConfig(without));
    for (CsrRow row : HartStateGenerator.standard().rows()) {
      if (!row.isCsr() || !row.exists()) {
        continue;
      }
      boolean present = row.extensions().stream().allMatch(without::has);
      boolean aia = row.extensions().contains(Extension.SMAIA);
      if (!present || aia) {
        assertEquals(ILLEGAL, f.readCause(row.number()), row.name());
        continue;
      }
      for (CsrField field : row.fields()) {
        if (!field.extension().stream().allMatch(without::has)) {
          f.csr(row.number(), -1);
          assertEquals(0, f.csr(row.number()) & field.mask(), row.name() + "." + field.name());
        }
      }
    }
  }

  @Test
  void misaAndTheModesOfSatpFollow() {
    HartFixture f = new HartFixture(new HartConfig(Extensions.parse("rva20")));
    assertEquals(0, f.csr(Csr.MISA) & (1 << 'H' - 'A' | 1 << 'B' - 'A'));
    long sv48 = 9L << 60 | 1;
    f.csr(Csr.SATP, sv48);
    assertEquals(0, f.csr(Csr.SATP));
    HartFixture max = new HartFixture(HartConfig.STANDARD);
    max.csr(Csr.SATP, sv48);
    assertEquals(sv48, max.csr(Csr.SATP));
  }

  /** Adversary: a guest that leaves something in a field that its hart does not have. */
  @Test
  void aHartWithoutSvaduNeverSetsAccessedBits() {
    HartFixture f = new HartFixture(new HartConfig(Extensions.max().without(Extension.SVADU)));
    f.csr(Csr.MENVCFG, -1);
    f.csr(Csr.HENVCFG, -1);
    assertEquals(0, (f.csr(Csr.MENVCFG) | f.csr(Csr.HENVCFG)) >>> 61 & 1);
  }

  @Test
  void namesAreQemusAndMistakesGetALine() {
    Extensions rva23 = Extensions.parse("rva23s64");
    assertEquals(rva23, Extensions.parse("rva23"));
    assertTrue(rva23.has(Extension.ZIMOP) && !rva23.has(Extension.XDV));
    assertTrue(Extensions.parse("rva20,+h").has(Extension.H));
    assertFalse(Extensions.parse("max,-f").has(Extension.ZCD));
    assertFalse(Extensions.parse("max,zbb=off").has(Extension.B));
    assertFalse(Extensions.parse("max,-h").has(Extension.XDV));
    for (String[] wrong :
        new String[][] {
          {"pentium", "there is no processor 'pentium': there are rva20, rva22, rva23, max"},
          {"max,+zyx", "there is no extension 'zyx'"},
          {"max,zbb", "'zbb' is neither +extension nor -extension"},
          {"max,-i", "every hart has i"},
          {"max,+d,-f", "d is asked for, and something that it needs is taken away"},
        }) {
      IllegalArgumentException e =
          assertThrows(IllegalArgumentException.class, () -> Extensions.parse(wrong[0]));
      assertEquals(wrong[1], e.getMessage());
    }
  }
}
