package org.duvisor.isa;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.CharRange;
import net.jqwik.api.constraints.StringLength;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Labels, expressions, directives and errors; encodings are the business of the other tests. */
class AssemblerTest {
  private static final long BASE = 0x8020_0000L;

  private static int[] words(String text) {
    ByteBuffer bytes =
        ByteBuffer.wrap(new Assembler(BASE).asm(text).bytes()).order(ByteOrder.LITTLE_ENDIAN);
    int[] words = new int[bytes.remaining() / 4];
    bytes.asIntBuffer().get(words);
    return words;
  }

  private static Decoded decoded(int word) {
    Decoded d = InstructionSet.standard().decoder().decode(word);
    if (d == null) {
      throw new AssertionError(Integer.toHexString(word));
    }
    return d;
  }

  @Test
  void labelsForwardAndBackward() {
    Assembly a =
        new Assembler(BASE)
            .asm("start: j end\nloop: addi a0, a0, -1\n bnez a0, loop\nend:\n.equ five, 5");
    assertEquals(BASE, a.label("start"));
    assertEquals(BASE + 4, a.label("loop"));
    assertEquals(BASE + 12, a.label("end"));
    assertEquals(5, a.label("five"));
    assertThrows(IllegalArgumentException.class, () -> a.label("nowhere"));
    assertEquals(4, a.labels().size());
  }

  @Test
  void numericLabelsMeanTheNearest() {
    int[] w = words("1: j 1f\n j 1b\n1: j 1b\n j 1f\n1:");
    assertEquals(8, decoded(w[0]).imm());
    assertEquals(-4, decoded(w[1]).imm());
    assertEquals(0, decoded(w[2]).imm());
    assertEquals(4, decoded(w[3]).imm());
  }

  @Test
  void farReferences() {
    int[] w =
        words(
            "la a0, data\n"
                + " call data\n"
                + " tail data\n"
                + "x: auipc a1, %pcrel_hi(data+0x12345)\n"
                + " addi a1, a1, %pcrel_lo(x)\n"
                + " lui a2, %hi(0x12345fff)\n"
                + " addi a2, a2, %lo(0x12345fff)\n"
                + " data:");
    long data = BASE + 4L * w.length;
    assertEquals(data, BASE + decoded(w[0]).imm() + decoded(w[1]).imm());
    assertEquals(data, BASE + 8 + decoded(w[2]).imm() + decoded(w[3]).imm());
    assertEquals(1, decoded(w[3]).rd());
    assertEquals(data, BASE + 16 + decoded(w[4]).imm() + decoded(w[5]).imm());
    assertEquals(0, decoded(w[5]).rd());
    assertEquals(6, decoded(w[5]).rs1());
    assertEquals(data + 0x12345, BASE + 24 + decoded(w[6]).imm() + decoded(w[7]).imm());
    assertEquals(0x12345fff, decoded(w[8]).imm() + decoded(w[9]).imm());
  }

  @Test
  void dataDirectives() {
    Assembly a =
        new Assembler(BASE)
            .asm(
                """
                .byte 1, -1, 'a', 255, ';'
                .half 0x1234 ; .word end - . // comment
                .dword 0xffffffffffffffff  # comment
                .ascii "a#;\\"\\n", "b"
                .asciz "z"
                end:
                """);
    ByteBuffer expected = ByteBuffer.allocate(27).order(ByteOrder.LITTLE_ENDIAN);
    expected
        .put((byte) 1)
        .put((byte) -1)
        .put((byte) 'a')
        .put((byte) 255)
        .put((byte) ';')
        .putShort((short) 0x1234);
    expected.putInt(20).putLong(-1).put("a#;\"\nbz\0".getBytes(StandardCharsets.US_ASCII));
    assertArrayEquals(expected.array(), a.bytes());
    assertEquals(BASE + 27, a.label("end"));
  }

  @Test
  void alignmentPadsWithNops() {
    Assembly a =
        new Assembler(BASE).asm(".byte 1\n.balign 8\nx: .align 4\ny: .zero 3\n.balign 4\nz:");
    assertEquals(BASE + 8, a.label("x"));
    assertEquals(BASE + 16, a.label("y"));
    assertEquals(BASE + 20, a.label("z"));
    byte[] head = {1, 0, 1, 0, 0x13, 0, 0, 0, 0x13, 0, 0, 0, 0x13, 0, 0, 0, 0, 0, 0, 0};
    assertArrayEquals(head, a.bytes());
  }

  /** The words are those of GNU binutils 2.44. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "fli.s fa0, 0.0625 | f0130553 | fli.s fa0, 0.0625",
        "fli.s fa0, 65536  | f01e8553 | fli.s fa0, 0x1p16",
        "fli.s fa0, -1     | f0100553 | fli.s fa0, -1.0",
        "fli.d fa0, inf    | f21f0553 | fli.d fa0, inf",
        "fli.d fa1, nan    | f21f85d3 | fli.d fa1, nan",
        "fli.h fa0, min    | f4108553 | fli.h fa0, min",
        "ntl.p1            | 00200033 | ntl.p1",
        "ntl.all           | 00500033 | ntl.all",
        "c.ntl.pall        | 900e     | ntl.pall",
        "amocas.q.aq a2, x0, (s0) | 2c04462f | amocas.q.aq a2, zero, (s0)",
        "fcvtmod.w.d a0, fa0, rtz | c2851553 | fcvtmod.w.d a0, fa0, rtz"
      })
  void constantsHintsAndPairs(String text, String word, String disassembly) {
    int bits = Words.first(new Assembler(BASE).asm(text));
    assertEquals(Integer.parseUnsignedInt(word, 16), bits, text);
    assertEquals(disassembly, Disassembler.text(bits, 0));
  }

  @ParameterizedTest
  @CsvSource(
      quoteCharacter = '"',
      value = {
        "1 + 2 * 3, 7",
        "(1 + 2) * 3, 9",
        "1 << 4 | 1, 17",
        "-(-5), 5",
        "~0, -1",
        "0b101 + 010 + 0x10, 29",
        "10 / 3 % 2, 1",
        "'a' - 1, 96",
        "0xff ^ 0x0f & 0x3, 252",
        "100 - 10 - 1, 89",
        "K * 2, 84"
      })
  void expressions(String expression, long value) {
    byte[] bytes = new Assembler(0).define("K", 42).asm(".dword " + expression).bytes();
    assertEquals(value, ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getLong());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      value = {
        "addi a0, a1            | ',' expected at the end",
        "addi a0, a1, a2        | an expression expected before 'a2'",
        "addi a0, a1, 2048      | addi cannot encode the immediate 2048",
        "slli a0, a1, 64        | slli cannot encode the immediate 64",
        "lui a0, 0x100000       | not a 20-bit value",
        "ld a0, 8(fa0)          | x register expected before 'fa0)'",
        "fadd.s a0, fa0, fa1    | f register expected before 'a0, fa0, fa1'",
        "fadd.s fa0, fa0, fa1, x| not a rounding mode: x",
        "beq a0, a1, . + 4096   | beq cannot encode the immediate 4096",
        "beq a0, a1, . + 1      | beq cannot encode the immediate 1",
        "jal nowhere            | undefined symbol nowhere",
        "frob a0                | unknown instruction 'frob'",
        "addi.aq a0, a0, 1      | unknown instruction 'addi.aq'",
        "c.addi4spn a0, sp, 0   | reserved encoding",
        "c.lw a0, 4(t0)         | c.lw cannot encode register",
        "c.addi16sp a0, 16      | sp expected",
        "csrw nothing, a0       | undefined symbol nothing",
        "csrwi mstatus, 32      | cannot encode",
        "fence rw, q            | not a set of i, o, r and w: q",
        "nop nop                | unexpected text before 'nop'",
        "li a0, later           | needed before its definition",
        ".byte 256              | 256 does not fit into 1 bytes",
        ".byte -129             | -129 does not fit into 1 bytes",
        ".word 0x100000000      | does not fit into 4 bytes",
        ".zero -1               | cannot add -1 bytes",
        ".zero 0x7fffffffffff   | cannot add",
        ".balign 3              | power of two",
        ".frob                  | unknown directive .frob",
        ".dword 1 / 0           | division by zero",
        ".dword 0x1ffffffffffffffff | not a 64-bit number",
        "1x: nop                | a label does not start with a digit",
        "x: nop; x: nop         | label x is already defined",
        "lw a0, %lo(1           | ')' expected at the end",
        "lw a0, %mid(1)(a0)     | unknown relocation %mid",
        "la a0, . + 0x100000000 | not within 32 bits",
        "addi a0, a0, %pcrel_lo(0) | %pcrel_lo needs the label",
      })
  void errorsNameLineAndReason(String text, String reason) {
    AssemblyException e =
        assertThrows(AssemblyException.class, () -> new Assembler(BASE).asm("nop\n\n" + text));
    assertEquals(3, e.line());
    assertTrue(e.getMessage().startsWith("line 3: "), e.getMessage());
    assertTrue(e.getMessage().contains(reason), e.getMessage());
  }

  @Test
  void unterminatedString() {
    assertThrows(AssemblyException.class, () -> new Assembler(0).asm(".ascii \"a"));
    assertThrows(AssemblyException.class, () -> new Assembler(0).asm(".ascii \"\\q\""));
  }

  /**
   * The adversary writes garbage: whatever the text, the answer is bytes or an AssemblyException.
   */
  @Property(tries = 2000)
  void garbageIsRefusedCleanly(
      @ForAll @CharRange(from = ' ', to = '~') @StringLength(max = 40) String operands,
      @ForAll int choice) {
    String[] heads = {
      "addi ",
      "ld a0, ",
      ".dword ",
      ".ascii \"",
      "beq a0, a1, ",
      "csrrw a0, ",
      "fence ",
      "",
      "1: j 1"
    };
    try {
      new Assembler(0).asm(heads[Math.floorMod(choice, heads.length)] + operands);
    } catch (AssemblyException e) {
      assertEquals(1, e.line());
    }
  }

  @Test
  void deepNestingIsRefused() {
    String text = ".dword " + "(".repeat(100_000) + "1" + ")".repeat(100_000);
    assertThrows(AssemblyException.class, () -> new Assembler(0).asm(text));
  }
}
