package org.duvisor.machine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.foreign.ValueLayout;
import java.util.Random;
import java.util.zip.CRC32;
import org.duvisor.machine.mem.Quadword;
import org.duvisor.machine.testing.EngineUnderTest;
import org.duvisor.machine.testing.Engines;
import org.duvisor.machine.testing.TestMachine;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Random loops of integer, memory, atomic and floating-point instructions do the same on every
 * engine as interpreted: registers, memory, floating-point flags and the count of instructions.
 * Memory is accessed at neighbouring offsets around a page boundary, aligned and not.
 */
class RandomProgramTest {
  /** -Dprograms=N runs more; the seeds are those of the test. */
  private static final int PROGRAMS_PER_SEED = Integer.getInteger("programs", 30);

  private static final String[] THREE = {
    "add", "sub", "and", "or", "xor", "sll", "srl", "sra", "slt", "sltu", "addw", "subw", "sllw",
    "srlw", "sraw", "mul", "mulh", "mulhu", "mulw", "div", "divu", "rem", "remu", "divw", "remuw",
    "sh1add", "sh2add", "andn", "orn", "xnor", "max", "minu", "rol", "ror", "bset", "bext"
  };
  private static final String[] IMMEDIATE = {
    "addi", "andi", "ori", "xori", "addiw", "slti", "sltiu"
  };
  private static final String[] SHIFT = {"slli", "srli", "srai", "rori"};
  private static final String[] SHIFT_WORD = {"slliw", "srliw", "sraiw"};
  private static final String[] LOAD = {"lb", "lbu", "lh", "lhu", "lw", "lwu", "ld"};
  private static final String[] STORE = {"sb", "sh", "sw", "sd"};
  private static final String[] FLOAT = {
    "fadd.d",
    "fsub.d",
    "fmul.d",
    "fdiv.d",
    "fadd.s",
    "fmul.s",
    "fdiv.s",
    "fmin.d",
    "fmax.s",
    "fsgnj.d",
    "fsgnjn.s",
    "fadd.h",
    "fmul.h",
    "fmaxm.s",
    "fsgnjx.h"
  };
  private static final String[] BRANCH = {"beq", "bne", "blt", "bge", "bltu", "bgeu"};
  private static final String[] AMO = {
    "amoadd.w",
    "amoadd.d",
    "amoswap.d",
    "amoxor.w",
    "amoor.d",
    "amomin.w",
    "amomaxu.d",
    "amomaxu.w",
    "amoadd.b",
    "amoswap.h",
    "amominu.b",
    "amomax.h",
    "amoor.b"
  };
  private static final String[] CAS = {"amocas.b", "amocas.h", "amocas.w", "amocas.d"};

  private record Result(long[] x, long retired, long flags, long memory) {}

  private final StringBuilder text = new StringBuilder();

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4})
  void allEnginesAgree(long seed) {
    Random random = new Random(seed);
    for (int i = 0; i < PROGRAMS_PER_SEED; i++) {
      String program = program(random);
      Result expected = run(Engines.interpreter(), program);
      for (EngineUnderTest engine : Engines.all().toList()) {
        String where = engine + ", seed " + seed + ", program " + i + "\n" + program;
        Result actual = run(engine, program);
        assertArrayEquals(expected.x, actual.x, where);
        assertEquals(expected.retired, actual.retired, where);
        assertEquals(expected.flags, actual.flags, where);
        assertEquals(expected.memory, actual.memory, where);
      }
    }
  }

  private static Result run(EngineUnderTest engine, String program) {
    try (TestMachine m = new TestMachine(engine, program).run()) {
      long[] x = new long[32];
      for (int i = 0; i < 32; i++) {
        x[i] = m.x(i);
      }
      CRC32 sum = new CRC32();
      sum.update(m.ram().asSlice(0x10_0000, 0x4000).toArray(ValueLayout.JAVA_BYTE));
      return new Result(
          x, m.peek(TestMachine.DATA + 0x4000), m.peek(TestMachine.DATA + 0x4008), sum.getValue());
    }
  }

  private String program(Random r) {
    text.setLength(0);
    line("li t0, 0x6000");
    line("csrs mstatus, t0"); // FS
    line("li s0, DATA + " + (4096 + 8 * (r.nextInt(40) - 20)));
    line("li s1, DATA + " + (8192 + r.nextInt(8)));
    line("li s2, 25");
    for (int i = 10; i < 18; i++) {
      line("li x" + i + ", " + value(r));
      line("fcvt.d.w f" + i + ", x" + i);
    }
    if (r.nextBoolean()) { // NX is set from the start, as in most programs
      line("csrwi fflags, 1");
    }
    line("loop:");
    int parts = 3 + r.nextInt(6);
    for (int part = 0; part < parts; part++) {
      line("part" + part + ":");
      for (int i = r.nextInt(12); i > 0; i--) {
        instruction(r);
      }
      line(
          pick(r, BRANCH)
              + " "
              + x(r)
              + ", "
              + x(r)
              + ", part"
              + (part + 1 + r.nextInt(parts - part)));
      instruction(r);
      if (r.nextInt(4) == 0) {
        line("call leaf");
      }
    }
    line("part" + parts + ":");
    line("addi s0, s0, " + 8 * (r.nextInt(3) - 1));
    line("addi s2, s2, -1");
    line("bnez s2, loop");
    line("csrr t0, minstret");
    line("li t1, DATA + 0x4000");
    line("sd t0, 0(t1)");
    line("csrr t0, fcsr");
    line("sd t0, 8(t1)");
    line("j exit");
    line("leaf:");
    instruction(r);
    instruction(r);
    line("ret");
    return text.toString();
  }

  private void instruction(Random r) {
    switch (r.nextInt(12)) {
      case 0, 1, 2 -> line(pick(r, THREE) + " " + x(r) + ", " + x(r) + ", " + x(r));
      case 3 ->
          line(pick(r, IMMEDIATE) + " " + x(r) + ", " + x(r) + ", " + (r.nextInt(4096) - 2048));
      case 4 -> {
        line(pick(r, SHIFT) + " " + x(r) + ", " + x(r) + ", " + r.nextInt(64));
        line(pick(r, SHIFT_WORD) + " " + x(r) + ", " + x(r) + ", " + r.nextInt(32));
      }
      case 5, 6 -> line(pick(r, LOAD) + " " + x(r) + ", " + address(r));
      case 7, 8 -> line(pick(r, STORE) + " " + x(r) + ", " + address(r));
      case 9 -> {
        line("addi t3, s0, " + 8 * r.nextInt(8));
        line("andi t3, t3, -8");
        if (!Quadword.isAvailable() || r.nextInt(3) != 0) {
          line(pick(r, AMO) + " " + x(r) + ", " + x(r) + ", (t3)");
        } else if (r.nextInt(3) == 0) {
          line("andi t3, t3, -16");
          line("amocas.q " + even(r) + ", " + even(r) + ", (t3)");
        } else {
          line(pick(r, CAS) + " " + x(r) + ", " + x(r) + ", (t3)");
        }
      }
      case 10 -> line(pick(r, FLOAT) + " " + f(r) + ", " + f(r) + ", " + f(r));
      default -> {
        switch (r.nextInt(10)) {
          case 0 -> line("fld " + f(r) + ", " + 8 * r.nextInt(20) + "(s0)");
          case 1 -> line("fsd " + f(r) + ", " + 8 * r.nextInt(20) + "(s0)");
          case 2 -> line("fmadd.d " + f(r) + ", " + f(r) + ", " + f(r) + ", " + f(r));
          case 3 -> line("fcvt.l.d " + x(r) + ", " + f(r) + (r.nextBoolean() ? ", rtz" : ""));
          case 4 -> line("fcvt.d.l " + f(r) + ", " + x(r));
          case 5 -> line("flh " + f(r) + ", " + 2 * r.nextInt(80) + "(s0)");
          case 6 -> line("fsh " + f(r) + ", " + 2 * r.nextInt(80) + "(s0)");
          case 7 -> line("froundnx.d " + f(r) + ", " + f(r) + (r.nextBoolean() ? ", rup" : ""));
          case 8 -> line("fcvt.h.d " + f(r) + ", " + f(r));
          default -> line("flt.d " + x(r) + ", " + f(r) + ", " + f(r));
        }
      }
    }
  }

  private static String address(Random r) {
    int offset = r.nextInt(3) == 0 ? r.nextInt(200) - 100 : 8 * (r.nextInt(24) - 12);
    return offset + (r.nextInt(6) == 0 ? "(s1)" : "(s0)");
  }

  private static long value(Random r) {
    return switch (r.nextInt(4)) {
      case 0 -> r.nextInt(16);
      case 1 -> -1L << r.nextInt(63);
      case 2 -> r.nextInt();
      default -> r.nextLong();
    };
  }

  private static String x(Random r) {
    int n = r.nextInt(9);
    return n == 8 ? "x0" : "x" + (10 + n);
  }

  private static String even(Random r) {
    int n = r.nextInt(5);
    return n == 4 ? "x0" : "x" + (10 + 2 * n);
  }

  private static String f(Random r) {
    return "f" + (10 + r.nextInt(8));
  }

  private static String pick(Random r, String[] of) {
    return of[r.nextInt(of.length)];
  }

  private void line(String instruction) {
    text.append("  ").append(instruction).append('\n');
  }
}
