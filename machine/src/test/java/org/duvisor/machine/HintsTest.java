package org.duvisor.machine;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.duvisor.machine.testing.EngineUnderTest;
import org.duvisor.machine.testing.TestMachine;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every encoding that the unprivileged specification lists as a HINT ("HINT Instructions" of RV64I,
 * and of C) executes, and changes nothing; among them are those of Zihintntl.
 */
class HintsTest {
  private static final int RUNS = 16;

  private final Random random = new Random(5);
  private final List<String> code = new ArrayList<>();

  private void word(int bits) {
    code.add(".word 0x%08x".formatted(bits));
  }

  private void half(int bits) {
    code.add(".half 0x%04x".formatted(bits));
  }

  /** RV64I, with rd = x0. */
  private void words() {
    for (int i = 0; i < RUNS; i++) {
      int any = random.nextInt() & ~0xfff;
      int registers = any & 0x01ff_8000;
      int shift = any & 0x03ff_8000;
      word(any | 0x37); // lui
      word(any | 0x17); // auipc
      for (int function : new int[] {0, 2, 3, 4, 6, 7}) {
        word(any & ~0x7000 | function << 12 | 0x13); // addi, slti, sltiu, xori, ori, andi
      }
      word(any & ~0x7000 | 0x1b); // addiw
      for (int upper : new int[] {0, 0x4000_0000}) {
        word(upper | shift | 0x5013); // srli, srai
        word(upper | registers | 0x501b); // srliw, sraiw
        for (int opcode : new int[] {0x33, 0x3b}) {
          word(upper | registers | opcode); // add, sub
          word(upper | registers | 0x5000 | opcode); // srl, sra
        }
      }
      word(shift | 0x1013); // slli
      word(registers | 0x101b); // slliw
      word(registers | 0x103b); // sllw
      for (int function : new int[] {1, 2, 3, 4, 6, 7}) {
        word(registers | function << 12 | 0x33); // sll, slt, sltu, xor, or, and
      }
      word((i & 15) << 20 | 0x0f); // fence without predecessors
      word((i & 15) << 24 | 0x0f); // and without successors, pause included
    }
  }

  /** C. */
  private void halves() {
    for (int n = 1; n < 64; n++) {
      int imm = (n & 32) << 7 | (n & 31) << 2;
      half(0x0001 | imm); // c.nop
      half(0x4001 | imm); // c.li x0
      half(0x6001 | imm); // c.lui x0
      half(0x0002 | imm); // c.slli x0
    }
    for (int register = 1; register < 32; register++) {
      half(0x0001 | register << 7); // c.addi 0
      half(0x0002 | register << 7); // c.slli 0
      half(0x8002 | register << 2); // c.mv x0
      half(0x9002 | register << 2); // c.add x0, and with it c.ntl.*
    }
    for (int register = 0; register < 8; register++) {
      half(0x8001 | register << 7); // c.srli 0
      half(0x8401 | register << 7); // c.srai 0
    }
  }

  @ParameterizedTest
  @MethodSource("org.duvisor.machine.testing.Engines#all")
  void changeNothing(EngineUnderTest engine) {
    words();
    halves();
    code.addAll(List.of("ntl.p1", "ntl.pall", "ntl.s1", "ntl.all"));
    code.addAll(List.of("c.ntl.p1", "c.ntl.pall", "c.ntl.s1", "c.ntl.all", "nop"));
    String set =
        IntStream.range(1, 30)
            .mapToObj(i -> "li x%d, %d\n".formatted(i, value(i)))
            .collect(Collectors.joining());
    String program = set + String.join("\n", code) + "\nj exit\n";
    try (TestMachine m = new TestMachine(engine, program).run()) {
      assertEquals(List.of(), m.traps());
      for (int i = 0; i < 30; i++) {
        assertEquals(value(i), m.x(i), "x" + i);
      }
    }
  }

  private static long value(int register) {
    return register * 0x123_4567_89ab_cdefL;
  }
}
