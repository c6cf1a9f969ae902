package org.duvisor.isa;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The GNU assembler as an independent model of encodings and syntax: it reads what our disassembler
 * writes, for every row with random operands, and must arrive at the same words. Skipped where
 * riscv64-linux-gnu-as is not installed.
 */
class GnuAssemblerTest {
  private static final String AS = "riscv64-linux-gnu-as";
  private static final String OBJCOPY = "riscv64-linux-gnu-objcopy";
  private static final int WORDS_PER_ROW = 12;

  /** What -march=rv64gc has, under the names of parts that not every version knows. */
  private static final Set<Extension> GENERAL =
      Set.of(
          Extension.I,
          Extension.M,
          Extension.ZAAMO,
          Extension.ZALRSC,
          Extension.F,
          Extension.D,
          Extension.ZCA,
          Extension.ZCD,
          Extension.ZICSR,
          Extension.ZIFENCEI,
          Extension.SM,
          Extension.SS);

  @TempDir static Path directory = Path.of(".");

  @BeforeAll
  static void installed() {
    assumeTrue(run(AS, "--version"), AS + " is not installed");
    assumeTrue(run(OBJCOPY, "--version"), OBJCOPY + " is not installed");
  }

  private static boolean run(String... command) {
    try {
      Path log = directory.resolve("log");
      Process process =
          new ProcessBuilder(command)
              .redirectErrorStream(true)
              .redirectOutput(log.toFile())
              .start();
      if (!process.waitFor(60, TimeUnit.SECONDS)) {
        process.destroyForcibly();
        return false;
      }
      return process.exitValue() == 0;
    } catch (IOException e) {
      return false;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  private static ByteBuffer assemble(String march, String text) throws IOException {
    Path source = directory.resolve("x.s");
    Path object = directory.resolve("x.o");
    Path binary = directory.resolve("x.bin");
    Files.writeString(source, ".option norelax\n.option norvc\n" + text, StandardCharsets.UTF_8);
    String log = "";
    if (!run(AS, "-march=" + march, "-o", object.toString(), source.toString())) {
      log = Files.readString(directory.resolve("log"));
    }
    assertEquals("", log);
    assertTrue(run(OBJCOPY, "-O", "binary", object.toString(), binary.toString()));
    return ByteBuffer.wrap(Files.readAllBytes(binary)).order(ByteOrder.LITTLE_ENDIAN);
  }

  private static boolean knows(String suffix) throws IOException {
    Path source = Files.writeString(directory.resolve("empty.s"), "\n");
    return run(
        AS,
        "-march=rv64gc" + suffix,
        "-o",
        directory.resolve("empty.o").toString(),
        source.toString());
  }

  @Test
  void sameWordsForEveryRow() throws IOException {
    StringBuilder march = new StringBuilder("rv64gc");
    Set<Extension> known = EnumSet.copyOf(GENERAL);
    for (Extension e : Extension.values()) {
      if (!known.contains(e)
          && (e.name().length() > 1 || e == Extension.H)
          && knows("_" + e.isaName())) {
        march.append('_').append(e.isaName());
        known.add(e);
      }
    }
    Map<Integer, String> texts = new LinkedHashMap<>();
    Random random = new Random(11);
    for (Instruction row : InstructionSet.standard().instructions()) {
      for (int i = 0; !Collections.disjoint(known, row.extensions()) && i < WORDS_PER_ROW; i++) {
        Integer word = word(row, random);
        if (word != null) {
          texts.put(word, text(row, word));
        }
      }
    }
    ByteBuffer binary = assemble(march.toString(), compressedOff(texts));
    texts.forEach(
        (word, text) -> {
          int actual = (word & 3) == 3 ? binary.getInt() : binary.getShort() & 0xffff;
          assertEquals(Integer.toHexString(actual), Integer.toHexString(word), text);
        });
  }

  /** Only what is written as c.something may be compressed. */
  private static String compressedOff(Map<Integer, String> texts) {
    StringBuilder out = new StringBuilder();
    texts.forEach(
        (word, text) -> {
          out.append((word & 3) == 3 ? ".option norvc\n" : ".option rvc\n")
              .append(text)
              .append('\n');
        });
    return out.toString();
  }

  /** Words that both assemblers can express: known CSRs, rounding modes and fence sets. */
  private static @Nullable Integer word(Instruction row, Random random) {
    Integer word = Words.random(row, random);
    if (word == null) {
      return null;
    }
    int bits = word;
    if (row.operand(Slot.RM) == Operand.RM_RNE) {
      bits &= ~0x7000;
    } else if (row.operand(Slot.RM) == Operand.RM && (bits >> 12 & 7) >= 5) {
      bits |= 0x7000;
    }
    if (row.operand(Slot.IMM) == Operand.CSR) {
      int[] csrs = {0x300, 0x180, 0x7c0, 0xc01, 0x3ef, 0x680, 0x001};
      bits = (bits & 0xfffff) | (csrs[random.nextInt(csrs.length)] << 20);
    }
    if (row.mnemonic().equals("fence")) {
      bits |= 0x1100000;
    }
    if (row.mnemonic().equals("aes64ks1i") && row.slot(Slot.IMM, bits) > 10) {
      return null; // a round that there is not
    }
    boolean hint = row.length() == 2 && row.extensions().contains(Extension.ZCA) && hint(row, bits);
    return hint ? null : (Integer) bits;
  }

  /** Compressed hints have no GNU syntax in some versions. */
  private static boolean hint(Instruction row, int bits) {
    Decoded d = row.decode(bits);
    boolean writesNothing =
        d.rd() == 0 && d.instruction().semantics().result() == Semantics.Result.RD;
    boolean zero =
        row.slot(Slot.IMM, bits) == 0 && row.operand(Slot.IMM) != null && d.rd() == d.rs1();
    return writesNothing || zero;
  }

  private static String text(Instruction row, int word) {
    String text = Disassembler.exact(word, 0);
    if (row.operand(Slot.IMM) == Operand.TARGET) {
      long offset = row.slot(Slot.IMM, word);
      int at = text.lastIndexOf("0x");
      return text.substring(0, at) + (offset < 0 ? "." : ".+") + offset;
    }
    return text;
  }

  /** Pseudo-instructions and multi-instruction forms: here both assemblers read the same source. */
  @Test
  void samePseudoInstructions() throws IOException {
    String text =
        """
        start: nop; mv a0, a1; not a0, a1; neg a0, a1; negw a0, a1; sext.w a0, a1; seqz a0, a1; snez a0, a1
        sltz a0, a1; sgtz a0, a1; sgt a0, a1, a2; sgtu a0, a1, a2
        1: beqz a0, 1b; bnez a0, 1f; blez a0, 1b; bgez a0, start; bltz a0, end; bgtz a0, 1f
        1: bgt a0, a1, 1b; ble a0, a1, 1b; bgtu a0, a1, start; bleu a0, a1, end
        j start; jal end; jal t0, end; jr a0; jr 4(a0); jalr a0; jalr t0, 4(a0); jalr t0, a0, 8; ret
        rdcycle a0; rdtime a0; rdinstret a0; frcsr a0; fscsr a0; fscsr a0, a1; frrm a0; fsrm a0; frflags a0; fsflags a0
        csrr a0, mstatus; csrw satp, a0; csrs sie, a0; csrc sip, a0; csrwi stvec, 31; csrsi mie, 1; csrci 0x123, 2
        csrrw a0, mscratch, a0; fmv.s fa0, fa1; fabs.s fa0, fa1; fneg.s fa0, fa1; fmv.d fa0, fa1; fabs.d fa0, fa1
        fneg.d fa0, fa1; fmv.x.s a0, fa0; fmv.s.x fa0, a0; fgt.s a0, fa0, fa1; fge.d a0, fa0, fa1
        fence; fence rw, w; fence iorw, o; fence.i; sfence.vma; sfence.vma a0; sfence.vma a0, a1; ecall; ebreak
        lr.w.aq a0, (a1); sc.d.rl a0, a1, (a2); amoadd.w.aqrl a0, a1, 0(a2); ld a0, (a1); sd a0, -8(fp)
        fadd.s fa0, fa1, fa2, rtz; fcvt.w.d a0, fa0, rup; fcvt.d.l fa0, a0; fsqrt.d fa0, fa0; unimp
        li a0, 0; li a1, -2048; li a2, 0x12345; li a3, 0x80000000 - 0x100000000; li a4, 2048; li a5, 0x7ffff800
        lui a0, 0xfffff; lui a0, %hi(0x12345fff); addi a0, a0, %lo(0x12345fff); auipc a0, 1
        .balign 8
        .byte 1, 2; .half 3, -1; .word 7, 5; .dword 0x123456789abcdef0; .ascii "a;#"; .asciz "b\\n"; .zero 5
        .align 3
        end: addi a0, a0, 1; ret
        """;
    ByteBuffer binary = assemble("rv64gc", text);
    byte[] ours = new Assembler(0).asm(text).bytes();
    for (int i = 0; i + 4 <= ours.length; i += 4) {
      int word = ByteBuffer.wrap(ours).order(ByteOrder.LITTLE_ENDIAN).getInt(i);
      assertEquals(Integer.toHexString(binary.getInt(i)), Integer.toHexString(word), "at " + i);
    }
    assertEquals(binary.capacity(), ours.length);
  }
}
